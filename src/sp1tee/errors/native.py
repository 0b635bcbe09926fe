"""What SP1's own programs, in processes of their own, did not do."""

from sp1tee.errors.base import Sp1teeError


class NativeError(Sp1teeError):
    """A program of SP1's on a socket did not do what it was asked."""

    code = "SP1TEE-E000"
    exit_code = 3


class NativeGone(NativeError):  # noqa: N818 - it names who is gone
    """Nobody listens at the socket of a native server, or the connection to it ended."""

    code = "SP1TEE-E001"
    default_advice = "Check that the native server runs, and that the socket is the one it opens."


class NativeGarbled(NativeError):  # noqa: N818 - it names what arrived
    """What listens at a socket does not speak the protocol of ``sp1-gpu-server``."""

    code = "SP1TEE-E002"
    default_advice = "Check that the socket is that of sp1-gpu-server 6 or of sp1tee-prover."


class NativeTimeout(NativeError):  # noqa: N818 - it names what passed
    """A native server did not answer in the time that it was given."""

    code = "SP1TEE-E003"


class NativeFailed(NativeError):  # noqa: N818 - it names what failed
    """A native server says that it failed.

    Attributes:
        text: its own words; not part of the message, as they could quote an input.
        proving: whether the proof failed, rather than the server or the request.
    """

    code = "SP1TEE-E004"

    def __init__(self, text: str, *, proving: bool) -> None:
        what = "making the proof" if proving else "answering"
        super().__init__(f"The native server says that it failed at {what}.")
        self.text = text
        self.proving = proving
