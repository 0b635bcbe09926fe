"""Calls that only ask."""

from sp1tee.sim.network.book import Book
from sp1tee.sim.network.faults import Faults
from sp1tee.sim.network.listing import select
from sp1tee.sim.network.objects import ObjectStore
from sp1tee.sim.network.rules import HASH_SIZE, require_size
from sp1tee.sim.network.settings import SimSettings
from sp1tee.sim.network.views import show_details, show_status
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import ADDRESS_SIZE, Address


class Asking:
    """Answers from what the network knows; nothing here needs a signature."""

    def __init__(
        self, settings: SimSettings, book: Book, store: ObjectStore, faults: Faults
    ) -> None:
        self._settings = settings
        self._book = book
        self._store = store
        self._faults = faults

    def get_nonce(self, ask: types_pb2.GetNonceRequest) -> types_pb2.GetNonceResponse:
        """Tell an account's next nonce."""
        account = _address(ask.address)
        nonce = self._book.accounts.nonce(account)
        if self._faults.nonce_race():
            self._book.burn_nonce(account)
        return types_pb2.GetNonceResponse(nonce=nonce)

    def get_program(self, ask: types_pb2.GetProgramRequest) -> types_pb2.GetProgramResponse:
        """Tell about a registered program; NOT_FOUND if it is not."""
        require_size(ask.vk_hash, HASH_SIZE, "vk_hash")
        found = self._book.program(ask.vk_hash)
        return types_pb2.GetProgramResponse(
            program=types_pb2.Program(
                vk_hash=found.vk_hash,
                vk=found.vk,
                program_uri=found.uri,
                owner=found.owner,
                created_at=found.created_at,
            )
        )

    def get_status(
        self, ask: types_pb2.GetProofRequestStatusRequest
    ) -> types_pb2.GetProofRequestStatusResponse:
        """Tell how far a request is."""
        require_size(ask.request_id, HASH_SIZE, "request_id")
        return show_status(self._book.request(ask.request_id))

    def get_details(
        self, ask: types_pb2.GetProofRequestDetailsRequest
    ) -> types_pb2.GetProofRequestDetailsResponse:
        """Tell everything about a request."""
        require_size(ask.request_id, HASH_SIZE, "request_id")
        request = self._book.request(ask.request_id)
        return types_pb2.GetProofRequestDetailsResponse(request=show_details(request, self._store))

    def list_requests(
        self, ask: types_pb2.GetFilteredProofRequestsRequest
    ) -> types_pb2.GetFilteredProofRequestsResponse:
        """List requests; the filter is read in the base dialect."""
        page = select(self._book.requests(), ask)
        return types_pb2.GetFilteredProofRequestsResponse(
            requests=[show_details(request, self._store) for request in page]
        )

    def get_balance(self, ask: types_pb2.GetBalanceRequest) -> types_pb2.GetBalanceResponse:
        """Tell what an account has: everybody is equally rich here."""
        _address(ask.address)
        return types_pb2.GetBalanceResponse(amount=self._settings.balance)

    def get_owner(self, ask: types_pb2.GetOwnerRequest) -> types_pb2.GetOwnerResponse:
        """Tell who owns an account: itself, as nobody delegates here."""
        return types_pb2.GetOwnerResponse(owner=_address(ask.address))

    def get_params(
        self, _: auction_pb2.GetProofRequestParamsRequest
    ) -> auction_pb2.GetProofRequestParamsResponse:
        """Tell what an auction body must repeat."""
        told = self._settings.auction
        return auction_pb2.GetProofRequestParamsResponse(
            domain=told.domain,
            auctioneer=told.auctioneer,
            executor=told.executor,
            verifier=told.verifier,
            treasury=told.treasury,
            max_price_per_pgu=told.max_price_per_pgu,
            base_fee=told.base_fee,
            tick_size=told.tick_size,
        )

    def get_provers(
        self, _: auction_pb2.GetProversByUptimeRequest
    ) -> auction_pb2.GetProversByUptimeResponse:
        """Tell who may be expected to prove: the fulfiller, if there is one, and one more."""
        policy = self._book.policy
        return auction_pb2.GetProversByUptimeResponse(
            provers=[prover for prover in (policy.fulfiller, policy.hosted) if prover]
        )

    def get_price(
        self, _: types_pb2.GetMarketPricePerPguRequest
    ) -> auction_pb2.GetMarketPricePerPguResponse:
        """Tell the price of proving."""
        price = self._settings.auction.max_price_per_pgu
        return auction_pb2.GetMarketPricePerPguResponse(price=price, as_of=self._book.now)


def _address(value: bytes) -> Address:
    require_size(value, ADDRESS_SIZE, "address")
    return Address(value)
