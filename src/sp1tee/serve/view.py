"""Requests by the network's id, kept in memory for those who ask every two seconds."""

from collections import OrderedDict

from sp1tee.errors import NoSuchRequest
from sp1tee.serve.last_words import LastWords
from sp1tee.serve.network import StatusReply
from sp1tee.serve.statuses import failure, failure_trailers, has_failed, status_of
from sp1tee.store.records import RequestRecord
from sp1tee.store.store import Store

CAPACITY = 16_384


class StatusView:
    """The newest record of every request asked for lately, and the reply it makes.

    Fed by the store after each change, so that a poll reads neither disk nor database. What is
    not here is read once and then kept; the least recently used go first.

    Args:
        store: where the requests are; the view listens to it from now on.
        proof_base: what stands before the token in a proof's URL, e.g. ``https://host/proofs/``.
        text_replies: answer polls of failed requests with an error that carries the reason,
            instead of the enumeration that programs look at.
        last_words: what failed programs printed.
        capacity: how many requests are kept.
    """

    def __init__(
        self,
        store: Store,
        *,
        proof_base: str,
        text_replies: bool = False,
        last_words: LastWords | None = None,
        capacity: int = CAPACITY,
    ) -> None:
        self._requests = store.requests
        self._proof_base = proof_base
        self._text_replies = text_replies
        self._last_words = last_words or LastWords()
        self._capacity = capacity
        self._records: OrderedDict[bytes, RequestRecord] = OrderedDict()
        self._replies: dict[bytes, StatusReply] = {}
        self.close = store.subscribe(self._changed)

    async def find(self, request_id: bytes) -> RequestRecord | None:
        """Return the request of an id, if this server has it."""
        record = self._records.get(request_id)
        if record is not None:
            self._records.move_to_end(request_id)
            return record
        record = await self._requests.get(request_id)
        if record is None:
            return None
        # A change that was committed during the look-up is already here, and newer.
        return self._records.get(request_id) or self._keep(request_id, record)

    async def get(self, request_id: bytes) -> RequestRecord:
        """Return the request of an id.

        Raises:
            NoSuchRequest: this server does not have it.
        """
        record = await self.find(request_id)
        if record is None:
            raise NoSuchRequest("No request has this id.", advice="Ask the server that took it.")
        return record

    async def reply(self, request_id: bytes) -> StatusReply:
        """Answer a poll from what is known here.

        Raises:
            NoSuchRequest: this server does not have it.
            NoProof: it failed, and such polls are answered with errors here.
        """
        reply = self._replies.get(request_id)
        if reply is not None:
            self._records.move_to_end(request_id)
            return reply
        record = await self.get(request_id)
        return self._replies.setdefault(request_id, self.render(record))

    def render(self, record: RequestRecord) -> StatusReply:
        """Encode the reply to a poll of a request.

        Raises:
            NoProof: it failed, and such polls are answered with errors here.
        """
        if not has_failed(record):
            uri = f"{self._proof_base}{record.proof_token}" if record.proof_token else None
            return StatusReply(status_of(record, uri).SerializeToString())
        printed = self._last_words.of(record.key)
        if self._text_replies:
            raise failure(record, printed)
        return StatusReply(status_of(record).SerializeToString(), failure_trailers(record, printed))

    def _changed(self, record: RequestRecord) -> None:
        if record.request_id is not None:
            self._replies.pop(record.request_id, None)
            self._keep(record.request_id, record)

    def _keep(self, request_id: bytes, record: RequestRecord) -> RequestRecord:
        self._records[request_id] = record
        self._records.move_to_end(request_id)
        while len(self._records) > self._capacity:
            oldest, _ = self._records.popitem(last=False)
            self._replies.pop(oldest, None)
        return record
