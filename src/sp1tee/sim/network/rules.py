"""What a body must say to be accepted, beyond being signed: lengths, enumerations, agreements."""

import hashlib

from sp1tee.errors import (
    ClaimMismatch,
    ModeError,
    NetworkRefusal,
    ProofError,
    VerifyingKeyError,
    VersionError,
)
from sp1tee.sim.network.requests import Request, RequestBody
from sp1tee.sim.network.settings import AuctionParams
from sp1tee.wire.claims import check_claims
from sp1tee.wire.keys import VK_V6_SIZE, vk_hash_v6
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.proof import Proof, decode_proof
from sp1tee.wire.signing import ADDRESS_SIZE
from sp1tee.wire.versions import parse_version

HASH_SIZE = 32
PRIVATE_FOLDER = "private-stdins"

_STRATEGIES = (types_pb2.HOSTED, types_pb2.RESERVED, types_pb2.AUCTION)


def require(condition: bool, message: str, status: str = "INVALID_ARGUMENT") -> None:
    """Refuse a call unless `condition` holds."""
    if not condition:
        raise NetworkRefusal(message, status=status)


def require_size(value: bytes, size: int, name: str) -> None:
    """Refuse a call unless a field has exactly `size` bytes."""
    require(len(value) == size, f"{name} must have {size} bytes, got {len(value)}")


def check_program(body: types_pb2.CreateProgramRequestBody) -> None:
    """Check a CreateProgram body; a v6 key must hash to the name it is given."""
    require_size(body.vk_hash, HASH_SIZE, "vk_hash")
    require(bool(body.vk), "vk must not be empty")
    require("://" in body.program_uri, "program_uri must be a URI")
    if len(body.vk) == VK_V6_SIZE:
        require(_hash_of(body.vk) == body.vk_hash, "vk_hash is not the hash of vk")


def check_request(body: RequestBody, *, now: int, params: AuctionParams) -> None:
    """Check a RequestProof body of either dialect."""
    require_size(body.vk_hash, HASH_SIZE, "vk_hash")
    _check_kind(body)
    require("://" in body.stdin_uri, "stdin_uri must be a URI")
    require(body.deadline > now, "deadline must be in the future")
    for item in body.whitelist:
        require_size(item, ADDRESS_SIZE, "whitelist item")
    if body.stdin_private:
        private = f"/{PRIVATE_FOLDER}/" in body.stdin_uri
        require(private, f"private stdin must be under {PRIVATE_FOLDER}/")
    if isinstance(body, auction_pb2.RequestProofRequestBody):
        _check_auction(body, params)


def _check_kind(body: RequestBody) -> None:
    try:
        parse_version(body.version)
        Mode.from_wire(body.mode)
    except (VersionError, ModeError) as error:
        raise NetworkRefusal(f"unsupported version or mode: {error.message}") from None
    require(body.strategy in _STRATEGIES, "unknown fulfillment strategy")


def _check_auction(body: auction_pb2.RequestProofRequestBody, params: AuctionParams) -> None:
    check_domain(body.domain, params)
    for name in ("auctioneer", "executor", "verifier", "treasury"):
        given, told = getattr(body, name), getattr(params, name)
        require_size(given, ADDRESS_SIZE, name)
        require(given == told, f"{name} mismatch")
    if body.HasField("public_values_hash"):
        require_size(body.public_values_hash, HASH_SIZE, "public_values_hash")
    for price in (body.base_fee, body.max_price_per_pgu):
        require(price.isascii() and price.isdigit(), "prices must be decimal numbers")
    require(body.variant == types_pb2.REQUEST_VARIANT, "invalid transaction variant")


def check_domain(domain: bytes, params: AuctionParams) -> None:
    """Check that an auction body is meant for this network."""
    require_size(domain, HASH_SIZE, "domain")
    require(domain == params.domain, "domain mismatch")


def check_proof(request: Request, data: bytes, *, refuse_mocks: bool) -> Proof:
    """Check that a proof is of the kind that was asked for and claims to prove the program.

    This reads the proof's claims and does no cryptography, as a simulator has no verifier.

    Raises:
        NetworkRefusal: it does not decode, is of another kind, or claims something else.
    """
    try:
        proof = decode_proof(data)
        check_claims(proof, vk_hash=request.body.vk_hash, public_values=proof.public_values)
    except (ProofError, VersionError) as error:
        raise NetworkRefusal(f"failed to decode proof: {error.message}") from None
    except (ClaimMismatch, VerifyingKeyError) as error:
        raise NetworkRefusal(f"failed to verify proof: {error.message}") from None
    require(proof.mode.value == request.body.mode, "proof is not of the requested mode")
    version = f"sp1-{proof.sp1_version}"
    require(version == request.body.version, "proof is not of the requested version")
    body = request.body
    if isinstance(body, auction_pb2.RequestProofRequestBody) and body.public_values_hash:
        digest = hashlib.sha256(proof.public_values).digest()
        require(digest == body.public_values_hash, "public values mismatch")
    require(not (refuse_mocks and is_mock(proof)), "failed to verify proof: it is a mock")
    return proof


def check_error(number: int) -> None:
    """Check that a failure is given a reason that exists."""
    require(number in types_pb2.ProofRequestError.values(), "unknown proof request error")


def _hash_of(vk: bytes) -> bytes:
    try:
        return vk_hash_v6(vk)
    except VerifyingKeyError as error:
        raise NetworkRefusal(f"failed to decode vk: {error.message}") from None
