"""Refusals of uploads, downloads and workers."""

from sp1tee.errors.refusals import Refusal


class TryLater(Refusal):
    """Something this server needs is out of order; the same call may succeed soon."""

    code = "SP1TEE-R025"
    status = "UNAVAILABLE"


class NoSuchPath(Refusal):
    """An HTTP request to a path that leads nowhere."""

    code = "SP1TEE-R026"
    status = "NOT_FOUND"


class MethodNotAllowed(Refusal):
    """An HTTP method that a path does not take."""

    code = "SP1TEE-R027"
    status = "UNIMPLEMENTED"


class UploadTooLarge(Refusal):
    """An upload of more bytes than are taken."""

    code = "SP1TEE-R028"
    status = "OUT_OF_RANGE"
    default_advice = "Send less, or ask the operator to raise the limit."


class UploadTooSlow(Refusal):
    """An upload that stood still, or was slower than the operator has patience for."""

    code = "SP1TEE-R029"
    status = "DEADLINE_EXCEEDED"
    default_advice = "Send it again to the same address, over a faster line."


class UploadedAlready(Refusal):
    """An upload to a place that has been uploaded to."""

    code = "SP1TEE-R030"
    status = "ALREADY_EXISTS"
    default_advice = (
        "Go on: it is here. For other content, ask for a new place with CreateArtifact."
    )


class UploadReplaced(Refusal):
    """An upload that was given up because its owner began it again."""

    code = "SP1TEE-R031"
    status = "ABORTED"
    default_advice = "Wait for the newer upload."


class RangeRefused(Refusal):
    """A range that lies behind the end."""

    code = "SP1TEE-R032"
    status = "OUT_OF_RANGE"


class WorkerNotAuthorized(Refusal):
    """A call to the worker listener without its token."""

    code = "SP1TEE-R033"
    status = "UNAUTHENTICATED"
    default_advice = "Give the worker the server's worker_token, for example as a file."


class MockRefused(Refusal):
    """A mock prover where only real proofs count."""

    code = "SP1TEE-R034"
    status = "PERMISSION_DENIED"
    default_advice = "Use a real prover, or set allow_mock on a server that is for trials only."


class ProofRefused(Refusal):
    """A worker's proof that is none, or not of what was asked for."""

    code = "SP1TEE-R035"


class ProofMissing(Refusal):
    """A proof that was announced, but is not here (any more)."""

    code = "SP1TEE-R036"
    status = "ABORTED"
    default_advice = "PUT the proof again, then finish."


class UploadDamaged(Refusal):
    """An upload that did not arrive as its own headers say."""

    code = "SP1TEE-R037"
    default_advice = "Send it again to the same address."
