"""Every metric of `sp1tee serve`."""

from typing import Final

from sp1tee.monitoring.described import Described
from sp1tee.monitoring.page import COMMON

CALL_BOUNDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
"""Of calls, seconds."""

WORK_BOUNDS: Final = (0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
"""Of what proofs take, seconds."""

ATTEMPT_BOUNDS: Final = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0)

REQUESTS: Final = Described(
    "sp1tee_requests", "gauge", "Requests in the database, by state.", ("state",)
)
OLDEST: Final = Described(
    "sp1tee_oldest_request_seconds",
    "gauge",
    "How long the request that is longest in an open state has been in it; 0 if none is.",
    ("state",),
)
WORK: Final = Described(
    "sp1tee_work_requests",
    "gauge",
    "Requests that wait for a prover (queued) or have one (leased), by what it must make.",
    ("state", "version", "mode"),
)
STATE_SECONDS: Final = Described(
    "sp1tee_state_seconds",
    "histogram",
    "How long requests were in an open state, by what they became then.",
    ("state", "next"),
    WORK_BOUNDS,
)
REQUEST_SECONDS: Final = Described(
    "sp1tee_request_seconds",
    "histogram",
    "From acceptance to the end, by how requests ended.",
    ("outcome",),
    WORK_BOUNDS,
)
ATTEMPTS: Final = Described(
    "sp1tee_request_attempts",
    "histogram",
    "Leases that counted, of requests that ended.",
    ("outcome",),
    ATTEMPT_BOUNDS,
)
LEASES: Final = Described(
    "sp1tee_leases_total",
    "counter",
    "Leases that are over: finished, returned (uncounted), broken_off (an attempt less is left), "
    "failed or expired.",
    ("outcome",),
)
LOST: Final = Described(
    "sp1tee_leases_lost_total", "counter", "Leases of workers that fell silent."
)
OUTBOX: Final = Described(
    "sp1tee_outbox_requests", "gauge", "Endings that the upstream network has not been told."
)
OUTBOX_OLDEST: Final = Described(
    "sp1tee_outbox_oldest_seconds",
    "gauge",
    "How long ago the oldest of them ended, as far as this process has seen it; 0 without any.",
)
WORKERS: Final = Described(
    "sp1tee_workers", "gauge", "Workers heard of lately, by state.", ("state",)
)
REFUSALS: Final = Described(
    "sp1tee_refusals_total",
    "counter",
    "Calls and HTTP requests refused, by stable code.",
    ("listener", "code"),
)
CONNECTIONS_CLOSED: Final = Described(
    "sp1tee_connections_closed_total",
    "counter",
    "Connections broken off: flood, no_request (in time), idle, stalled (takes no answer), peer "
    "(has too many), crowded (all have too many).",
    ("listener", "reason"),
)
UPLOADS: Final = Described("sp1tee_uploads_total", "counter", "Finished uploads.", ("kind",))
UPLOAD_BYTES: Final = Described(
    "sp1tee_upload_bytes_total", "counter", "Bytes of finished uploads.", ("kind",)
)
RPC: Final = Described("sp1tee_rpc_total", "counter", "Calls that are over.", ("method", "code"))
RPC_SECONDS: Final = Described(
    "sp1tee_rpc_seconds", "histogram", "How long calls took.", ("method",), CALL_BOUNDS
)
HTTP_SECONDS: Final = Described(
    "sp1tee_http_seconds",
    "histogram",
    "How long HTTP requests took, by path template.",
    ("path", "method", "status"),
    CALL_BOUNDS,
)
UPSTREAM_CALLS: Final = Described(
    "sp1tee_upstream_calls_total",
    "counter",
    "Calls to the upstream network that are over, by their gRPC status.",
    ("method", "status"),
)
PART_READY: Final = Described(
    "sp1tee_part_ready",
    "gauge",
    "1 for each part of the service that was as it should be when last looked at, else 0: what "
    "/health/ready says, up to one scrape ago.",
    ("part",),
)
DISK_FREE: Final = Described(
    "sp1tee_disk_free_bytes", "gauge", "Space left for this process on the disk of data_dir."
)

METRICS: Final = (
    REQUESTS,
    OLDEST,
    WORK,
    STATE_SECONDS,
    REQUEST_SECONDS,
    ATTEMPTS,
    LEASES,
    LOST,
    OUTBOX,
    OUTBOX_OLDEST,
    WORKERS,
    REFUSALS,
    CONNECTIONS_CLOSED,
    UPLOADS,
    UPLOAD_BYTES,
    RPC,
    RPC_SECONDS,
    HTTP_SECONDS,
    UPSTREAM_CALLS,
    PART_READY,
    DISK_FREE,
    *COMMON,
)
"""All of it, in the order of the documents."""
