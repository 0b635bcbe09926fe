"""SP1's own provers: ``sp1-gpu-server``, or ``sp1tee-prover`` with SP1's CPU prover.

A server is one process per device. One connection to it is kept, because the prover and the keys
behind it live as long as that. Proofs are verified elsewhere, so that the device never waits for it
and a server that has to be stopped takes no proof of an earlier request along.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final

from sp1tee.errors import ProverFailed
from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.fulfill.provers.sp1_look import Choice
from sp1tee.fulfill.provers.sp1_maker import Maker
from sp1tee.fulfill.provers.sp1_session import KEYS, Deadline
from sp1tee.fulfill.provers.verifying import Verifier, refute
from sp1tee.native.process import NativeServer

_AGAIN_SECONDS: Final = 1.0


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
        choice: Choice | None = None,
        verifier: Verifier | None = None,
        keys: int = KEYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take over a server.

        Args:
            server: the prover; nothing is started yet.
            device: its number, for people.
            choice: which kinds of proof it is to make; all by default.
            verifier: what verifies proofs, perhaps those of other provers too; without it, `server`
                on another connection, if it knows how.
            keys: how many programs stay set up.
            clock: tells Unix seconds.
        """
        self.name = f"sp1 {device}"
        self._server = server
        self._verifier = verifier or Verifier(server)
        self._apart = verifier is not None
        self._clock = clock
        # One thread: a connection takes one request at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sp1-prover")
        self._maker = Maker(server, keys, choice or Choice())
        self._until: Deadline | None = None

    @property
    def starts(self) -> int:
        """How often the server was started. See `sp1tee.fulfill.provers.OwnsProcess`."""
        return self._server.starts

    @property
    def keys(self) -> frozenset[bytes]:
        """See `sp1tee.fulfill.provers.KeepsPrograms`."""
        return self._maker.keys

    def capabilities(self) -> tuple[Capability, ...]:
        """What the server makes, once `check` has asked it; nothing before."""
        seen = self._maker.seen
        return (seen.capability,) if seen else ()

    async def check(self) -> None:
        """Start the server unless it runs, and ask what it can make.

        One that this is connected to already is not asked again: the next proof tells.

        Raises:
            ProverUnavailable: it does not start, is another program, or makes no proofs.
        """
        if self._until is None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._maker.look)

    async def prove(self, task: ProveTask, deadline: float) -> Made:
        """Make a proof. See `sp1tee.fulfill.provers.Prover`.

        Raises:
            ProverFailed: there is none.
            ProverUnavailable: the server does not start.
            JobFailed: the program has another verifying key than the request names.
        """
        if self._apart:
            self._verifier.prepare()
        until = self._until = Deadline(deadline, self._clock)
        # What is logged names the request, which this context knows.
        make = partial(copy_context().run, self._maker.make, task, until)
        working = asyncio.get_running_loop().run_in_executor(self._thread, make)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await self._give_up(working, until)
            raise
        finally:
            self._until = None

    async def verify(self, task: ProveTask, made: Made) -> None:
        """Let SP1's verifier judge a proof. See `sp1tee.fulfill.provers.Prover`.

        Raises:
            ProverFailed: it does not hold, or the verifier does not work.
        """
        seen = self._maker.seen
        able = self._apart or (seen is not None and seen.ours)
        if reason := await refute(self._verifier if able else None, task, made):
            self._maker.distrust()
            raise ProverFailed(f"SP1's verifier refuses the proof that was made: {reason}")

    async def aclose(self) -> None:
        """End the server if it is ours, and the verifier."""
        if self._until is not None:
            self._until.give_up()
        self._maker.interrupt()
        await asyncio.to_thread(self._server.close)
        await asyncio.to_thread(self._thread.shutdown)
        self._maker.forget()
        await self._verifier.aclose()

    async def _give_up(self, working: asyncio.Future[Made], deadline: Deadline) -> None:
        """End what a cancelled call had begun: a GPU server that is only left proves on."""
        deadline.give_up()
        while not working.done():
            self._maker.interrupt()
            await asyncio.to_thread(self._server.stop)
            await asyncio.wait({working}, timeout=_AGAIN_SECONDS)
        working.exception()
        self._maker.forget()
