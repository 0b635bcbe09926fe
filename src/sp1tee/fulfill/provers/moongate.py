"""SP1 v5's GPU prover, moongate: core and compressed proofs.

Keys and proofs are in encodings that only SP1 knows. Two places in them can be told all the same,
because what stands there is known: the program inside the proving key, and the input with the
public values near the end of a core proof. That is enough to cut the answers into the parts that
the next call and the finished proof are made of (SP1 v5, crates/prover/src/types.rs):

- Setup answers the proving key, which is an opaque part, the ELF and the verifying key, and then
  the verifying key again.
- A core proof is its shard proofs, the input, the public values and a u64 of cycles.

PLONK and Groth16 need every field element of the wrapped proof, so they are not made here, nor are
proofs of programs that verify other proofs.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import ProverFailed, ProverUnavailable
from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.fulfill.provers.moongate_call import Moongate
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.wire.bincode import Writer
from sp1tee.wire.modes import Mode
from sp1tee.wire.program import encode_program
from sp1tee.wire.proof import StarkProof
from sp1tee.wire.versions import Family, latest

VERSION: Final = latest(Family.V5)

_MODES: Final = frozenset({Mode.CORE, Mode.COMPRESSED})
_CHECK_SECONDS: Final = 10.0
_U64: Final = 8
_NO_DEFERRED_PROOFS: Final = bytes(_U64)


@dataclass(frozen=True, slots=True)
class Keys:
    """What Setup makes of a program.

    Attributes:
        proving: the proving key, in SP1's encoding.
        verifying: the verifying key, likewise.
    """

    proving: bytes = field(repr=False)
    verifying: bytes = field(repr=False)


class MoongateProver:
    """One moongate server. Cancelling hangs up; a proof it has begun it may still finish."""

    mock = False

    def __init__(self, url: str, reach: Reach) -> None:
        """Prepare the connection; nothing is sent yet.

        Raises:
            OffHostRefused: the server is where no input may go.
        """
        reach.check(url)
        self._moongate = Moongate(url)
        self._busy = asyncio.Lock()
        self._program = b""
        self._keys = Keys(b"", b"")

    @property
    def name(self) -> str:
        """Its kind."""
        return "moongate"

    def capabilities(self) -> tuple[Capability, ...]:
        """Core and compressed proofs of v5."""
        return (Capability(VERSION.text, _MODES),)

    async def check(self) -> None:
        """Ask the server whether it is ready, unless it works and would not answer.

        Raises:
            ProverUnavailable: it is not.
        """
        if not self._busy.locked() and not await self._moongate.ready(_CHECK_SECONDS):
            raise ProverUnavailable("Moongate is not ready yet.", advice="Wait until it is.")

    async def prove(self, task: ProveTask, deadline: float) -> Made:  # noqa: ARG002 - it knows none
        """Make a proof.

        Raises:
            ProverFailed: the server did not make it, or cannot.
            ProverUnavailable: the server is not there.
        """
        _check(task)
        async with self._busy:
            keys = await self._setup(task)
            core = await self._moongate.call("ProveCoreStateless", task.stdin, keys.proving)
            body = shard_proofs(core, task.stdin, task.public_values)
            if task.mode is Mode.COMPRESSED:
                rest = (keys.verifying, core, _NO_DEFERRED_PROOFS)
                body = await self._moongate.call("Compress", *rest)
        proof = StarkProof(
            mode=task.mode,
            body=body,
            public_values=task.public_values,
            sp1_version=VERSION.circuit,
        )
        return Made(proof.encode_network(), keys.verifying)

    async def verify(self, task: ProveTask, made: Made) -> None:
        """Nobody here can: SP1's verifier of v5 is not among the native programs."""

    async def aclose(self) -> None:
        """Close the connection."""
        await self._moongate.aclose()

    async def _setup(self, task: ProveTask) -> Keys:
        """Have keys made, unless they are those of the last program."""
        if task.elf_sha256 != self._program:
            program = encode_program(task.elf)
            self._keys = split_keys(await self._moongate.call("Setup", program), program)
            self._program = task.elf_sha256
        return self._keys


def split_keys(answer: bytes, program: bytes) -> Keys:
    """Cut Setup's answer into the two keys.

    Args:
        answer: proving key and verifying key, one behind the other.
        program: the ELF behind its length, which stands in the proving key.

    Raises:
        ProverFailed: it is of another program, or no pair of keys.
    """
    found = answer.rfind(program)
    size, odd = divmod(len(answer) - found - len(program), 2)
    if found < 0 or odd or not size:
        raise ProverFailed("Moongate's keys are not those of the program.")
    return Keys(proving=answer[:-size], verifying=answer[-size:])


def shard_proofs(core: bytes, stdin: bytes, public_values: bytes) -> bytes:
    """Cut the shard proofs off a core proof.

    Args:
        core: the proof.
        stdin: the input it was made for, as it was sent.
        public_values: what running the program here revealed.

    Raises:
        ProverFailed: it is of another input, or revealed something else.
    """
    behind = Writer().raw(stdin).byte_string(public_values).done()
    end = len(core) - _U64
    if end < len(behind) or core[end - len(behind) : end] != behind:
        raise ProverFailed("Moongate's proof is of another input, or revealed other values.")
    return core[: end - len(behind)]


def _check(task: ProveTask) -> None:
    if task.version != VERSION or task.mode not in _MODES:
        raise ProverFailed(
            f"Moongate makes core and compressed proofs of {VERSION}, no {task.mode} proofs of "
            f"{task.version}.",
            advice="Have others made by a gateway.",
        )
    if task.deferred_proofs:
        raise ProverFailed("Moongate cannot be given the proofs that this input holds.")
