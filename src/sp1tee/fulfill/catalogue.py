"""Every metric of `sp1tee fulfill`."""

from typing import Final

from sp1tee.monitoring.described import Described
from sp1tee.monitoring.page import COMMON

STAGE_BOUNDS: Final = (0.01, 0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0)
"""Of stages of work, seconds."""

SLOTS: Final = Described(
    "sp1tee_worker_slots", "gauge", "Provers, by state: busy or free.", ("state",)
)
JOBS: Final = Described(
    "sp1tee_worker_jobs",
    "gauge",
    "Leased requests, by what is done with them; waiting: prepared, and no prover is free.",
    ("stage",),
)
STAGE_SECONDS: Final = Described(
    "sp1tee_worker_stage_seconds",
    "histogram",
    "How long leased requests were in a stage.",
    ("stage",),
    STAGE_BOUNDS,
)
PROOFS: Final = Described(
    "sp1tee_worker_proofs_total",
    "counter",
    "Leased requests that are over: handed_in, failed (for good), passed_on (another may try), "
    "given_back (uncounted) or lost.",
    ("mode", "result"),
)
EXECUTIONS: Final = Described(
    "sp1tee_worker_executions_total",
    "counter",
    "Runs of programs: finished, failed, or crashed together with what ran them.",
    ("outcome",),
)
PROVER_STARTS: Final = Described(
    "sp1tee_worker_prover_starts_total",
    "counter",
    "Starts of provers' own processes; more than one a slot are restarts.",
)
FIT: Final = Described(
    "sp1tee_worker_fit", "gauge", "1 while nothing is known that this machine lacks, else 0."
)

METRICS: Final = (
    SLOTS,
    JOBS,
    STAGE_SECONDS,
    PROOFS,
    EXECUTIONS,
    PROVER_STARTS,
    FIT,
    *COMMON,
)
"""All of it, in the order of the documents."""
