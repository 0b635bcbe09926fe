"""The prover that is a whole sp1-cluster."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.fulfill.provers.cluster.artifacts import (
    MAX_PROOF_BYTES,
    Kind,
    probe,
    unpacked_proof,
)
from sp1tee.fulfill.provers.cluster.desk import Desk, Lost
from sp1tee.fulfill.provers.cluster.errand import Errand
from sp1tee.fulfill.provers.cluster.replies import describe
from sp1tee.fulfill.provers.gateway import Offer
from sp1tee.fulfill.provers.verifying import Verifier, refute
from sp1tee.logs import get
from sp1tee.wire.pb import cluster_worker_pb2 as worker_pb

_CHECK_SECONDS: Final = 10.0
# A request that gets lost twice gets lost again.
_SUBMISSIONS: Final = 2

_log = get(__name__)


class ClusterProver:
    """One slot of a worker whose proofs a cluster makes."""

    name = "cluster"
    mock = False

    def __init__(self, desk: Desk, offer: Offer, *, verifier: Verifier | None = None) -> None:
        """Prepare to ask.

        Args:
            desk: where the cluster is asked, by other slots too.
            offer: what it makes, by the operator's word.
            verifier: what verifies its proofs, those of other slots too.
        """
        self._desk = desk
        self._offer = offer
        self._verifier = verifier

    def capabilities(self) -> tuple[Capability, ...]:
        """What the operator says that the cluster makes."""
        return tuple(Capability(text, self._offer.modes) for text in self._offer.versions)

    async def check(self) -> None:
        """Find out whether API and store answer, and what circuit the coordinator is for.

        Raises:
            ProverUnavailable: a part of the cluster is missing.
        """
        try:
            await self._desk.api.health(_CHECK_SECONDS)
            await probe(self._desk.artifacts)
            if self._desk.coordinator is not None:
                self._check_circuit(await self._desk.coordinator.stats())
        except ProverUnavailable:
            raise
        except FulfillError as error:
            raise ProverUnavailable(error.message, advice=error.advice) from None

    async def survey(self) -> Sequence[Check]:
        """Say what the cluster consists of, and how its store is set up."""
        return [await self._survey_components(), await self._survey_store()]

    async def prove(self, task: ProveTask, deadline: float) -> Made:
        """Have a proof made; cancelling cancels it in the cluster. Nothing is left there.

        Raises:
            ProverFailed: the cluster does not make it.
            ProverUnavailable: a part of the cluster is away.
        """
        await self._desk.settle()
        for _ in range(_SUBMISSIONS):
            try:
                return Made(await self._attempt(task, deadline), task.vk)
            except Lost as lost:
                reason = str(lost)
                _log.warning("a request got lost in the cluster", reason=reason)
        raise ProverFailed(
            f"The request got lost in the cluster, again and again: {reason}.",
            advice="Run `sp1tee doctor`: it looks at the cluster and its store.",
        )

    async def verify(self, task: ProveTask, made: Made) -> None:
        """Let SP1's verifier judge a proof.

        Raises:
            ProverFailed: it does not hold, or the verifier does not work.
        """
        if reason := await refute(self._verifier, task, made):
            raise ProverFailed(f"SP1's verifier refuses the cluster's proof: {reason}")

    async def aclose(self) -> None:
        """Close the connections, and the verifier."""
        await self._desk.aclose()
        if self._verifier is not None:
            await self._verifier.aclose()

    async def _attempt(self, task: ProveTask, deadline: float) -> bytes:
        errand, ended = Errand.new(), False
        try:
            await self._desk.submit(errand, task.elf, task.stdin, task.mode, deadline)
            await self._desk.finished(errand, task.elf)
            ended = True
            return await asyncio.to_thread(unpacked_proof, await self._fetch(errand))
        finally:
            await self._desk.tidy(errand, ended=ended)

    async def _fetch(self, errand: Errand) -> bytes:
        store = self._desk.artifacts
        get_it = partial(store.get, Kind.PROOF, errand.proof, MAX_PROOF_BYTES)
        found = await self._desk.patiently("fetching the proof", get_it)
        if found is None:
            raise Lost(f"{store.name} no longer has the proof")
        return found

    def _check_circuit(self, stats: worker_pb.GetStatsResponse) -> None:
        circuit = stats.sp1_circuit_version
        if circuit and f"sp1-{circuit}" not in self._offer.versions:
            raise ProverUnavailable(
                "The cluster proves another circuit version than --cluster-versions says.",
                advice="Give its version there.",
            )

    async def _survey_components(self) -> Check:
        try:
            told = await self._desk.api.components()
        except FulfillError as error:
            return Check.failed("cluster", error)
        text, trouble = describe(told, time.time())
        return Check("cluster", ok=not trouble, text=text, advice=trouble, needed=False)

    async def _survey_store(self) -> Check:
        try:
            ok, text, advice = await self._desk.artifacts.health()
        except FulfillError as error:
            return Check.failed("cluster store", error)
        return Check("cluster store", ok=ok, text=text, advice=advice, needed=False)
