"""Noticing that the network has ended what we are still working on."""

import asyncio

from sp1tee.errors import NetworkError
from sp1tee.logs import get
from sp1tee.serve.network.endings import end_quietly
from sp1tee.serve.network.polling import Polled, UpstreamStatuses
from sp1tee.serve.network.reading import ENDED_WITHOUT_PROOF, FINAL, status_name
from sp1tee.store.records import WAITING_STATES, RequestRecord, State
from sp1tee.store.requests import Requests

EVERY_S = 15.0

_log = get(__name__)


class Watcher:
    """Ends requests that the network has ended: cancelled, expired, proved by somebody else.

    Work on them would be wasted; a worker drops its lease at its next heartbeat.
    """

    def __init__(self, requests: Requests, statuses: UpstreamStatuses) -> None:
        self._requests = requests
        self._statuses = statuses

    async def run(self) -> None:
        """Look at every open request from time to time."""
        while True:
            await asyncio.sleep(EVERY_S)
            for record in await self._requests.open_records():
                await self._look_at(record)

    async def noticed(self, record: RequestRecord, polled: Polled) -> None:
        """End a request if the network has; called whenever its status was asked for."""
        status = polled.status.fulfillment_status
        # With a proof that is on its way there, only an end without one is news.
        news = ENDED_WITHOUT_PROOF if record.state is State.PROVED else FINAL
        if status in news and record.is_open:
            _log.info("ended_upstream", request=record.key, status=status_name(status))
            text = f"The network ended the request: {status_name(status)}."
            await end_quietly(self._requests, record.key, text)

    async def _look_at(self, record: RequestRecord) -> None:
        if record.request_id is None or record.state not in WAITING_STATES:
            return
        try:
            polled = await self._statuses.get(record.request_id, about=record.key)
        except NetworkError:
            return
        await self.noticed(record, polled)
