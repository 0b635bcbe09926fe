"""Waiting for a request's end, and fetching its proof."""

import math
from typing import Final

from sp1tee.client.received import Expected, Received, examine
from sp1tee.client.session import Session
from sp1tee.client.status import Status
from sp1tee.errors import BadReply, WaitTimeout
from sp1tee.wire.verifier import Verifier

FIRST_POLL_S: Final = 0.5
SLOWEST_POLL_S: Final = 2.0
"""How often the SDK asks."""

_SLOWER: Final = 1.25


def wait(
    session: Session,
    request_id: bytes,
    *,
    expected: Expected | None = None,
    timeout_s: float | None = None,
    judge: Verifier | None = None,
) -> Received:
    """Wait until a request has its proof; fetch it, check what it claims, and have it verified.

    Args:
        session: the server.
        request_id: the request, taken by this server.
        expected: what the proof should prove, as far as that is known here.
        timeout_s: at most so long; without it until the request's own deadline.
        judge: SP1's verifier, for proofs of a program whose key `expected` holds; without it the
            claims are all that is checked.

    Raises:
        RequestFailed: it ended without a proof; leaves say how.
        WaitTimeout: it is still open.
        Unreachable: the server was away for too long.
        ProofError, ClaimMismatch: the proof is not what was asked for.
        ProofRefuted: `judge` says that it does not hold.
    """
    status = _wait_for_end(session, request_id, timeout_s)
    url = status.proof_url
    if not url:
        raise BadReply("The server says that the proof is there, but not where.")
    download = session.repeat(lambda: session.transfers.get(url, "the proof"))
    session.progress.step("checking the proof")
    return examine(request_id, download, expected or Expected(), judge)


def _wait_for_end(session: Session, request_id: bytes, timeout_s: float | None) -> Status:
    session.progress.step("waiting for the proof")
    stop = math.inf if timeout_s is None else session.clock() + timeout_s
    pause = FIRST_POLL_S
    status = _ask(session, request_id, min(stop, session.clock() + session.patience.give_up_s))
    while not status.ended:
        if session.clock() >= stop:
            raise WaitTimeout(
                "The time to wait is over; the request is still open.",
                advice="Go on waiting with `sp1tee wait`.",
            )
        session.sleep(pause)
        pause = min(pause * _SLOWER, SLOWEST_POLL_S)
        status = _ask(session, request_id, min(stop, status.deadline))
    return status


def _ask(session: Session, request_id: bytes, stop: float) -> Status:
    """Ask once, or until `stop`: a proof may take longer than a server's restart."""
    left = max(stop - session.clock(), 0.0)
    status = session.repeat(lambda: session.calls.status(request_id), give_up_s=left)
    session.progress.status(status)
    status.raise_if_failed(session.clock())
    return status
