"""Which executor runs guests here, and opening it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sp1tee.errors import ExecutorUnavailable, NativeGone
from sp1tee.fulfill.executors import Executor
from sp1tee.fulfill.executors.by_family import ByFamily
from sp1tee.fulfill.executors.native import NativeExecutor
from sp1tee.fulfill.executors.needs import Choice, Needs
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.native.programs import PROVER, NativeProgram, find_verifier, room_for
from sp1tee.wire.versions import Family

# SP1 limits what the guest's process has resident, and with it the two buffers that gas is counted
# from (GAS_TRACE_CHUNK_SLOTS x GAS_TRACE_CHUNK_THRESHOLD entries of 16 bytes, and a ninth more).
_TRACE_BYTES: Final = 9 << 29


@asynccontextmanager
async def opened(choice: Choice, program: Path | None, needs: Needs) -> AsyncIterator[Executor]:
    """Open the executor of choice; ``auto`` is SP1's own where ``sp1tee-prover`` is found.

    It is looked for at `program`, else in SP1TEE_PROVER and on PATH. It runs no programs of v5; the
    emulator does that beside it.

    Raises:
        ExecutorUnavailable: what was chosen cannot work on this machine, or `program` is another.
    """
    found = None if choice == "unicorn" else _find(program)
    if choice == "native" and found is None:
        raise ExecutorUnavailable(
            f"SP1's own executor was chosen, and {PROVER} is neither on PATH nor named.",
            advice="Build it (`just native`) and name it in SP1TEE_PROVER, or choose unicorn.",
        )
    executor: Executor = UnicornExecutor(warm=needs.ahead)
    if found is not None:
        executor = ByFamily({Family.V6: _native(found, needs), Family.V5: executor})
    try:
        yield executor
    finally:
        await executor.aclose()


def _find(named: Path | None) -> NativeProgram | None:
    if named is None:
        return find_verifier()
    try:
        program = NativeProgram.at(named)
    except NativeGone as error:
        raise ExecutorUnavailable(error.message, advice=error.advice) from None
    if program.gpu:
        raise ExecutorUnavailable(
            f"{named} only makes proofs; what runs programs is {PROVER}.",
            advice=f"Name {PROVER}, or nothing.",
        )
    return program


def _native(program: NativeProgram, needs: Needs) -> NativeExecutor:
    memory = needs.memory_bytes + _TRACE_BYTES
    flags = ("--no-proofs", "--set", f"MEMORY_LIMIT={memory}", *room_for(needs.request_bytes))
    # Which device it could use is nothing to a server that makes no proofs.
    server = program.server(0, *flags)
    return NativeExecutor(server, at_once=needs.at_once, warm=needs.ahead)
