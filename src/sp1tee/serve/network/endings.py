"""Ending requests that the network, or the way there, has decided about."""

from sp1tee.store.records import UNKNOWN_FAILURE, Failure, RequestRecord
from sp1tee.store.requests import Requests


async def end_quietly(requests: Requests, key: str, text: str) -> RequestRecord:
    """End a request of which the network knows the end already, or never heard.

    Args:
        requests: where it is.
        key: which one.
        text: why, for the requester.
    """
    return await requests.cancel(key, text)


async def end_and_tell(
    requests: Requests, key: str, text: str, error: int = UNKNOWN_FAILURE
) -> RequestRecord:
    """End a request and have the outbox tell the network.

    Args:
        requests: where it is.
        key: which one.
        text: why, for the requester.
        error: why, for the network; a `ProofRequestError`.
    """
    return await requests.fail(key, Failure(error, None, text))
