"""Every error a person can meet, in one tree.

Sp1teeError                      exit 5
├── ConfigError            C     settings, flags, key files: exit 2
├── WireError              W     bytes that do not mean what they should: exit 1
├── StoreError             S     the data directory, the database, the vault: exit 3
├── Refusal                R     what a server answers instead of a result: exit 4
├── NetworkError           N     something across the network did not answer as it should: exit 3
├── FulfillError           F     executing or proving went wrong: exit 1
└── ClientError            P     a requester's command could not be completed: exit 1

Each class has a stable `code`; a message says what happened, `advice` says what to do.
Leaves stand in the section of their branch below.
"""

from typing import ClassVar


class Sp1teeError(Exception):
    """Root of the tree.

    Attributes:
        code: stable identifier of this kind of error, e.g. ``SP1TEE-W001``.
        message: what happened, one sentence, no secret and no byte of an input.
        advice: what the reader can do about it; may be empty.
    """

    code: ClassVar[str] = "SP1TEE-X000"
    exit_code: ClassVar[int] = 5
    default_advice: ClassVar[str] = ""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = self.default_advice if advice is None else advice

    def __str__(self) -> str:
        return self.message


# --- configuration -------------------------------------------------------------------------


class ConfigError(Sp1teeError):
    """A setting, a flag or a key file is missing or unusable."""

    code = "SP1TEE-C000"
    exit_code = 2


class MissingExtraError(ConfigError):
    """A command needs packages that the plain install leaves out."""

    code = "SP1TEE-C001"


class ListenError(ConfigError):
    """An address cannot be listened on."""

    code = "SP1TEE-C002"
    default_advice = "Choose another address, or stop what is listening there."


# --- wire ----------------------------------------------------------------------------------


class WireError(Sp1teeError):
    """Bytes that do not follow their format."""

    code = "SP1TEE-W000"
    exit_code = 1


class MalformedMessage(WireError):  # noqa: N818 - it names the message, which is at fault
    """A protobuf message is cut, over its limits or not protobuf at all."""

    code = "SP1TEE-W001"
    default_advice = "Send the message exactly as an SP1 SDK encodes it."


class SignatureError(WireError):
    """A signature that nobody can have made."""

    code = "SP1TEE-W002"
    default_advice = "Sign with EIP-191 (personal message) and send r, s, v as 65 bytes."


class SigningKeyError(WireError):
    """A private key that is not one."""

    code = "SP1TEE-W003"
    default_advice = "Give 32 bytes, as 64 hex digits with or without 0x."


class HexError(WireError):
    """A text that should be hex digits, or an address, and is not."""

    code = "SP1TEE-W004"
    default_advice = "Give lower-case hex digits, with or without 0x."


class IdError(WireError):
    """An identifier that is not a TypeID of the expected kind."""

    code = "SP1TEE-W005"
    default_advice = "Give the identifier as it was printed, e.g. req_01h455vb4pex5vsknk084sn02q."


class VersionError(WireError):
    """A circuit version that this release does not know."""

    code = "SP1TEE-W006"


class ModeError(WireError):
    """A proof mode that does not exist."""

    code = "SP1TEE-W007"


class BincodeError(WireError):
    """Bytes that are not the bincode of what they should hold."""

    code = "SP1TEE-W008"
    default_advice = "Send the bincode 1.3 encoding that an SP1 SDK makes."


class ArtifactError(WireError):
    """An uploaded program or input could not be unpacked."""

    code = "SP1TEE-W009"
    default_advice = "Send plain bincode, or exactly one zstd frame, as the SP1 SDK does."


class ArtifactTooLarge(ArtifactError):  # noqa: N818 - it names the artifact, which is at fault
    """An artifact is, or claims to be, larger than allowed once unpacked."""

    code = "SP1TEE-W010"
    default_advice = "Send less, or ask the operator to raise the artifact limit."


class TruncatedArtifact(ArtifactError):  # noqa: N818 - it names the artifact, which is at fault
    """An artifact ends before it is complete."""

    code = "SP1TEE-W011"
    default_advice = "Upload it again."


class ProofError(WireError):
    """Bytes that are not an SP1 proof of a known version."""

    code = "SP1TEE-W012"


class ClaimMismatch(WireError):  # noqa: N818 - it names what disagrees
    """A proof proves something else than what was asked for.

    Attributes:
        claim: which part: ``program``, ``public values``, ``exit code``, ``completeness`` or
            ``circuits``.
    """

    code = "SP1TEE-W013"

    def __init__(self, message: str, *, claim: str, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.claim = claim


class UnsupportedMock(WireError):  # noqa: N818 - it names the mock that was asked for
    """A kind of proof that cannot be imitated."""

    code = "SP1TEE-W014"
    default_advice = "Use mode core, plonk or groth16 with the mock prover."


class VerifyingKeyError(WireError):
    """Bytes that are not a verifying key, or its hash."""

    code = "SP1TEE-W015"


# --- store ---------------------------------------------------------------------------------


class StoreError(Sp1teeError):
    """What must survive a restart could not be read or written."""

    code = "SP1TEE-S000"
    exit_code = 3


class StoreUnavailable(StoreError):  # noqa: N818 - it names what is not to be had
    """The disk or the database failed; nothing of the change happened."""

    code = "SP1TEE-S001"
    default_advice = "Look at the disk and the server's log, then try again: nothing was changed."


class StoreFull(StoreUnavailable):
    """The disk is full."""

    code = "SP1TEE-S002"
    default_advice = "Free space on the data directory's disk, then try again."


class StoreInUse(StoreError):  # noqa: N818 - it names the store, which is taken
    """Another server works in the data directory."""

    code = "SP1TEE-S003"
    default_advice = "Stop the other server, or give this one a data_dir of its own."


class StoreTooNew(StoreError):  # noqa: N818 - it names the store, which is ahead
    """A newer release has changed the database."""

    code = "SP1TEE-S004"
    default_advice = "Run the newest sp1tee that this data directory has seen, or a later one."


class StoreMismatch(StoreError):  # noqa: N818 - it names what does not fit
    """The database and the vault's files do not belong together."""

    code = "SP1TEE-S005"
    default_advice = "Point data_dir and database_url at the pair that was used before."


class VaultKeyError(StoreError):
    """A vault key is unusable."""

    code = "SP1TEE-S006"
    exit_code = 2
    default_advice = "Give a file of 64 hex digits or 32 raw bytes that only its owner can read."


class WrongVaultKeyError(VaultKeyError):
    """A vault key is not the one the vault was made with."""

    code = "SP1TEE-S007"
    default_advice = "Give the key this data directory was made with; no other can read it."


class MissingVaultKeyError(VaultKeyError):
    """A vault is there, and its key file is not."""

    code = "SP1TEE-S008"
    default_advice = (
        "Put the key file back. If it is lost, so are the vault's blobs: start with an empty "
        "data_dir."
    )


class BlobErased(StoreError):  # noqa: N818 - it names the blob, which is gone
    """There is no such blob, or no longer."""

    code = "SP1TEE-S009"


class BlobDamaged(StoreError):  # noqa: N818 - it names the blob, which is at fault
    """A sealed file is not what was written."""

    code = "SP1TEE-S010"
    default_advice = "Check the data directory's disk, and who else writes to it."


class RequestNotFound(StoreError):  # noqa: N818 - it names the request, which is not there
    """A key that names no request."""

    code = "SP1TEE-S011"


class ProgramNotFound(StoreError):  # noqa: N818 - it names the program, which is not there
    """A hash that names no registered program."""

    code = "SP1TEE-S012"


class StateConflict(StoreError):  # noqa: N818 - it names the conflict
    """A change that contradicts what the store knows already."""

    code = "SP1TEE-S013"


# --- refusals ------------------------------------------------------------------------------


class Refusal(Sp1teeError):  # noqa: N818 - it is an answer, not a fault of ours
    """An answer other than the result asked for, with the gRPC status that carries it.

    `status` is the name of a `grpc.StatusCode`. Which names make an SDK retry is in
    docs/protocol.md; everything else ends the SDK's call with our text.
    """

    code = "SP1TEE-R000"
    exit_code = 4
    status: str = "INVALID_ARGUMENT"


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
    """A vk_hash that is registered with another verifying key or program already."""

    code = "SP1TEE-R023"
    status = "ALREADY_EXISTS"
    default_advice = "Use the program as it is registered: GetProgram shows it."


class NetworkRefusal(Refusal):
    """What the simulated Prover Network answers to a call that breaks one of its rules."""

    code = "SP1TEE-R024"

    def __init__(self, message: str, *, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status


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


# --- network -------------------------------------------------------------------------------


class NetworkError(Sp1teeError):
    """A peer could not be reached or did not answer as its protocol says."""

    code = "SP1TEE-N000"
    exit_code = 3


class Unreachable(NetworkError):  # noqa: N818 - it names the peer, which is at fault
    """A peer did not answer, or says that it cannot right now; trying again may help.

    Attributes:
        server_code: the peer's own stable code; empty if it sent none.
    """

    code = "SP1TEE-N001"

    def __init__(self, message: str, *, server_code: str = "", advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.server_code = server_code


class BadReply(NetworkError):  # noqa: N818 - it names the reply, which is at fault
    """A peer answered with something its protocol does not allow."""

    code = "SP1TEE-N002"


class UpstreamError(NetworkError):
    """A call to the upstream network failed.

    Attributes:
        status: the name of the `grpc.StatusCode` it failed with.
    """

    code = "SP1TEE-N003"

    def __init__(self, message: str, *, status: str, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.status = status


class ProgramSourceError(NetworkError):
    """A registered program could not be fetched from where it is stored."""

    code = "SP1TEE-N004"


class TransientSourceError(ProgramSourceError):
    """A registered program cannot be fetched at the moment."""

    code = "SP1TEE-N005"


class SourceRefused(NetworkError):  # noqa: N818 - it names the source, which is at fault
    """A program is stored where this server may not fetch from."""

    code = "SP1TEE-N006"
    default_advice = "Add the place to program_sources, if you trust it."


# --- fulfilling ----------------------------------------------------------------------------


class FulfillError(Sp1teeError):
    """Executing or proving went wrong."""

    code = "SP1TEE-F000"
    exit_code = 1


class WorkerTokenRefused(FulfillError):  # noqa: N818 - it names what the server refused
    """The server does not accept this worker's token."""

    code = "SP1TEE-F001"
    exit_code = 2
    default_advice = "Give the token that the server wrote to worker.token in its data directory."


class ServerAway(FulfillError):  # noqa: N818 - it names a state that passes
    """The server could not be reached or could not answer for the moment: worth another try."""

    code = "SP1TEE-F002"
    exit_code = 3
    default_advice = "Check that the server runs and that the URL is that of its worker listener."


class ServerRefused(FulfillError):  # noqa: N818 - it names who refused
    """The server answered a worker's call with a refusal that trying again does not change."""

    code = "SP1TEE-F003"
    default_advice = "Run the same release of sp1tee on both sides."


class LeaseGone(FulfillError):  # noqa: N818 - it names what is gone
    """The server gave the request to somebody else or ended it."""

    code = "SP1TEE-F004"


class TransferError(FulfillError):
    """Bytes that crossed from the server are not those that the lease names."""

    code = "SP1TEE-F005"
    default_advice = "The request is given back; if it repeats, check the server's data directory."


class JobFailed(FulfillError):  # noqa: N818 - it names what failed
    """A request cannot be proved, as it is or by this worker.

    Attributes:
        error: the network's ``ProofRequestError``.
        cause: the network's ``ExecuteFailureCause``; 0 unless the guest's run failed.
        retryable: whether the same worker or another one may succeed.
    """

    code = "SP1TEE-F006"

    def __init__(
        self, message: str, *, error: int, cause: int = 0, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.error = error
        self.cause = cause
        self.retryable = retryable


class ProverFailed(FulfillError):  # noqa: N818 - it names what failed
    """The prover ended without a proof."""

    code = "SP1TEE-F007"
    default_advice = "See the prover's own log."


class CheckupFailed(FulfillError):  # noqa: N818 - it names what failed
    """This machine lacks something that fulfilling needs."""

    code = "SP1TEE-F008"
    exit_code = 2
    default_advice = "Run `sp1tee doctor`."


class ElfError(FulfillError):
    """A guest program that SP1 would not load, or that no executor here can run."""

    code = "SP1TEE-F009"
    default_advice = "Build the program with the SP1 toolchain of the version it is requested for."


class ExecutorCrashed(FulfillError):  # noqa: N818 - it names what crashed
    """The process that ran a guest ended without a result; the guest's fault or ours."""

    code = "SP1TEE-F010"
    default_advice = "Try once more. If it happens again, report the program; it was contained."


class ExecutorUnavailable(FulfillError):  # noqa: N818 - it names what is not available
    """Guests cannot be run here, because the process that runs them does not come up."""

    code = "SP1TEE-F011"
    exit_code = 3
    default_advice = "Run on Linux on x86-64 or arm64, where seccomp filters are allowed."


# --- requesting ----------------------------------------------------------------------------


class ClientError(Sp1teeError):
    """A requester's command could not be completed."""

    code = "SP1TEE-P000"
    exit_code = 1


class RequestFailed(ClientError):  # noqa: N818 - it names the request, which is at fault
    """A request ended without a proof; leaves say how."""

    code = "SP1TEE-P001"


class Unexecutable(RequestFailed):
    """The program does not run to its end on this input."""

    code = "SP1TEE-P002"
    default_advice = "Run `sp1tee execute` with the same program and input to see why."


class Unfulfillable(RequestFailed):
    """Nobody can make this proof: the prover gave up, or the network took it back."""

    code = "SP1TEE-P003"


class RequestExpired(RequestFailed):
    """The deadline came before the proof."""

    code = "SP1TEE-P004"
    default_advice = "Send the request again with a longer --timeout."


class UnknownRequest(RequestFailed):
    """The server knows no request with this id."""

    code = "SP1TEE-P005"
    default_advice = "Ask the server that took the request, with the id it printed."


class WaitTimeout(ClientError):  # noqa: N818 - it names what ran out
    """The time to wait is over and the request is still open."""

    code = "SP1TEE-P006"


class ServerRefusal(ClientError):  # noqa: N818 - it is an answer, not a fault of ours
    """The server said no, and would say it again.

    Attributes:
        status: the name of the gRPC status, or ``HTTP`` and a number.
        server_code: the server's own stable code, e.g. ``SP1TEE-R004``; empty if it sent none.
    """

    code = "SP1TEE-P007"
    exit_code = 4

    def __init__(
        self, message: str, *, status: str, server_code: str = "", advice: str | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.server_code = server_code


class ProgramFileError(ClientError):
    """A file that should be a program is none that SP1 runs."""

    code = "SP1TEE-P008"
    exit_code = 2
    default_advice = "Give the RISC-V ELF that `cargo prove build` makes."


class VerifyingKeyMissing(ClientError):  # noqa: N818 - it names what is missing
    """Registering a program needs its verifying key."""

    code = "SP1TEE-P009"
    exit_code = 2
    default_advice = (
        "Write it once with the Rust SDK, after `let pk = client.setup(elf)`: "
        '`std::fs::write("program.elf.vk", bincode::serialize(pk.verifying_key())?)?`, '
        "then give --vk program.elf.vk or keep it beside the program."
    )


class VerifyingKeyMismatch(ClientError):  # noqa: N818 - it names what disagrees
    """A verifying key, its hash and a program that do not belong together."""

    code = "SP1TEE-P010"
    exit_code = 2


class InputFileError(ClientError):
    """A program's input cannot be read, or is not what it should be."""

    code = "SP1TEE-P011"
    exit_code = 2


class CleartextRefused(ClientError):  # noqa: N818 - it names what was refused
    """The input would have crossed the network unencrypted."""

    code = "SP1TEE-P012"
    exit_code = 2
    default_advice = "Use an https:// address, or --allow-cleartext inside a network you trust."


class OutputFileError(ClientError):
    """A result cannot be written where it should go."""

    code = "SP1TEE-P013"
    exit_code = 2


class PrivacyBroken(ClientError):  # noqa: N818 - it names what happened
    """A search found an input where it must not be."""

    code = "SP1TEE-P014"
    default_advice = "Please report it: it is the one thing that must never happen."
