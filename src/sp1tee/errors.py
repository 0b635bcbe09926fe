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


# --- wire ----------------------------------------------------------------------------------


class WireError(Sp1teeError):
    """Bytes that do not follow their format."""

    code = "SP1TEE-W000"
    exit_code = 1


# --- store ---------------------------------------------------------------------------------


class StoreError(Sp1teeError):
    """What must survive a restart could not be read or written."""

    code = "SP1TEE-S000"
    exit_code = 3


# --- refusals ------------------------------------------------------------------------------


class Refusal(Sp1teeError):  # noqa: N818 - it is an answer, not a fault of ours
    """An answer other than the result asked for, with the gRPC status that carries it.

    `status` is the name of a `grpc.StatusCode`. Which names make an SDK retry is in
    docs/protocol.md; everything else ends the SDK's call with our text.
    """

    code = "SP1TEE-R000"
    exit_code = 4
    status: ClassVar[str] = "INVALID_ARGUMENT"


# --- network -------------------------------------------------------------------------------


class NetworkError(Sp1teeError):
    """A peer could not be reached or did not answer as its protocol says."""

    code = "SP1TEE-N000"
    exit_code = 3


# --- fulfilling ----------------------------------------------------------------------------


class FulfillError(Sp1teeError):
    """Executing or proving went wrong."""

    code = "SP1TEE-F000"
    exit_code = 1


# --- requesting ----------------------------------------------------------------------------


class ClientError(Sp1teeError):
    """A requester's command could not be completed."""

    code = "SP1TEE-P000"
    exit_code = 1
