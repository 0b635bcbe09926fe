"""What a server answers its operator instead of a result: exit 4."""

from sp1tee.errors.refusals import Refusal


class AdminNotAuthorized(Refusal):
    """The admin token is missing or wrong."""

    code = "SP1TEE-R038"
    status = "UNAUTHENTICATED"
    default_advice = "Give the server's admin.token, which is in its data directory."


class WorkerStoodDown(Refusal):
    """A worker that gets no work: draining, in quarantine, or revoked."""

    code = "SP1TEE-R040"
    status = "FAILED_PRECONDITION"
    default_advice = "On the server: sp1tee workers ls says why, sp1tee workers resume ends it."


class NotInThatState(Refusal):
    """A request or a worker is in a state in which this cannot be done to it."""

    code = "SP1TEE-R039"
    status = "FAILED_PRECONDITION"
