"""The signed bodies of a requester, byte for byte as the SDK encodes them.

prost and protobuf agree on the encoding as long as fields ascend and absent means zero, which
both do. The tests compare with recordings of the Rust SDK.
"""

from dataclasses import dataclass
from typing import Final

from sp1tee.client.order import Limits, Strategy
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import CircuitVersion, Family

PROOF_MODES: Final = {
    Mode.CORE: types_pb2.CORE,
    Mode.COMPRESSED: types_pb2.COMPRESSED,
    Mode.PLONK: types_pb2.PLONK,
    Mode.GROTH16: types_pb2.GROTH16,
}
"""The network's number for each mode."""

_STRATEGIES: Final = {
    Strategy.HOSTED: types_pb2.HOSTED,
    Strategy.RESERVED: types_pb2.RESERVED,
    Strategy.AUCTION: types_pb2.AUCTION,
}

# The SDK of v6 offers a fifth more than the price it is told.
_PRICE_PERCENT: Final = 120


@dataclass(frozen=True, slots=True)
class Market:
    """What the auction dialect adds to a request: the network's terms.

    Attributes:
        domain: EIP-712 separator of the network, 32 bytes.
        auctioneer: address, 20 bytes; so are `executor`, `verifier` and `treasury`.
        max_price_per_pgu: the offered price in the token's smallest unit.
        base_fee: as the network said it.
        provers: addresses that may bid.
    """

    domain: bytes
    auctioneer: bytes
    executor: bytes
    verifier: bytes
    treasury: bytes
    max_price_per_pgu: int
    base_fee: str
    provers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Everything a request's body says, but its nonce.

    Attributes:
        vk_hash: the program, 32 bytes.
        version: the circuit version.
        mode: the kind of proof.
        strategy: who proves; AUCTION exactly if there is a `market`.
        stdin_uri: the input, as CreateArtifact named it.
        deadline: Unix seconds.
        limits: how much work it may cost.
        private_stdin: the SDK's switch of that name.
        public_values_hash: only the auction dialect says it.
        market: only in the auction dialect.
    """

    vk_hash: bytes
    version: CircuitVersion
    mode: Mode
    strategy: Strategy
    stdin_uri: str
    deadline: int
    limits: Limits
    private_stdin: bool = False
    public_values_hash: bytes | None = None
    market: Market | None = None


def offer(price: int, tick: int) -> int:
    """Compute the price to offer where the network asks for `price`, in steps of `tick`."""
    raised = price * _PRICE_PERCENT // 100
    return raised - raised % tick if tick > 0 else raised


def program_body(nonce: int, *, vk_hash: bytes, vk: bytes, program_uri: str) -> bytes:
    """Encode the body of CreateProgram."""
    return types_pb2.CreateProgramRequestBody(
        nonce=nonce, vk_hash=vk_hash, vk=vk, program_uri=program_uri
    ).SerializeToString()


def request_body(nonce: int, demand: Demand) -> bytes:
    """Encode the body of RequestProof, in the auction dialect if there is a market."""
    common = _common(nonce, demand)
    if demand.market is None:
        common.stdin_private = demand.private_stdin
        return common.SerializeToString()
    bid = _bid(demand, demand.market)
    # Up to field 11 the two messages are the same.
    bid.MergeFromString(common.SerializeToString())
    return bid.SerializeToString()


def seal(body: bytes, signer: Signer) -> types_pb2.SignedRequest:
    """Sign a body and put it into its envelope."""
    return types_pb2.SignedRequest(format=types_pb2.BINARY, signature=signer.sign(body), body=body)


def _common(nonce: int, demand: Demand) -> types_pb2.RequestProofRequestBody:
    return types_pb2.RequestProofRequestBody(
        nonce=nonce,
        vk_hash=demand.vk_hash,
        version=demand.version.text,
        mode=PROOF_MODES[demand.mode],
        strategy=_STRATEGIES[demand.strategy],
        stdin_uri=demand.stdin_uri,
        deadline=demand.deadline,
        cycle_limit=demand.limits.cycles,
        gas_limit=demand.limits.gas,
        # The SDK of v5 sends 1 in every dialect, that of v6 nothing.
        min_auction_period=int(demand.version.family is Family.V5),
    )


def _bid(demand: Demand, market: Market) -> auction_pb2.RequestProofRequestBody:
    return auction_pb2.RequestProofRequestBody(
        whitelist=market.provers,
        domain=market.domain,
        auctioneer=market.auctioneer,
        executor=market.executor,
        verifier=market.verifier,
        public_values_hash=demand.public_values_hash,
        base_fee=market.base_fee,
        max_price_per_pgu=str(market.max_price_per_pgu),
        treasury=market.treasury,
        stdin_private=demand.private_stdin,
    )
