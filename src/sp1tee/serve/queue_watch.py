"""How long has the oldest request been waiting for a worker?"""

import time
from collections.abc import Callable, Iterable

from sp1tee.store.records import RequestRecord, State


class QueueWatch:
    """Follows the queue through the changes of requests; for `Store.subscribe`."""

    def __init__(
        self, open_records: Iterable[RequestRecord], clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._since: dict[str, int] = {}
        for record in open_records:
            self.changed(record)

    def changed(self, record: RequestRecord) -> None:
        """Take note of a request's change."""
        if record.state is State.QUEUED:
            self._since.setdefault(record.key, record.updated_at)
        else:
            self._since.pop(record.key, None)

    def oldest_s(self) -> float:
        """Return the age in seconds of what has been queued longest; 0 if nothing is."""
        if not self._since:
            return 0.0
        return max(0.0, self._clock() - next(iter(self._since.values())))
