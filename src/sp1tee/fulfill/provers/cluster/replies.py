"""What an sp1-cluster's answers mean.

Its own words are not repeated: they may be a guest's, and quote the input.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

import grpc
from grpc import aio

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.patience import PASSING
from sp1tee.wire.pb import cluster_pb2 as pb

_LOCKED_OUT: Final = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
# SP1's own names of kinds of work (worker.proto, TaskType), as serde writes them.
_TASKS: Final = frozenset(
    {
        *("Controller", "CoreExecute", "ProveShard", "RecursionReduce", "RecursionDeferred"),
        *("ShrinkWrap", "SetupVkey", "PlonkWrap", "Groth16Wrap", "ExecuteOnly"),
    }
)
_MOST_EXTRA: Final = 64 << 10
_MOST_TOLD: Final = 300
_MOST_OF_ONE: Final = 60
# The coordinator tells the API every four minutes who is there.
_SILENT_SECONDS: Final = 600
_HASH_BYTES: Final = 32
_LARGEST: Final = (1 << 64) - 1
_LARGEST_BYTE: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Report:
    """How an execution ended in a cluster that executes only.

    Attributes:
        succeeded: whether the program ran to a clean end.
        cycles: instructions executed.
        gas: prover gas.
        public_values_hash: SHA-256 of what it revealed, 32 bytes; empty if it failed.
    """

    succeeded: bool
    cycles: int
    gas: int
    public_values_hash: bytes = field(repr=False)


def is_complete(row: pb.ProofRequest) -> bool:
    """Tell whether a request has its proof; False while it is worked on.

    Raises:
        ProverFailed: there will be none.
    """
    if row.proof_status == pb.PROOF_REQUEST_STATUS_COMPLETED:
        return True
    if row.proof_status == pb.PROOF_REQUEST_STATUS_PENDING:
        return False
    if row.proof_status == pb.PROOF_REQUEST_STATUS_FAILED:
        raise ProverFailed(
            f"The cluster failed to make the proof{_where(row)}.",
            advice="See the logs of the cluster's coordinator and nodes.",
        )
    if row.proof_status == pb.PROOF_REQUEST_STATUS_CANCELLED:
        raise ProverFailed("Somebody cancelled the proof in the cluster.", advice="")
    raise ProverFailed("The cluster names a state that does not exist.", advice="")


def read_report(row: pb.ProofRequest) -> Report | None:
    """Read how an execution ended; None if the row does not say, or says what cannot be."""
    told = _extra(row)
    status, cycles, gas = (_count(told.get(key)) for key in ("status", "cycles", "gas"))
    digest = _digest(told.get("public_values_hash"))
    if status is None or cycles is None or gas is None or digest is None:
        return None
    return Report(status == pb.EXECUTION_STATUS_EXECUTED, cycles, gas, digest)


def describe(told: pb.ClusterComponentManifest | None, now: float) -> tuple[str, str]:
    """Say what a cluster consists of, and what to do about it; the second is empty if it is well.

    Args:
        told: what its coordinator told the API; None where the API is too old to say.
        now: Unix seconds.
    """
    if told is None or not told.updated_at:
        return "The API answers, and has not heard from a coordinator since it was started.", ""
    text = f"{_counted(told)}; its coordinator told so {_when(told.updated_at)}."
    if now - told.updated_at >= _SILENT_SECONDS:
        return text, "The coordinator seems to be gone: see its log."
    if not any(one.component.endswith("-node") for one in told.components):
        return text, "No node was connected then, and it tells every four minutes: see nodes' logs."
    return text, ""


def translate(error: aio.AioRpcError, what: str, who: str = "The cluster's API") -> FulfillError:
    """Turn a failed call into our own error.

    Returns:
        `ServerAway` where trying again may help, `ProverUnavailable` where this is no cluster, or
        wants nothing of this worker, `ProverFailed` where it does not want this.
    """
    status = error.code()
    if status in _LOCKED_OUT:
        return ProverUnavailable(
            f"{who} lets this worker ask for nothing ({what}): {status.name}.",
            advice="Check --prover-url: it is the address of sp1-cluster-api, port 50051.",
        )
    if status in PASSING:
        return ServerAway(
            f"{who} did not answer ({what}): {status.name}.",
            advice="Check that it runs, and that --prover-url is its gRPC address.",
        )
    return ProverFailed(f"{who} refused ({what}): {status.name}.", advice="See its log.")


def _where(row: pb.ProofRequest) -> str:
    """Say where it failed, with no words but SP1's own names of things."""
    told = _extra(row)
    failure = told.get("proving_failure")
    if isinstance(failure, dict):
        task = failure.get("task_type")
        return f" ({task})" if isinstance(task, str) and task in _TASKS else ""
    if told.get("status") == pb.EXECUTION_STATUS_FAILED:
        return ": the program, which runs here, does not run there"
    return ""


def _extra(row: pb.ProofRequest) -> Mapping[str, Any]:
    """Return the JSON object that a row carries; an empty one for anything else."""
    if not 0 < len(row.extra_data) <= _MOST_EXTRA:
        return {}
    try:
        told = json.loads(row.extra_data)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _digest(told: object) -> bytes | None:
    """Read bytes as serde writes them, a list of numbers; 32 of them, or none."""
    if not isinstance(told, list) or len(told) not in (0, _HASH_BYTES):
        return None
    numbers = [_count(one) for one in told]
    if any(number is None or number > _LARGEST_BYTE for number in numbers):
        return None
    return bytes(number or 0 for number in numbers)


def _count(told: object) -> int | None:
    is_one = isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _LARGEST
    return cast("int", told) if is_one else None


def _when(seconds: int) -> str:
    """Write a time that somebody else tells."""
    try:
        return f"at {datetime.fromtimestamp(seconds, UTC).isoformat(timespec='seconds')}"
    except (ValueError, OverflowError, OSError):
        return "at a time that does not exist"


def _counted(told: pb.ClusterComponentManifest) -> str:
    """Write what a cluster consists of: ``2 gpu-node 2.7.2, 1 coordinator 2.7.2``."""
    kinds: dict[str, int] = {}
    for one in told.components:
        label = "".join(c for c in f"{one.component} {one.version}" if c.isprintable())[
            :_MOST_OF_ONE
        ]
        kinds[label] = kinds.get(label, 0) + 1
    text = ", ".join(f"{count} {label}" for label, count in kinds.items())
    return text[:_MOST_TOLD] or "Nothing is connected"
