"""Settings of `sp1tee fulfill`."""

import os
import socket
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    ByteSize,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)

from sp1tee.errors import ConfigError
from sp1tee.fulfill.endpoint import Endpoint, parse_url
from sp1tee.fulfill.executors import Limits
from sp1tee.fulfill.inputs import InputLimits
from sp1tee.settings import Original, Settings, read_secret

_NO_KEY = "Workers hold no key of the network's: the server alone signs."


_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
_Size = Annotated[ByteSize, Field(gt=0)]


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def _worker_listener(url: str) -> str:
    parse_url(url)
    return url


def _header(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("Use ASCII characters without spaces: it travels in a header")
    return value


class FulfillSettings(Settings):
    """What a worker needs to know: a server's URL and a token; the rest has defaults.

    Section ``[fulfill]``, variables ``SP1TEE_FULFILL_…``. Sizes may be written ``512MiB``.

    Attributes:
        server: URL of the server's worker listener.
        token: the worker token, which the server wrote to worker.token in its data directory.
        token_file: the path of a file that holds it.
        server_ca_file: PEM certificates to trust instead of the system's, for https.
        name: shown to operators; unique per worker.
        prover: what makes the proofs.
        slots: how many proofs are made at once, one per device.
        prefetch: how many requests are fetched and executed ahead.
        max_stdin_bytes: the largest input, as uploaded and unpacked.
        max_program_bytes: the largest ELF.
        max_cycles: the longest run in cycles, whatever a request allows.
        execute_seconds: the longest run in seconds.
        execute_memory_bytes: the most memory a guest may use.
        drain_s: seconds a proof in progress may go on after SIGTERM.
    """

    originals: ClassVar[tuple[Original, ...]] = (
        Original("PRIVATE_SERVER_RPC_URL", "server", "Use SP1TEE_FULFILL_SERVER instead."),
        Original("WORKER_COUNT", "slots", "Use SP1TEE_FULFILL_SLOTS instead."),
        Original("FULFILLER_PRIVATE_KEY", None, f"{_NO_KEY} Remove it here."),
        Original("NETWORK_RPC_URL", None, "Workers talk to the server alone. Remove it here."),
        Original("PROGRAMS_S3_REGION", None, "Programs come from the server. Remove it here."),
    )

    # The server makes it, and may be started at the same time.
    late_files: ClassVar[frozenset[str]] = frozenset({"token_file"})

    server: Annotated[str, AfterValidator(_worker_listener)] = "http://127.0.0.1:8081"
    token: Annotated[SecretStr, AfterValidator(_header)] | None = None
    token_file: Path | None = None
    server_ca_file: Path | None = None
    name: _Name = Field(default_factory=_own_name)
    prover: Literal["mock"] = "mock"
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    prefetch: Annotated[int, Field(ge=0, le=16)] = 1
    max_stdin_bytes: _Size = ByteSize(2 << 30)
    max_program_bytes: _Size = ByteSize(256 << 20)
    max_cycles: PositiveInt | None = None
    execute_seconds: PositiveFloat = 600.0
    execute_memory_bytes: _Size = ByteSize(4 << 30)
    drain_s: NonNegativeFloat = 90.0

    @property
    def endpoint(self) -> Endpoint:
        """The server to work for; raises `ConfigError` without a token."""
        if self.token is None:
            raise ConfigError(
                "A worker needs the server's worker token.",
                advice="Give --token-file PATH or SP1TEE_FULFILL_TOKEN_FILE; the server wrote it "
                "to worker.token in its data directory.",
            )
        return Endpoint.of(self.server, self.token.get_secret_value(), self.server_ca_file)

    def with_token_read(self) -> Self:
        """Return these settings with a token whose file was not there when they were made.

        Raises:
            ConfigError: the file is still not there, or holds no token.
        """
        if self.token is not None or self.token_file is None:
            return self
        try:
            token = _header(read_secret("token_file", self.token_file))
        except ValueError as error:
            raise ConfigError(f"The token_file {self.token_file} is unusable: {error}.") from None
        return self.model_copy(update={"token": token})

    @property
    def input_limits(self) -> InputLimits:
        """How much is fetched and unpacked."""
        return InputLimits(self.max_stdin_bytes, self.max_program_bytes)

    @property
    def run_limits(self) -> Limits:
        """What the operator allows any guest."""
        return Limits(self.max_cycles, self.execute_memory_bytes, self.execute_seconds)
