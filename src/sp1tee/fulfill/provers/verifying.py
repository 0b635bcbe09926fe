"""SP1's own verifier, beside the provers: it judges one proof while they make the next."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Final, Self

from sp1tee.errors import NativeError, NativeFailed, NativeGone, ProverFailed
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.fulfill.provers.sought_server import SoughtServer
from sp1tee.logs import get
from sp1tee.native.client import Client
from sp1tee.native.process import NativeServer
from sp1tee.native.programs import find_verifier

VERIFY_SECONDS: Final = 120.0
"""More than any proof takes to be judged: SP1 needs a tenth of a second."""

_ANSWER_SECONDS: Final = 30.0

_log = get(__name__)


class Verifier:
    """A verifier for several provers, on one connection that is kept: one proof at a time."""

    def __init__(self, server: NativeServer) -> None:
        """Start nothing yet; `server` is ``sp1tee-prover``, and closed with this."""
        self._server = server
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sp1-verifier")
        self._client: Client | None = None
        self._circuit = ""
        self._closed = False

    @classmethod
    def find(cls, named: Path | None = None) -> Self | None:
        """Find ``sp1tee-prover``: as named if that is one, in SP1TEE_PROVER, or on PATH."""
        program = find_verifier(named)
        return None if program is None else cls(SoughtServer(program.verifier))

    def prepare(self) -> None:
        """Have it ready when the first proof is; why it is not, that proof will learn."""
        if self._client is None:
            self._thread.submit(self._connected)

    async def refute(self, task: ProveTask, made: Made) -> str:
        """Return why a proof does not hold; empty if it does, or if this verifier cannot tell.

        Raises:
            ProverFailed: the verifier does not work.
        """
        # What is logged names the request, which this context knows.
        judge = partial(copy_context().run, self._refute, task, made)
        return await asyncio.get_running_loop().run_in_executor(self._thread, judge)

    async def aclose(self) -> None:
        """End it, and whatever it does."""
        self._closed = True
        client = self._client
        if client is not None:
            client.abort()
        await asyncio.to_thread(self._server.stop)
        await asyncio.to_thread(self._thread.shutdown)
        self._hang_up()
        await asyncio.to_thread(self._server.close)

    # --- in the thread -----------------------------------------------------------------------

    def _refute(self, task: ProveTask, made: Made) -> str:
        try:
            return self._ask(task, made)
        except NativeError as first:
            # What was kept may have died unnoticed, and what died may be well the next time: once
            # it is gone, or who asks again reaches what is still dying.
            ending = self._server.post_mortem() if isinstance(first, NativeGone) else ""
            _log.warning("the verifier failed; once more", reason=ending or _told(first))
        try:
            return self._ask(task, made)
        except NativeError as second:
            raise ProverFailed(f"The proof could not be verified. {_told(second)}") from None

    def _ask(self, task: ProveTask, made: Made) -> str:
        try:
            client = self._connected()
            if task.version.circuit != self._circuit:
                _log.warning("not verified", reason=f"the verifier here is of {self._circuit}")
                return ""
            return client.verify(made.vk, task.public_values, made.proof, VERIFY_SECONDS)
        except NativeError:
            self._hang_up()
            raise

    def _connected(self) -> Client:
        if self._closed:
            raise NativeGone("The verifier is closed.", advice="")
        if self._client is None:
            client = self._server.connect()
            try:
                self._circuit = client.info(_ANSWER_SECONDS).circuit
            except NativeError:
                client.close()
                raise
            self._client = client
        return self._client

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _told(error: NativeError) -> str:
    """Quote ``sp1tee-prover``, which quotes no input."""
    return f"{error.message} {error.text}" if isinstance(error, NativeFailed) else error.message


async def refute(verifier: Verifier | None, task: ProveTask, made: Made) -> str:
    """Ask a verifier if there is one and it can be asked; else say so in the log.

    Returns:
        Why the proof does not hold; empty if it does, or if nobody here can tell.

    Raises:
        ProverFailed: as `Verifier.refute`.
    """
    if verifier is not None and made.vk:
        return await verifier.refute(task, made)
    missing = "the program's key is not known" if verifier else "no sp1tee-prover is here"
    _log.warning("not verified", reason=f"{missing}; the claims were read")
    return ""
