"""What is taken in, decided before anything is stored or forwarded."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from sp1tee.errors import (
    DeadlineRefused,
    MalformedCall,
    NotUploaded,
    ProgramRefused,
    UnknownInput,
    UnsupportedProof,
    VerifyingKeyError,
    WireError,
)
from sp1tee.serve.calls import AnyBody, CancelCall, ProgramCall, ProofCall, SignedCall
from sp1tee.serve.checks import ADDRESS_SIZE, HASH_SIZE, decode, each_sized, nonce, sized
from sp1tee.store.artifacts import Artifacts
from sp1tee.store.records import Artifact, Capability
from sp1tee.wire.dialect import Dialect, dialect_of
from sp1tee.wire.keys import VK_V6_SIZE, vk_hash_v6
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.versions import CircuitVersion, parse_version

MAX_WHITELIST = 1_000
MAX_URI = 2_048
MAX_VK = 64 * 1024

_STRATEGIES: Mapping[int, str] = {
    types_pb2.HOSTED: "hosted",
    types_pb2.RESERVED: "reserved",
    types_pb2.AUCTION: "auction",
}


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """What requests may ask for.

    Attributes:
        strategies: names of the strategies taken, of ``hosted``, ``reserved``, ``auction``.
        max_deadline_s: how far ahead a deadline may be.
    """

    strategies: Collection[str]
    max_deadline_s: int


class Admission:
    """Checks the bodies of signed calls, field by field."""

    def __init__(
        self,
        rules: AdmissionRules,
        artifacts: Artifacts,
        capabilities: Callable[[], Iterable[Capability]],
        clock: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._artifacts = artifacts
        self._capabilities = capabilities
        self._clock = clock

    async def proof(self, signed: SignedCall, fingerprint: bytes) -> ProofCall:
        """Check a RequestProof.

        Raises:
            MalformedCall: a field has a length or a value that means nothing.
            UnsupportedProof: nobody here proves this version, mode or strategy.
            DeadlineRefused: the deadline has passed or is too far away.
            UnknownInput: the input is not one the signer may upload here.
            NotUploaded: the input was not uploaded.
        """
        dialect, body = read_body(signed.body)
        _check_lengths(body)
        self._check_strategy(body.strategy)
        version, mode = self._provable(body.version, body.mode)
        self._check_deadline(body.deadline)
        stdin = await self._input(body.stdin_uri, signed.signer)
        return ProofCall(signed, fingerprint, dialect, body, version, mode, stdin)

    def program(self, signed: SignedCall) -> ProgramCall:
        """Check a CreateProgram; for v6 the hash must be that of the verifying key.

        Raises:
            MalformedCall: a field has a length or a value that means nothing.
            ProgramRefused: the hash is another key's.
        """
        body = decode(types_pb2.CreateProgramRequestBody, signed.body)
        sized(body.vk_hash, HASH_SIZE, "vk_hash")
        nonce(body.nonce)
        _check_uri(body.program_uri, "program_uri")
        if not 0 < len(body.vk) <= MAX_VK:
            raise MalformedCall(f"The verifying key has {len(body.vk)} bytes; 1 to {MAX_VK} do.")
        if len(body.vk) == VK_V6_SIZE and _vk_hash(body.vk) != body.vk_hash:
            raise ProgramRefused("The vk_hash is not the hash of the verifying key.")
        return ProgramCall(signed, body)

    def cancel(self, signed: SignedCall) -> CancelCall:
        """Check a CancelRequest.

        Raises:
            MalformedCall: a field has a length or a value that means nothing.
        """
        body = decode(auction_pb2.CancelRequestRequestBody, signed.body)
        request_id = sized(body.request_id, HASH_SIZE, "request_id")
        return CancelCall(signed, request_id, nonce(body.nonce))

    def _check_strategy(self, strategy: int) -> None:
        name = _STRATEGIES.get(strategy)
        if name is None:
            raise MalformedCall("The fulfillment strategy is none of hosted, reserved, auction.")
        if name not in self._rules.strategies:
            taken = ", ".join(sorted(self._rules.strategies))
            raise UnsupportedProof(
                f"Requests of strategy {name} are not taken here.",
                advice=f"Choose the strategy {taken} in the SDK, e.g. .strategy(...).",
            )

    def _provable(self, version_text: str, mode_number: int) -> tuple[CircuitVersion, Mode]:
        try:
            version, mode = parse_version(version_text), Mode.from_wire(mode_number)
        except WireError as error:
            raise UnsupportedProof(error.message, advice=error.advice) from None
        known = list(self._capabilities())
        if known and not any(_fits(version, mode, capability) for capability in known):
            raise UnsupportedProof(
                f"No prover here makes {mode} proofs of {version}.",
                advice=f"Provers here make: {_offer(known)}.",
            )
        return version, mode

    def _check_deadline(self, deadline: int) -> None:
        ahead = deadline - self._clock()
        if ahead <= 0:
            raise DeadlineRefused(
                "The deadline has passed.", advice="Check this machine's clock; then ask again."
            )
        if ahead > self._rules.max_deadline_s:
            raise DeadlineRefused(
                f"The deadline is more than {self._rules.max_deadline_s} seconds away.",
                advice="Ask with a shorter timeout.",
            )

    async def _input(self, uri: str, signer: bytes) -> Artifact:
        _check_uri(uri, "stdin_uri")
        artifact = await self._artifacts.by_uri(uri)
        # One answer for all three, so that nobody learns which uris others have.
        if artifact is None or artifact.requester != signer or artifact.kind != "stdin":
            raise UnknownInput("The stdin_uri is not one this account was given here.")
        if artifact.state == "created":
            raise NotUploaded("The input was not uploaded yet.")
        if artifact.state == "erased":
            raise NotUploaded("The input is erased: it was used, or not used in time.")
        return artifact


def read_body(body: bytes) -> tuple[Dialect, AnyBody]:
    """Decode a RequestProof's body in the dialect it is in.

    Raises:
        MalformedCall: it cannot be decoded.
    """
    try:
        dialect = dialect_of(body)
    except WireError as error:
        raise MalformedCall(error.message, advice=error.advice) from None
    if dialect is Dialect.AUCTION:
        return dialect, decode(auction_pb2.RequestProofRequestBody, body)
    return dialect, decode(types_pb2.RequestProofRequestBody, body)


def _check_lengths(body: AnyBody) -> None:
    nonce(body.nonce)
    sized(body.vk_hash, HASH_SIZE, "vk_hash")
    each_sized(body.whitelist, ADDRESS_SIZE, "whitelist", limit=MAX_WHITELIST)
    if isinstance(body, auction_pb2.RequestProofRequestBody):
        _check_auction(body)


def _check_auction(body: auction_pb2.RequestProofRequestBody) -> None:
    sized(body.domain, HASH_SIZE, "domain")
    sized(body.auctioneer, ADDRESS_SIZE, "auctioneer", optional=True)
    sized(body.executor, ADDRESS_SIZE, "executor", optional=True)
    sized(body.verifier, ADDRESS_SIZE, "verifier", optional=True)
    sized(body.treasury, ADDRESS_SIZE, "treasury", optional=True)
    if body.HasField("public_values_hash"):
        sized(body.public_values_hash, HASH_SIZE, "public_values_hash")
    if body.variant != types_pb2.REQUEST_VARIANT:
        raise MalformedCall("The body's variant is not that of a request.")


def _check_uri(uri: str, what: str) -> None:
    if not 0 < len(uri) <= MAX_URI:
        raise MalformedCall(f"The {what} has {len(uri)} characters; 1 to {MAX_URI} do.")


def _vk_hash(vk: bytes) -> bytes:
    try:
        return vk_hash_v6(vk)
    except VerifyingKeyError as error:
        raise ProgramRefused(error.message) from None


def _fits(version: CircuitVersion, mode: Mode, capability: Capability) -> bool:
    return capability.version == version.text and mode in capability.modes


def _offer(known: Iterable[Capability]) -> str:
    modes: dict[str, set[int]] = {}
    for capability in known:
        modes.setdefault(capability.version, set()).update(capability.modes)
    return "; ".join(
        f"{version} ({', '.join(str(Mode(mode)) for mode in sorted(modes[version]))})"
        for version in sorted(modes)
    )
