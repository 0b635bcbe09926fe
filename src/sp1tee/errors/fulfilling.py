"""Executing or proving went wrong: exit 1."""

from sp1tee.errors.base import Sp1teeError


class FulfillError(Sp1teeError):
    """Executing or proving went wrong."""

    code = "SP1TEE-F000"
    exit_code = 1


class WorkerTokenRefused(FulfillError):  # noqa: N818 - it names what the server refused
    """The server does not accept this worker's token, or its certificate."""

    code = "SP1TEE-F001"
    exit_code = 2
    default_advice = (
        "Give the token that the server wrote to worker.token in its data directory, or have the "
        "certificate admitted there: sp1tee workers add NAME --certificate FILE."
    )


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
        printed: what the guest printed last; for the requester, and for no log.
    """

    code = "SP1TEE-F006"

    def __init__(
        self,
        message: str,
        *,
        error: int,
        cause: int = 0,
        retryable: bool = False,
        printed: str = "",
    ) -> None:
        super().__init__(message)
        self.error = error
        self.cause = cause
        self.retryable = retryable
        self.printed = printed


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


class ProverUnavailable(FulfillError):  # noqa: N818 - it names what is not available
    """Proofs cannot be made here, because the prover does not come up."""

    code = "SP1TEE-F012"
    exit_code = 3
    default_advice = "See the prover's own log."


class OffHostRefused(ProverFailed):
    """A prover would take an input to a machine that the operator did not name."""

    code = "SP1TEE-F018"
    exit_code = 2
