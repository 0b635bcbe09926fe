"""Ending requests that the network, or the way there, has decided about."""

from sp1tee.store.records import UNKNOWN_FAILURE, Failure, RequestRecord
from sp1tee.store.requests import Requests


async def end(
    requests: Requests, key: str, text: str, *, error: int = UNKNOWN_FAILURE, told: bool
) -> RequestRecord:
    """End a request without a proof.

    Args:
        requests: where it is.
        key: which one.
        text: why, for the requester.
        error: `ProofRequestError`.
        told: the network knows already, or never heard of it: nothing needs to be sent.
    """
    record = await requests.fail(key, Failure(error, None, text))
    return await requests.told(key) if told and not record.told else record
