"""What a server answers instead of a result: exit 4."""

from sp1tee.errors.base import Sp1teeError


class Refusal(Sp1teeError):  # noqa: N818 - it is an answer, not a fault of ours
    """An answer other than the result asked for, with the gRPC status that carries it.

    `status` is the name of a `grpc.StatusCode`. Which names make an SDK retry is in
    docs/protocol.md; everything else ends the SDK's call with our text. `retry_after_s` hints when
    the same call may do better; None where it never will, or nobody knows.
    """

    code = "SP1TEE-R000"
    exit_code = 4
    status: str = "INVALID_ARGUMENT"
    retry_after_s: float | None = None


class MalformedCall(Refusal):
    """A call's message cannot be read, or a field of it has no meaning."""

    code = "SP1TEE-R001"
    default_advice = "Send the message exactly as an SP1 SDK encodes it."


class NotAuthorized(Refusal):
    """The bearer token that this server asks for is missing or wrong."""

    code = "SP1TEE-R002"
    status = "UNAUTHENTICATED"
    default_advice = "Give the token the operator gave you, with the SDK's bearer_token(...)."


class BadSignature(Refusal):
    """A call is not signed by anybody."""

    code = "SP1TEE-R003"
    status = "UNAUTHENTICATED"


class NotAllowed(Refusal):
    """The account is not one that this server serves, or not the one concerned."""

    code = "SP1TEE-R004"
    status = "PERMISSION_DENIED"


class UnsupportedArtifact(Refusal):
    """A kind of artifact that is not stored here."""

    code = "SP1TEE-R005"
    default_advice = "Ask for PROGRAM (1), STDIN (2) or PRIVATE_STDIN (7)."


class QuotaExceeded(Refusal):
    """An account has more open than the operator allows it."""

    code = "SP1TEE-R006"
    status = "RESOURCE_EXHAUSTED"
    retry_after_s = 30.0


class UnknownInput(Refusal):
    """A stdin_uri that this server did not give to the account."""

    code = "SP1TEE-R007"
    default_advice = "Upload the input with CreateArtifact here first, with the same key."


class NotUploaded(Refusal):
    """An artifact is referred to that was not uploaded, or is gone again."""

    code = "SP1TEE-R008"
    status = "FAILED_PRECONDITION"
    default_advice = "Upload it first, then send the call again."


class UnknownProgram(Refusal):
    """A vk_hash that nobody registered."""

    code = "SP1TEE-R009"
    status = "NOT_FOUND"
    default_advice = "Register it with CreateProgram; an SDK's prove() does that by itself."


class ProgramRefused(Refusal):
    """A program that does not fit its verifying key, or is none."""

    code = "SP1TEE-R010"
    default_advice = "Register the ELF and the verifying key that the SDK's setup() made of it."


class UnsupportedProof(Refusal):
    """A version, mode or strategy that is not proved here."""

    code = "SP1TEE-R011"


class DeadlineRefused(Refusal):
    """A deadline that has passed or is too far away."""

    code = "SP1TEE-R012"


class NoSuchRequest(Refusal):
    """A request id that nobody was given."""

    code = "SP1TEE-R013"
    status = "NOT_FOUND"


class NoProof(Refusal):
    """A request ended without a proof."""

    code = "SP1TEE-R014"
    status = "FAILED_PRECONDITION"


class NotCancellable(Refusal):
    """A request that has ended, or has its proof already."""

    code = "SP1TEE-R015"
    status = "FAILED_PRECONDITION"


class ListsClosed(Refusal):
    """Lists of requests are not for everybody here."""

    code = "SP1TEE-R016"
    status = "PERMISSION_DENIED"
    default_advice = "Ask the operator to set public_lists or a bearer token."


class UnsupportedFilter(Refusal):
    """A filter that cannot be honoured; leaving it out silently would show too much."""

    code = "SP1TEE-R017"
    default_advice = "Send the list call without this filter."


class NotServed(Refusal):
    """A call of the network's that this server does not answer."""

    code = "SP1TEE-R018"
    status = "UNIMPLEMENTED"


class UpstreamRefusal(Refusal):
    """What the upstream network answered, passed on with its own status and text."""

    code = "SP1TEE-R019"

    def __init__(self, message: str, *, status: str, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.status = status


class LeaseLost(Refusal):
    """A lease that does not hold its request any more, or never did."""

    code = "SP1TEE-R020"
    status = "FAILED_PRECONDITION"
    default_advice = "Drop the work and lease again."


class UndeclaredMock(Refusal):
    """A mock proof for a lease that was taken for real proofs."""

    code = "SP1TEE-R021"
    status = "FAILED_PRECONDITION"
    default_advice = "Declare mock in the worker's capabilities, or hand in a real proof."


class UploadRefused(Refusal):
    """An upload to no place, with the wrong token, too late or a second time."""

    code = "SP1TEE-R022"
    status = "PERMISSION_DENIED"
    default_advice = "Ask for a new upload address with CreateArtifact."


class ProgramConflict(Refusal):
    """A vk_hash under which this account registered another verifying key or program already."""

    code = "SP1TEE-R023"
    status = "ALREADY_EXISTS"
    default_advice = (
        "Send the very ELF that was registered first, or register this one with another account."
    )


class NetworkRefusal(Refusal):
    """What the simulated Prover Network answers to a call that breaks one of its rules."""

    code = "SP1TEE-R024"

    def __init__(self, message: str, *, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status
