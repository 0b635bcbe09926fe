"""The prover elsewhere: whatever speaks the Prover Network's protocol makes the proof.

That is a server of ours in another enclave, an sp1-cluster behind its network-gateway, or any
other server that SP1's SDK can ask. It gets program and input as the SDK would send them, so it
sees both; `off_host` says where they may go. What it returns is checked and verified like any other
proof, with the key that the request's program was registered under.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import stamina

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.patience import Grumble
from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.fulfill.provers.gateway_line import Gateway, Line
from sp1tee.fulfill.provers.verifying import Verifier, refute
from sp1tee.wire.artifacts import pack
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import artifact_pb2, types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.versions import Family

PATIENCE_SECONDS: Final = 120.0
"""How long a gateway may be away before it is taken for gone; it may restart meanwhile."""

_CHECK_SECONDS: Final = 10.0
_CANCEL_SECONDS: Final = 3.0
_FIRST_POLL: Final = 0.05
_SLOWEST_POLL: Final = 1.0
_SLOWER: Final = 1.25
# Limits were kept when the program was run here.
_UNLIMITED: Final = (1 << 64) - 1

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Offer:
    """What an operator says that a gateway makes; it has no way to say so itself.

    Attributes:
        versions: circuit versions as requests name them.
        modes: kinds of proof.
        mock: whether they prove nothing.
    """

    versions: tuple[str, ...]
    modes: frozenset[Mode]
    mock: bool = False


class GatewayProver:
    """Hands each task to a gateway, and waits."""

    name = "gateway"

    def __init__(
        self,
        gateway: Gateway,
        offer: Offer,
        *,
        verifier: Verifier | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare the connections; nothing is sent yet.

        Args:
            gateway: where it is.
            offer: what it makes.
            verifier: what verifies its proofs, perhaps those of other slots too.
            patience: seconds in which it may restart.

        Raises:
            OffHostRefused: the gateway is where no input may go.
        """
        gateway.reach.check(gateway.url)
        self._line = Line(gateway)
        self._offer = offer
        self._verifier = verifier
        self._again = stamina.AsyncRetryingCaller(
            attempts=None, timeout=patience, wait_initial=0.05, wait_max=3.0, wait_jitter=0.1
        )

    @property
    def mock(self) -> bool:
        """Whether the operator says so of the gateway's proofs; checked with each proof."""
        return self._offer.mock

    def capabilities(self) -> tuple[Capability, ...]:
        """What the operator says that the gateway makes."""
        offer = self._offer
        return tuple(Capability(text, offer.modes, mock=offer.mock) for text in offer.versions)

    async def check(self) -> None:
        """Ask the gateway for a number; raises `ProverUnavailable`."""
        try:
            await self._line.nonce(_CHECK_SECONDS)
        except FulfillError as error:
            raise ProverUnavailable(error.message, advice=error.advice) from None

    async def prove(self, task: ProveTask, deadline: float) -> Made:
        """Have a proof made; cancelling cancels it at the gateway, if that can be cancelled there.

        Raises:
            ProverFailed: the gateway does not make it.
            ProverUnavailable: it is away, or lets this worker ask for nothing.
            OffHostRefused: it wants the input, or has the proof, where no input may go.
        """
        await self._register(task)
        stdin_uri = await self._upload(artifact_pb2.STDIN, lambda: task.stdin, task, "the input")
        body = _body(task, stdin_uri, deadline)
        request_id = await self._patiently("request", partial(self._line.request_proof, body))
        try:
            url = await self._wait(request_id)
        except asyncio.CancelledError:
            await self._cancel(request_id)
            raise
        proof = await self._patiently("fetching the proof", partial(self._line.download, url))
        return Made(proof, task.vk)

    async def verify(self, task: ProveTask, made: Made) -> None:
        """Let SP1's verifier judge a proof of v6, unless the gateway makes mocks.

        Raises:
            ProverFailed: it does not hold, or the verifier does not work.
        """
        if self._offer.mock or task.version.family is not Family.V6:
            return
        if reason := await refute(self._verifier, task, made):
            raise ProverFailed(f"SP1's verifier refuses the gateway's proof: {reason}")

    async def aclose(self) -> None:
        """Close the connections, and the verifier."""
        await self._line.aclose()
        if self._verifier is not None:
            await self._verifier.aclose()

    async def _register(self, task: ProveTask) -> None:
        known = partial(self._line.knows_program, task.vk_hash)
        if await self._patiently("looking the program up", known):
            return
        if not task.vk:
            raise ProverFailed("The gateway lacks the program, and this worker its key.")
        encode = partial(encode_program, task.elf)
        uri = await self._upload(artifact_pb2.PROGRAM, encode, task, "the program")
        create = partial(self._line.create_program, task.vk_hash, task.vk, uri)
        try:
            await self._patiently("registering the program", create)
        except ProverFailed:
            # Another slot, or an attempt whose answer was lost, may have been first.
            if not await self._patiently("looking the program up", known):
                raise

    async def _upload(
        self,
        kind: artifact_pb2.ArtifactType.ValueType,
        encode: Callable[[], bytes],
        task: ProveTask,
        what: str,
    ) -> str:
        packed = await asyncio.to_thread(lambda: pack(encode(), task.version.family))
        upload = partial(self._line.upload, kind, packed)
        return await self._patiently(f"uploading {what}", upload)

    async def _wait(self, request_id: bytes) -> str:
        pause, ask = _FIRST_POLL, partial(self._line.proof_url, request_id)
        while (url := await self._patiently("waiting for the proof", ask)) is None:
            await asyncio.sleep(pause)
            pause = min(pause * _SLOWER, _SLOWEST_POLL)
        return url

    async def _cancel(self, request_id: bytes) -> None:
        with suppress(FulfillError, TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._line.cancel(request_id)

    async def _patiently(self, what: str, call: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await self._again(Grumble(f"{what} (gateway)"), call)
        except ServerAway as away:
            raise ProverUnavailable(away.message, advice=away.advice) from None


def _body(task: ProveTask, stdin_uri: str, deadline: float) -> types_pb2.RequestProofRequestBody:
    """Write a request in the base dialect, which every gateway reads; the nonce is missing."""
    return types_pb2.RequestProofRequestBody(
        vk_hash=task.vk_hash,
        version=task.version.text,
        mode=types_pb2.ProofMode.ValueType(task.mode),
        strategy=types_pb2.RESERVED,
        stdin_uri=stdin_uri,
        deadline=int(deadline),
        cycle_limit=_UNLIMITED,
        gas_limit=_UNLIMITED,
        # The SDK of v5 sends 1, that of v6 nothing.
        min_auction_period=int(task.version.family is Family.V5),
    )
