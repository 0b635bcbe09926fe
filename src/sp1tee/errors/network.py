"""Something across the network did not answer as it should: exit 3."""

from sp1tee.errors.base import Sp1teeError


class NetworkError(Sp1teeError):
    """A peer could not be reached or did not answer as its protocol says."""

    code = "SP1TEE-N000"
    exit_code = 3


class Unreachable(NetworkError):  # noqa: N818 - it names the peer, which is at fault
    """A peer did not answer, or says that it cannot right now; trying again may help.

    Attributes:
        server_code: the peer's own stable code; empty if it sent none.
        retry_after_s: when the peer wants to be asked again, in seconds; None if it did not say.
    """

    code = "SP1TEE-N001"

    def __init__(
        self,
        message: str,
        *,
        server_code: str = "",
        retry_after_s: float | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.server_code = server_code
        self.retry_after_s = retry_after_s


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
