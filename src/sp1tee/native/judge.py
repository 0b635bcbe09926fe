"""SP1's own verifier, for whoever holds a proof: ``sp1tee-prover`` without its prover."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from sp1tee.errors import NativeError, NativeGone
from sp1tee.native.client import Client
from sp1tee.native.frames import Info
from sp1tee.native.programs import GPU_SERVER, PROVER, NativeProgram, find_verifier

if TYPE_CHECKING:
    from sp1tee.native.process import OwnServer

_T = TypeVar("_T")

# No proof is so long that it takes more than minutes; one that was made to keep a verifier busy
# is given up.
_SECONDS: Final = 900.0


class Judge:
    """SP1's verifier in a process of its own, which starts when it is first asked.

    Calls block, and may come from one thread at a time. Use it as a context manager, or `close`.
    Nothing that it does needs a network: the circuits' keys are in the program.
    """

    def __init__(self, program: NativeProgram) -> None:
        """Start nothing yet; `program` is ``sp1tee-prover``."""
        self._program = program
        self._server: OwnServer | None = None
        self._client: Client | None = None
        self._info: Info | None = None

    @classmethod
    def find(cls, named: Path | None = None) -> Self | None:
        """Find ``sp1tee-prover``: as named, in SP1TEE_PROVER or on PATH; None if it is not there.

        Raises:
            NativeGone: what is named is something else.
        """
        program = find_verifier() if named is None else NativeProgram.at(named)
        if program is None:
            return None
        if program.gpu:
            raise NativeGone(
                f"{named} is {GPU_SERVER}, which verifies nothing.",
                advice=f"Name {PROVER}; `just native` builds it.",
            )
        return cls(program)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The program and its versions; raises `NativeError` if it has to be started and fails."""
        info = self._known()
        return f"{info.name} {info.version} (SP1 {info.sp1_version})"

    @property
    def circuit(self) -> str:
        """The circuit version whose proofs it verifies; raises as `name`."""
        return self._known().circuit

    def verify(self, vk: bytes, public_values: bytes, proof: bytes) -> str:
        """Return why a proof does not hold; empty if it does. See `sp1tee.wire.verifier`.

        Raises:
            NativeError: the verifier cannot be started, broke, or did not come to an end.
        """
        return self._ask(lambda client: client.verify(vk, public_values, proof, _SECONDS))

    def key_of(self, elf: bytes) -> bytes:
        """Compute a program's verifying key, 104 bytes, as SP1's ``setup`` does.

        Raises:
            NativeFailed: SP1 does not take the program.
            NativeError: as for `verify`.
        """
        return self._ask(lambda client: client.setup(elf, _SECONDS)).vk

    def close(self) -> None:
        """End the process; the next question starts another."""
        if self._client is not None:
            self._client.close()
        if self._server is not None:
            self._server.close()
        self._client = self._server = None

    def _known(self) -> Info:
        if self._info is None:
            self._info = self._ask(lambda client: client.info(_SECONDS))
        return self._info

    def _ask(self, question: Callable[[Client], _T]) -> _T:
        try:
            return question(self._connected())
        except NativeError:
            # What broke may be the connection, the process, or its state.
            self.close()
            raise

    def _connected(self) -> Client:
        if self._server is None:
            self._server = self._program.verifier()
        if self._client is None:
            self._client = self._server.connect()
        return self._client
