"""Settings of `sp1tee fulfill`."""

import os
import secrets
import socket
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, overload

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
)

from sp1tee.errors import ConfigError
from sp1tee.fulfill.endpoint import ClientCertificate, Endpoint, parse_url, read_certificates
from sp1tee.fulfill.executors import Limits
from sp1tee.fulfill.executors.needs import Choice, Needs
from sp1tee.fulfill.inputs import InputLimits
from sp1tee.fulfill.provers.cluster.line import Address
from sp1tee.fulfill.provers.cluster.opening import ClusterPlan, read_store
from sp1tee.fulfill.provers.gateway import Offer
from sp1tee.fulfill.provers.gateway_line import Gateway
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.fulfill.provers.sp1_opening import Sp1Plan
from sp1tee.fulfill.setting_values import (
    Listen,
    Modes,
    Name,
    ProverAddress,
    SigningKey,
    Size,
    Store,
    Token,
    Versions,
    WorkerListener,
    check_header,
)
from sp1tee.settings import Original, Settings, listed, read_secret
from sp1tee.wire.modes import Mode
from sp1tee.wire.signing import KEY_SIZE, Signer
from sp1tee.wire.versions import SUPPORTED

_NO_KEY = "Workers hold no key of the network's: the server alone signs."


MOONGATE_PORT = 3000
_PORTS = 1 << 16


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class FulfillSettings(Settings):
    """What a worker needs to know: a server's URL and a token; the rest has defaults.

    Section ``[fulfill]``, variables ``SP1TEE_FULFILL_…``. Sizes may be written ``512MiB``.

    Attributes:
        server: URL of the server's worker listener.
        token: the worker token, which the server wrote to worker.token in its data directory.
        token_file: the path of a file that holds it.
        server_ca_file: PEM certificates to trust instead of the system's, for https.
        client_cert_file: a certificate (PEM) to show to a server that asks for one, with a token or
            instead of one.
        client_key_file: the private key of that certificate (PEM).
        name: shown to operators; unique per worker.
        prover: what makes the proofs; gateway: whatever speaks the Prover Network's protocol;
            moongate: SP1 v5's GPU server; sp1: SP1 v6's GPU server, or its CPU prover; cluster: an
            sp1-cluster, asked directly.
        prover_url: address of the gateway, of the cluster's API, or of moongate for the first slot;
            its other slots' ports count up.
        allow_off_host: hosts besides this one whose provers may see every input, in clear.
        gateway_key: signs requests to the gateway, 32 bytes in hex; by default a new one each time.
        gateway_key_file: the path of a file that holds it.
        gateway_token: bearer token for the gateway's calls.
        gateway_token_file: the path of a file that holds it.
        gateway_ca_file: PEM certificates to trust for an https gateway.
        gateway_versions: circuit versions that the gateway proves.
        gateway_modes: kinds of proof that the gateway makes.
        gateway_mock: whether the gateway makes mock proofs; for trials only.
        cluster_store: where the cluster's workers find inputs and leave proofs:
            redis://[:password@]host:port of every node, separated by commas and in the cluster's
            order, or s3://bucket.
        cluster_store_file: the path of a file that holds it.
        cluster_s3_region: the region of that bucket.
        cluster_s3_endpoint: its S3 server, unless it is AWS's.
        cluster_coordinator_url: address of the cluster's coordinator, if this worker may ask it:
            then what nobody works on any more is found out early, and what nobody wants any more
            is stopped at once.
        cluster_oracle_url: address of the API of a cluster that only executes, on the same store;
            it counts gas where the executor here does not.
        cluster_ca_file: PEM certificates to trust for https addresses of the cluster.
        cluster_versions: circuit versions that the cluster proves.
        cluster_modes: kinds of proof that the cluster makes.
        sp1_program: the path of sp1-gpu-server or sp1tee-prover, which the worker then starts; by
            default SP1TEE_PROVER, or on PATH.
        sp1_socket: where a running one listens, instead; {device} in it stands for the device.
        sp1_device: the number of the first slot's GPU; those of other slots count up.
        sp1_modes: kinds of proof that it makes; by default all that it can, but for plonk and
            groth16 on a GPU of less than 40 GB.
        slots: how many proofs are made at once, one per device.
        prefetch: how many requests are fetched and executed ahead.
        max_stdin_bytes: the largest input, as uploaded and unpacked.
        max_program_bytes: the largest ELF.
        executor: what runs programs before they are proved; auto: SP1's own (native) where
            sp1tee-prover is found, else the emulator (unicorn).
        executor_program: the path of sp1tee-prover; by default SP1TEE_PROVER, or on PATH.
        max_cycles: the longest run in cycles, whatever a request allows.
        max_gas: the most prover gas, whatever a request allows; only SP1's own executor counts it.
        execute_seconds: the longest run in seconds.
        execute_memory_bytes: the most memory a guest may use.
        tell_guest_output: whether a requester whose program fails is told what it printed last,
            such as a panic. That may quote the input, and is shown to whoever knows the request's
            id.
        drain_s: seconds a proof in progress may go on after SIGTERM.
        metrics_listen: where Prometheus may read what this worker does, as a port on this machine
            or as address:port; nowhere by default.
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

    server: WorkerListener = "http://127.0.0.1:8081"
    token: Token | None = None
    token_file: Path | None = None
    server_ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    name: Name = Field(default_factory=_own_name)
    prover: Literal["mock", "gateway", "moongate", "sp1", "cluster"] = "mock"
    prover_url: ProverAddress | None = None
    allow_off_host: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    gateway_key: SigningKey | None = None
    gateway_key_file: Path | None = None
    gateway_token: Token | None = None
    gateway_token_file: Path | None = None
    gateway_ca_file: Path | None = None
    gateway_versions: Versions = (SUPPORTED[-1].text,)
    gateway_modes: Modes = ("core", "compressed", "plonk", "groth16")
    gateway_mock: bool = False
    cluster_store: Store | None = None
    cluster_store_file: Path | None = None
    cluster_s3_region: str = "us-east-1"
    cluster_s3_endpoint: ProverAddress | None = None
    cluster_coordinator_url: ProverAddress | None = None
    cluster_oracle_url: ProverAddress | None = None
    cluster_ca_file: Path | None = None
    cluster_versions: Versions = (SUPPORTED[-1].text,)
    cluster_modes: Modes = ("core", "compressed", "plonk", "groth16")
    sp1_program: Path | None = None
    sp1_socket: Path | None = None
    sp1_device: Annotated[int, Field(ge=0, le=63)] = 0
    sp1_modes: Modes | None = None
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    prefetch: Annotated[int, Field(ge=0, le=16)] = 1
    max_stdin_bytes: Size = ByteSize(2 << 30)
    max_program_bytes: Size = ByteSize(256 << 20)
    executor: Choice = "auto"
    executor_program: Path | None = None
    max_cycles: PositiveInt | None = None
    max_gas: PositiveInt | None = None
    execute_seconds: PositiveFloat = 600.0
    execute_memory_bytes: Size = ByteSize(4 << 30)
    tell_guest_output: bool = False
    drain_s: NonNegativeFloat = 90.0
    metrics_listen: Listen | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The server to work for; raises `ConfigError` without a token or a certificate."""
        certificate = self._certificate
        if self.token is None and certificate is None:
            raise ConfigError(
                "A worker needs the server's worker token, or a certificate of its own.",
                advice="Give --token-file PATH or SP1TEE_FULFILL_TOKEN_FILE; the server wrote it "
                "to worker.token in its data directory.",
            )
        token = None if self.token is None else self.token.get_secret_value()
        return Endpoint.of(self.server, token, self.server_ca_file, certificate)

    @property
    def _certificate(self) -> ClientCertificate | None:
        if self.client_cert_file is None and self.client_key_file is None:
            return None
        if self.client_cert_file is None or self.client_key_file is None:
            raise ConfigError(
                "A client certificate and its key belong together.",
                advice="Give both client_cert_file and client_key_file.",
            )
        return ClientCertificate(self.client_cert_file, self.client_key_file)

    def with_token_read(self) -> Self:
        """Return these settings with a token whose file was not there when they were made.

        Raises:
            ConfigError: the file is still not there, or holds no token.
        """
        if self.token is not None or self.token_file is None:
            return self
        try:
            token = check_header(read_secret("token_file", self.token_file))
        except ValueError as error:
            raise ConfigError(f"The token_file {self.token_file} is unusable: {error}.") from None
        return self.model_copy(update={"token": token})

    @property
    def gateway(self) -> Gateway:
        """The gateway that makes the proofs; raises `ConfigError` without an address."""
        key, token = self.gateway_key, self.gateway_token
        ca_file = self.gateway_ca_file
        return Gateway(
            url=self._address,
            signer=Signer.from_hex(key.get_secret_value()) if key else _new_signer(),
            reach=self.reach,
            token=token.get_secret_value() if token else None,
            ca=read_certificates(ca_file, "gateway_ca_file") if ca_file else None,
        )

    @property
    def moongates(self) -> tuple[str, ...]:
        """Addresses of a moongate for each slot; raises `ConfigError` without a first one."""
        parts = parse_url(self._address)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        first = parts.port or MOONGATE_PORT
        if first + self.slots > _PORTS:
            raise ConfigError("There are not so many ports.", advice="Lower slots.")
        return tuple(f"{parts.scheme}://{host}:{first + slot}" for slot in range(self.slots))

    @property
    def reach(self) -> Reach:
        """Where inputs may go."""
        return Reach.of(self.allow_off_host)

    @property
    def _address(self) -> str:
        if self.prover_url is None:
            raise ConfigError(
                f"The address of the {self.prover} is missing.",
                advice="Give --prover-url http://host:port or https://host:port.",
            )
        return self.prover_url

    @property
    def gateway_offer(self) -> Offer:
        """What the gateway makes, by the operator's word."""
        modes = frozenset(Mode.parse(name) for name in self.gateway_modes)
        return Offer(self.gateway_versions, modes, self.gateway_mock)

    @property
    def cluster(self) -> ClusterPlan:
        """The cluster that makes the proofs; raises `ConfigError` without API or store."""
        if self.cluster_store is None:
            raise ConfigError(
                "The store of the cluster is missing.",
                advice="Give --cluster-store-file PATH; the file holds redis://… or s3://bucket.",
            )
        return ClusterPlan(
            api=self._part(self._address),
            store=read_store(self.cluster_store.get_secret_value()),
            s3_region=self.cluster_s3_region,
            s3_endpoint=self.cluster_s3_endpoint,
            coordinator=self._part(self.cluster_coordinator_url),
            oracle=self._part(self.cluster_oracle_url),
            reach=self.reach,
            offer=Offer(self.cluster_versions, frozenset(map(Mode.parse, self.cluster_modes))),
            instance=f"sp1tee/{self.name}",
        )

    @overload
    def _part(self, url: str) -> Address: ...

    @overload
    def _part(self, url: str | None) -> Address | None: ...

    def _part(self, url: str | None) -> Address | None:
        if url is None:
            return None
        ca_file = self.cluster_ca_file
        return Address(url, read_certificates(ca_file, "cluster_ca_file") if ca_file else None)

    @property
    def off_host_urls(self) -> tuple[str, ...]:
        """Every server that sees inputs, by address; none where this worker's machine proves."""
        if self.prover == "cluster":
            return tuple(self.cluster.urls)
        shown = self.prover in ("gateway", "moongate") and self.prover_url is not None
        return (self._address,) if shown else ()

    @property
    def _request_bytes(self) -> int:
        """The largest program and its largest input together."""
        return self.max_stdin_bytes + self.max_program_bytes

    @property
    def sp1_plan(self) -> Sp1Plan:
        """How SP1's provers are found or started."""
        return Sp1Plan(
            self.sp1_program,
            self.sp1_socket,
            self.sp1_device,
            self.slots,
            frozenset(map(Mode.parse, self.sp1_modes)) if self.sp1_modes else None,
            self._request_bytes,
        )

    @property
    def input_limits(self) -> InputLimits:
        """How much is fetched and unpacked."""
        return InputLimits(self.max_stdin_bytes, self.max_program_bytes)

    @property
    def executor_needs(self) -> Needs:
        """What the executor is opened for: as many guests as requests are worked on."""
        at_once = self.slots + self.prefetch
        return Needs(at_once, at_once, self.execute_memory_bytes, self._request_bytes)

    @property
    def run_limits(self) -> Limits:
        """What the operator allows any guest."""
        return Limits(
            self.max_cycles, self.execute_memory_bytes, self.execute_seconds, self.max_gas
        )


def _new_signer() -> Signer:
    return Signer.from_bytes(secrets.token_bytes(KEY_SIZE))
