"""A requester's command could not be completed: exit 1."""

from sp1tee.errors.base import Sp1teeError


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


class ProofRefuted(ClientError):  # noqa: N818 - it names what happened
    """SP1's own verifier says that the proof which a server sent does not hold."""

    code = "SP1TEE-P015"
    default_advice = (
        "Rely on nothing in it; it was not saved. If the program was built again, write its "
        "verifying key again; else ask for the proof again, and tell the server's operator."
    )


class UncheckedServer(ClientError):  # noqa: N818 - it names what it is about
    """The input would have gone to somebody else than the server that was checked."""

    code = "SP1TEE-P016"
    default_advice = (
        "Nothing of the input was sent. If the server has a new certificate, checking it again "
        "helps; if this comes back, somebody may be in between."
    )
