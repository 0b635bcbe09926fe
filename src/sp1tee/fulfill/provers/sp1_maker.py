"""Making proofs on a native server, as far as it blocks: for a thread of its own."""

import threading

from sp1tee.errors import NativeError, NativeFailed, NativeGone, NativeTimeout, ProverFailed
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.fulfill.provers.sp1_look import Choice, Seen, connected, look
from sp1tee.fulfill.provers.sp1_session import Deadline, Session
from sp1tee.logs import get
from sp1tee.native.process import NativeServer

_log = get(__name__)


class Maker:
    """Makes one proof after the other on one connection, which is kept.

    All is for one thread, but `interrupt`, `distrust` and `keys`, which are for any.

    Attributes:
        seen: what the server said of itself; None until it was asked.
    """

    def __init__(self, server: NativeServer, keys: int, choice: Choice) -> None:
        """Take over a server, of which `choice` is wanted; `keys` programs stay set up."""
        self.seen: Seen | None = None
        self._server = server
        self._keys = keys
        self._choice = choice
        self._session: Session | None = None
        self._distrusted = threading.Event()

    @property
    def keys(self) -> frozenset[bytes]:
        """Hashes of the verifying keys of programs that are set up; for any thread."""
        session = self._session
        return session.ready if session is not None else frozenset()

    def look(self) -> None:
        """Ask who is there, unless it is connected to: then the next proof tells.

        Raises:
            ProverUnavailable: as `sp1_look.look`.
        """
        if self._session is None:
            self.seen = look(self._server, self._choice)

    def make(self, task: ProveTask, deadline: Deadline) -> Made:
        """Make a proof; what fails because the server died is tried once more on a new one.

        Raises:
            ProverFailed: there is none.
            ProverUnavailable: the server does not start.
            JobFailed: the program has another verifying key than the request names.
        """
        try:
            return self._attempt(task, deadline)
        except _Died as first:
            _log.warning("the prover's server failed; once more", reason=str(first))
        try:
            return self._attempt(task, deadline)
        except _Died as second:
            raise ProverFailed(f"It failed twice. {second}") from None

    def interrupt(self) -> None:
        """Let a call that waits fail, whatever it waits for."""
        session = self._session
        if session is not None:
            session.client.abort()

    def distrust(self) -> None:
        """Have the next proof made by a fresh process: this one made a proof that does not hold."""
        self._distrusted.set()

    def forget(self) -> None:
        """Close the connection, which nobody uses now."""
        session, self._session = self._session, None
        if session is not None:
            session.client.close()

    def _attempt(self, task: ProveTask, deadline: Deadline) -> Made:
        try:
            deadline.left()
        except NativeTimeout:
            raise ProverFailed("The deadline passed.") from None
        try:
            return self._open().prove(task, deadline)
        except NativeTimeout:
            self._end()
            raise ProverFailed("The deadline passed, and the prover was stopped.") from None
        except NativeFailed as error:
            if error.proving:
                raise ProverFailed(self._told(error)) from None
            self.forget()
            raise _Died(self._told(error)) from None
        except NativeError as error:
            gone = isinstance(error, NativeGone)
            ending = (self._server.post_mortem() if gone else "") or error.message
            self._end()
            raise _Died(ending) from None

    def _open(self) -> Session:
        if self._distrusted.is_set():
            self._end()
            self._distrusted.clear()
        if self._session is None:
            if self.seen is None:
                self.look()
            self._session = Session(connected(self._server), self._keys)
        return self._session

    def _told(self, error: NativeFailed) -> str:
        """Quote ``sp1tee-prover``, which quotes no input; of others nobody knows."""
        ours = self.seen is not None and self.seen.ours
        return f"{self._server.name} says: {error.text}" if ours else error.message

    def _end(self) -> None:
        """Stop whatever the server does for us; the next proof starts it again."""
        self.forget()
        self._server.stop()


class _Died(Exception):  # noqa: N818 - never leaves this module
    """The server ended, hung up, answered nonsense, or failed at something else than a proof."""
