"""GetFilteredProofRequests: which requests a filter means, newest first, in pages."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sp1tee.sim.network.requests import Request
from sp1tee.wire.pb import auction_pb2, types_pb2

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

Filter = types_pb2.GetFilteredProofRequestsRequest

# Base meaning of the fields; in the auction dialect 17 is `is_canceled` and 18 `is_timed_out`.
_TESTS: Mapping[str, Callable[[Request, Any], bool]] = {
    "version": lambda r, version: r.body.version == version,
    "fulfillment_status": lambda r, status: r.status == status,
    "execution_status": lambda r, status: r.execution == status,
    "minimum_deadline": lambda r, deadline: r.deadline > deadline,
    "vk_hash": lambda r, vk_hash: r.body.vk_hash == vk_hash,
    "requester": lambda r, requester: r.requester == requester,
    "fulfiller": lambda r, fulfiller: r.fulfiller == fulfiller,
    "from": lambda r, time: r.created_at >= time,
    "to": lambda r, time: r.created_at <= time,
    "mode": lambda r, mode: r.body.mode == mode,
    "error": lambda r, error: r.error == error,
    "is_timed_out": lambda r, timed_out: (r.status == types_pb2.EXPIRED) == timed_out,
    "use_mainnet": lambda r, mainnet: _is_auction(r) == mainnet,
    # Nobody bids and nothing is settled or blamed on the guest here: all requests are alike.
    "not_bid_by": lambda _, __: True,
    "settlement_status": lambda _, status: status == types_pb2.UNSETTLED,
    "execute_fail_cause": lambda _, cause: cause == 0,
}


def select(requests: Iterable[Request], wanted: Filter) -> list[Request]:
    """Return the page of `requests` that a filter asks for: 10 unless told, 100 at most."""
    limit = min(wanted.limit or DEFAULT_LIMIT, MAX_LIMIT)
    start = (max(wanted.page, 1) - 1) * limit
    matching = (request for request in requests if _matches(request, wanted))
    return list(islice(matching, start, start + limit))


def _matches(request: Request, wanted: Filter) -> bool:
    return all(
        _TESTS[field.name](request, value)
        for field, value in wanted.ListFields()
        if field.name in _TESTS
    )


def _is_auction(request: Request) -> bool:
    return isinstance(request.body, auction_pb2.RequestProofRequestBody)
