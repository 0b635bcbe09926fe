"""What a compose file should say before it is deployed, beside what auditors ask of it."""

from typing import Final

from sp1tee.verify.checks import Rule

ACCEPTANCES: Final = Rule(
    "lint.acceptances",
    "SP1TEE-V450",
    "What the file accepts is a check that there is, with a reason",
    "A risk that is accepted by a mistyped name is not accepted, and one without a reason is not "
    "understood by whoever reads it next.",
    waivable=False,
)
SECRET_ENVIRONMENT: Final = Rule(
    "lint.secret-environment",
    "SP1TEE-V451",
    "Secrets come as files, not in the environment",
    "Whoever inspects the container, every program it starts and every report of a crash has its "
    "environment; a secret that is written out is as public as the file.",
)
WRITABLE_ROOT: Final = Rule(
    "lint.writable-root",
    "SP1TEE-V452",
    "Every container's root file system is read-only",
    "A break-in can replace what runs, and stays in the container when it is restarted.",
)
LIMITS: Final = Rule(
    "lint.limits",
    "SP1TEE-V453",
    "Every service has limits of memory and processes",
    "A service that takes all there is takes the others down, the ingress included.",
)
STOP_GRACE: Final = Rule(
    "lint.stop-grace",
    "SP1TEE-V454",
    "Every service says how long it may take to stop",
    "After ten seconds Docker kills it, in the middle of a proof or of an upload.",
)

RULES: Final[tuple[Rule, ...]] = (
    *(ACCEPTANCES, SECRET_ENVIRONMENT, WRITABLE_ROOT, LIMITS, STOP_GRACE),
)
