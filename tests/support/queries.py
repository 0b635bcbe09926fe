"""The queries that every request, lease or sweep asks, with the indexes that answer them."""

from sqlalchemy import SelectBase

from sp1tee.store import choosing, conduct, identities, lookup, outbox, pace, sweeping, turns
from support.stores import GROTH16, V6

VALUES = {
    "now": 1.0,
    "before": 1.0,
    "batch": 10,
    "limit": 10,
    "up_to": 10,
    "requester": b"r",
    "value": "v",
    "vk_hash": b"v",
    "mode": GROTH16,
    "identity": "gpu-1",
    **{f"version_{n}": V6 for n in range(8)},
    **{f"mode_{n}": GROTH16 for n in range(8)},
}
"""What they are asked about."""

QUERIES: dict[str, tuple[SelectBase, set[str]]] = {
    "whose turn": (turns.next_of(8), {"turns_in_line", "turns_by_turn"}),
    "lease": (choosing.oldest_of(8), {"requests_queue"}),
    "the front of a requester's requests": (choosing.front_of(8), {"requests_queue"}),
    "a worker's last leases": (conduct.LAST, {"leases_by_identity"}),
    "a worker's held leases": (identities.HELD, {"leases_by_identity"}),
    "pace": (pace.PACE, {"requests_by_pace"}),
    "outbox": (outbox.DUE, {"requests_to_tell"}),
    "lost leases": (sweeping.LOST, {"leases_by_expiry"}),
    "overdue": (sweeping.OVERDUE, {"requests_by_state"}),
    "undelivered": (sweeping.UNDELIVERED, {"requests_by_state"}),
    "never uploaded": (sweeping.NEVER_UPLOADED, {"artifacts_by_expiry"}),
    "unused uploads": (
        sweeping.UPLOADED,
        {"artifacts_by_expiry", "requests_by_stdin_artifact"},
    ),
    "old proofs": (sweeping.OLD_PROOFS, {"requests_with_proof"}),
    "old rows": (sweeping.OLD_REQUESTS, {"requests_by_state"}),
    "old places": (
        sweeping.OLD_ARTIFACTS,
        {"artifacts_by_expiry", "requests_by_stdin_artifact"},
    ),
    "usage": (
        lookup.USAGE,
        {"artifacts_by_requester", "requests_by_requester", "programs_by_owner"},
    ),
    "oldest program": (lookup.OLDEST_PROGRAM, {"programs_by_age"}),
    "open requests of one": (lookup.OPEN_COUNT, {"requests_by_requester"}),
    "upload place by uri": (lookup.ARTIFACT_BY_URI, {"sqlite_autoindex_artifacts_2"}),
    "by request id": (lookup.BY_REQUEST_ID, {"sqlite_autoindex_requests_3"}),
    "by proof token": (lookup.BY_PROOF_TOKEN, {"requests_by_proof_token"}),
    "counts": (lookup.COUNTS, {"requests_by_state"}),
}
"""By name: the query, and what SQLite must answer it from."""
