"""Bytes that do not mean what they should: exit 1."""

from sp1tee.errors.base import Sp1teeError


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
