"""SP1's own provers: ``sp1-gpu-server``, or ``sp1tee-prover`` with SP1's CPU prover.

A server is one process per device. One connection to it is kept, because the prover and the keys
behind it live as long as that. What fails because the server died is tried once more on a new one.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sp1tee.errors import (
    NativeError,
    NativeFailed,
    NativeGone,
    NativeTimeout,
    ProverFailed,
    ProverUnavailable,
    VersionError,
)
from sp1tee.fulfill.native.client import Client
from sp1tee.fulfill.native.frames import Info
from sp1tee.fulfill.native.preflight import missing_circuits, obstacles
from sp1tee.fulfill.native.process import START_SECONDS, NativeServer
from sp1tee.fulfill.provers import Capability, ProveTask
from sp1tee.fulfill.provers.sp1_session import KEYS, Deadline, Session
from sp1tee.fulfill.selfcheck import check_proof
from sp1tee.logs import get
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family, latest, parse_circuit

_INFO_SECONDS: Final = 30.0
_VERIFY_SECONDS: Final = 120.0
_AGAIN_SECONDS: Final = 1.0

_log = get(__name__)


class Sp1Prover:
    """Makes proofs through a native server; what it can make, `check` finds out.

    Attributes:
        name: the server's name, and the device's number.
        mock: False, they are real.
    """

    mock = False

    def __init__(
        self,
        server: NativeServer,
        device: int = 0,
        *,
        verifier: NativeServer | None = None,
        keys: int = KEYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take over a server.

        Args:
            server: the prover; nothing is started yet.
            device: its number, for people.
            verifier: a server to verify proofs with, if `server` may not know how.
            keys: how many programs stay set up.
            clock: tells Unix seconds.
        """
        self.name = f"sp1 {device}"
        self._server = server
        self._verifier = verifier
        self._keys = keys
        self._clock = clock
        # One thread: a connection takes one request at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sp1-prover")
        self._session: Session | None = None
        self._capability: Capability | None = None
        self._verifies = False
        self._until: Deadline | None = None

    def capabilities(self) -> tuple[Capability, ...]:
        """What the server makes, once `check` has asked it; nothing before."""
        return (self._capability,) if self._capability else ()

    async def check(self) -> None:
        """Start the server unless it runs, and ask what it can make.

        One that this is connected to already is not asked again: the next proof tells.

        Raises:
            ProverUnavailable: it does not start, is another program, or makes no proofs.
        """
        if self._until is None and self._session is None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._look)

    async def prove(self, task: ProveTask, deadline: float) -> bytes:
        """Make a proof that SP1's verifier accepts. See `sp1tee.fulfill.provers.Prover`.

        Raises:
            ProverFailed: there is none, or it does not hold.
            ProverUnavailable: the server does not start.
            JobFailed: the program has another verifying key than the request names.
            WireError: what was made proves something else.
        """
        loop = asyncio.get_running_loop()
        until = self._until = Deadline(deadline, self._clock)
        working = loop.run_in_executor(self._thread, self._prove, task, until)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await self._give_up(working, until)
            raise
        finally:
            self._until = None

    async def aclose(self) -> None:
        """End the server if it is ours."""
        if self._until is not None:
            self._until.give_up()
        self._interrupt()
        await asyncio.to_thread(self._server.close)
        await asyncio.to_thread(self._thread.shutdown)
        self._forget()
        if self._verifier is not None:
            await asyncio.to_thread(self._verifier.close)

    async def _give_up(self, working: asyncio.Future[bytes], deadline: Deadline) -> None:
        """End what a cancelled call had begun: a GPU server that is only left proves on."""
        deadline.give_up()
        while not working.done():
            self._interrupt()
            await asyncio.to_thread(self._server.stop)
            await asyncio.wait({working}, timeout=_AGAIN_SECONDS)
        working.exception()
        self._forget()

    def _interrupt(self) -> None:
        """Let the thread's call fail, whatever it waits for."""
        session = self._session
        if session is not None:
            session.client.abort()

    # --- in the thread -----------------------------------------------------------------------

    def _look(self) -> None:
        client = self._connect()
        with client:
            info = self._ask(client)
        if info is None:
            self._verifies = False
            self._capability = Capability(latest(Family.V6).text, frozenset(Mode))
            self._warn_of_circuits()
            return
        self._verifies = True
        try:
            version = parse_circuit(info.circuit)
        except VersionError as error:
            raise ProverUnavailable(
                f"{self._server.name} proves with circuits of a version that this release does "
                f"not know. {error.message}",
                advice="Run the prover that belongs to this release.",
            ) from None
        if not info.modes:
            raise ProverUnavailable(
                f"{self._server.name} makes no proofs.", advice="Start it without --no-proofs."
            )
        self._capability = Capability(version.text, info.modes)

    def _ask(self, client: Client) -> Info | None:
        """Return who answers; None for a GPU server, which does not understand the question."""
        try:
            return client.info(_INFO_SECONDS)
        except NativeFailed:
            return None
        except NativeError as error:
            raise ProverUnavailable(error.message, advice=error.advice) from None

    @staticmethod
    def _warn_of_circuits() -> None:
        missing = missing_circuits(latest(Family.V6).circuit)
        if missing:
            _log.warning(
                "circuits are not here",
                modes=[str(mode) for mode in missing],
                advice="sp1-gpu-server downloads gigabytes at the first such proof; give it "
                "SP1_GROTH16_CIRCUIT_PATH and SP1_PLONK_CIRCUIT_PATH.",
            )

    def _prove(self, task: ProveTask, deadline: Deadline) -> bytes:
        try:
            return self._attempt(task, deadline)
        except _Died as first:
            _log.warning("the prover's server failed; once more", reason=str(first))
        try:
            return self._attempt(task, deadline)
        except _Died as second:
            raise ProverFailed(f"It failed twice. {second}") from None

    def _attempt(self, task: ProveTask, deadline: Deadline) -> bytes:
        try:
            deadline.left()
        except NativeTimeout:
            raise ProverFailed("The deadline passed.") from None
        try:
            session = self._open()
            proof, vk = session.prove(task, deadline)
            check_proof(proof, task, mock=False)
            self._verify(session, vk, task, proof, deadline)
        except NativeTimeout:
            self._end()
            raise ProverFailed("The deadline passed, and the prover was stopped.") from None
        except NativeFailed as error:
            if error.proving:
                raise ProverFailed(self._told(error)) from None
            self._forget()
            raise _Died(self._told(error)) from None
        except NativeError as error:
            gone = isinstance(error, NativeGone)
            ending = (self._server.post_mortem() if gone else "") or error.message
            self._end()
            raise _Died(ending) from None
        return proof

    def _verify(
        self, session: Session, vk: bytes, task: ProveTask, proof: bytes, deadline: Deadline
    ) -> None:
        """Let SP1's verifier judge a proof, if one is there; raises `ProverFailed` if it fails."""
        if self._verifies:
            reason = session.client.verify(vk, task.public_values, proof, deadline.left())
        elif self._verifier is not None:
            reason = _ask_elsewhere(self._verifier, vk, task.public_values, proof)
        else:
            _log.warning("not verified", reason="no sp1tee-prover is here; the claims were read")
            return
        if reason:
            raise ProverFailed(f"SP1's verifier refuses the proof that was made: {reason}")

    def _open(self) -> Session:
        if self._session is None:
            if self._capability is None:
                self._look()
            self._session = Session(self._connect(), self._keys)
        return self._session

    def _connect(self) -> Client:
        try:
            return self._server.connect(START_SECONDS)
        except NativeError as error:
            why = " ".join((error.message, *obstacles()))
            raise ProverUnavailable(why, advice=error.advice) from None

    def _told(self, error: NativeFailed) -> str:
        """Quote ``sp1tee-prover``, which quotes no input; of others nobody knows."""
        return f"{self._server.name} says: {error.text}" if self._verifies else error.message

    def _end(self) -> None:
        """Stop whatever the server does for us; the next proof starts it again."""
        self._forget()
        self._server.stop()

    def _forget(self) -> None:
        """Close the connection, which nobody uses now."""
        session, self._session = self._session, None
        if session is not None:
            session.client.close()


class _Died(Exception):  # noqa: N818 - never leaves this module
    """The server ended, hung up, answered nonsense, or failed at something else than a proof."""


def _ask_elsewhere(verifier: NativeServer, vk: bytes, public_values: bytes, proof: bytes) -> str:
    try:
        with verifier.connect() as client:
            return client.verify(vk, public_values, proof, _VERIFY_SECONDS)
    except NativeError as error:
        raise ProverFailed(f"The proof could not be verified. {error.message}") from None
