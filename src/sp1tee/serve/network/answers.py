"""A stand-alone server's answers about itself as a network: nothing costs anything here."""

from collections.abc import Callable, Mapping

from google.protobuf.message import Message

from sp1tee.serve.checks import ADDRESS_SIZE, decode, sized
from sp1tee.serve.network import Question
from sp1tee.wire.pb import auction_pb2, types_pb2

# EIP-712 separator of {name: "Succinct Prover Network", version: "1.0.0", chainId: 1}. An auction
# client signs whatever domain it is told; this is the one that means the same everywhere.
MAINNET_DOMAIN = bytes.fromhex("55ea66757c5b1aecda6619905f594b320092db1cf4c8b6f89025c092f0bb7b5b")

_MAX_PRICE = "200000"
"""Per proof gas unit. Clients need a number that they can parse and raise by a fifth."""


def answer(question: Question, request: bytes, address: bytes, now: int) -> bytes:
    """Answer a question about the network.

    Args:
        question: which one.
        request: its encoded request.
        address: whom requests name as their fulfiller.
        now: Unix seconds.

    Raises:
        MalformedCall: the request cannot be decoded, or an address in it is none.
    """
    return _ANSWERS[question](request, address, now).SerializeToString()


def _params(request: bytes, address: bytes, now: int) -> Message:
    del now
    decode(auction_pb2.GetProofRequestParamsRequest, request)
    return auction_pb2.GetProofRequestParamsResponse(
        domain=MAINNET_DOMAIN,
        auctioneer=address,
        executor=address,
        verifier=address,
        treasury=address,
        max_price_per_pgu=_MAX_PRICE,
        base_fee="0",
        tick_size=1,
    )


def _provers(request: bytes, address: bytes, now: int) -> Message:
    del now
    decode(auction_pb2.GetProversByUptimeRequest, request)
    return auction_pb2.GetProversByUptimeResponse(provers=[address])


def _price(request: bytes, address: bytes, now: int) -> Message:
    del request, address
    return auction_pb2.GetMarketPricePerPguResponse(price="0", as_of=now)


def _balance(request: bytes, address: bytes, now: int) -> Message:
    del address, now
    sized(decode(types_pb2.GetBalanceRequest, request).address, ADDRESS_SIZE, "address")
    return types_pb2.GetBalanceResponse(amount="0")


def _owner(request: bytes, address: bytes, now: int) -> Message:
    del address, now
    asked = decode(types_pb2.GetOwnerRequest, request).address
    return types_pb2.GetOwnerResponse(owner=sized(asked, ADDRESS_SIZE, "address"))


_ANSWERS: Mapping[Question, Callable[[bytes, bytes, int], Message]] = {
    Question.PARAMS: _params,
    Question.PROVERS: _provers,
    Question.PRICE: _price,
    Question.BALANCE: _balance,
    Question.OWNER: _owner,
}
