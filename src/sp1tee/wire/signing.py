"""Who signed: EIP-191 signatures as the prover network uses them.

A signature covers the *encoded body* of a request, byte for byte as it came, hashed as an
Ethereum personal message (EIP-191). It is 65 bytes: r and s, 32 bytes each and big-endian, then
one byte v that carries the parity of the signing point.
"""

from typing import Never, NewType, Self, final

from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak

from sp1tee.errors import HexError, SignatureError, SigningKeyError
from sp1tee.wire.hexes import from_hex

Address = NewType("Address", bytes)
"""An Ethereum address, 20 bytes."""

CREATE_ARTIFACT_TEXT = b"create_artifact"
"""What CreateArtifact signs: a constant, since that message has no body."""

ADDRESS_SIZE = 20
SIGNATURE_SIZE = 65
KEY_SIZE = 32

# The SDK adds 27 to the v of CreateArtifact, which has had its 27 already: 54 and 55 mean parity
# 0 and 1. Read as EIP-155 they would mean the opposite and name a wrong signer.
_PARITY = {0: 0, 1: 1, 27: 0, 28: 1, 54: 0, 55: 1}


def keccak256(*parts: bytes) -> bytes:
    """Hash the concatenation of `parts` with Keccak-256 (the original padding, not SHA-3)."""
    state = keccak.new(digest_bits=256)
    for part in parts:
        state.update(part)
    return bytes(state.digest())


def eip191_digest(message: bytes) -> bytes:
    """Hash `message` as an Ethereum personal message (EIP-191, version 0x45)."""
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(message), message)


def recover(message: bytes, signature: bytes) -> Address:
    """Name the signer of `message`.

    Like the network, this takes a high s as well: the twin of a signature names the same
    signer, so nothing may be keyed by a signature's bytes.

    Args:
        message: the exact bytes that were signed.
        signature: r, s and v, 65 bytes; v may be 0, 1, 27, 28, 54 or 55.

    Raises:
        SignatureError: it is malformed, or no key can have made it.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"The signature has {len(signature)} bytes instead of 65.")
    parity = _PARITY.get(signature[-1])
    if parity is None:
        raise SignatureError(f"The signature ends in v = {signature[-1]}, which has no meaning.")
    compact = signature[:-1] + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(compact, eip191_digest(message), hasher=None)
    except ValueError:
        raise SignatureError("The signature is not one that any key can have made.") from None
    return _address(key)


def checksum_address(address: bytes) -> str:
    """Write an address as people expect it: ``0x`` and EIP-55 mixed case."""
    digits = address.hex()
    marks = keccak256(digits.encode()).hex()
    cased = (d.upper() if m > "7" else d for d, m in zip(digits, marks, strict=False))
    return "0x" + "".join(cased)


def parse_address(text: str) -> Address:
    """Read an address written as 40 hex digits, with or without ``0x``.

    Raises:
        HexError: it is not an address, or its mixed case contradicts EIP-55 (a typing error).
    """
    address = Address(from_hex(text, ADDRESS_SIZE, "address"))
    digits = text.removeprefix("0x")
    mixed = digits not in (digits.lower(), digits.upper())
    if mixed and digits != checksum_address(address)[2:]:
        raise HexError(
            "The address fails its checksum.",
            advice="Copy it again: one of its characters was changed.",
        )
    return address


@final
class Signer:
    """A private key that signs for the network, and never shows itself.

    Attributes:
        address: whom its signatures name.
    """

    __slots__ = ("_key", "address")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.address = _address(key.public_key)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Make a signer of a 32-byte key.

        Raises:
            SigningKeyError: the bytes are not a key of the secp256k1 curve.
        """
        if len(raw) != KEY_SIZE:
            raise SigningKeyError(f"The private key has {len(raw)} bytes instead of 32.")
        try:
            return cls(PrivateKey(raw))
        except ValueError:
            raise SigningKeyError("The private key is zero or beyond the curve's order.") from None

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Make a signer of a key written in hex; space around it is ignored.

        Raises:
            SigningKeyError: the text is not a key.
        """
        try:
            raw = from_hex(text.strip(), what="private key")
        except HexError:
            raise SigningKeyError("The private key is not hex digits.") from None
        return cls.from_bytes(raw)

    def sign(self, message: bytes) -> bytes:
        """Sign an encoded body; v is 27 or 28. Deterministic (RFC 6979), low s."""
        return self._sign(message, base=27)

    def sign_create_artifact(self) -> bytes:
        """Sign CreateArtifact's constant text as the SDK sends it, with v = 54 or 55."""
        return self._sign(CREATE_ARTIFACT_TEXT, base=54)

    def _sign(self, message: bytes, base: int) -> bytes:
        compact = self._key.sign_recoverable(eip191_digest(message), hasher=None)
        return compact[:-1] + bytes([base + compact[-1]])

    def __repr__(self) -> str:
        return f"Signer({checksum_address(self.address)})"

    def __reduce__(self) -> Never:
        raise TypeError("a signer cannot be pickled or copied: it would carry its key along")


def _address(key: PublicKey) -> Address:
    point = key.format(compressed=False)[1:]
    return Address(keccak256(point)[-ADDRESS_SIZE:])
