"""What every step of a requester's work needs: the server, patience, somebody to tell."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from sp1tee.client.endpoint import Endpoint
from sp1tee.client.patience import Patience
from sp1tee.client.progress import Progress, Silent
from sp1tee.client.rpc import Calls
from sp1tee.client.transfer import Transfers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """Connections to one server.

    Attributes:
        calls: its RPCs.
        transfers: uploads and downloads.
        patience: how long steps are repeated.
        progress: who is told.
        clock: Unix time.
        sleep: waits so many seconds.
    """

    calls: Calls
    transfers: Transfers
    patience: Patience
    progress: Progress
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        *,
        patience: Patience | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Prepare the connections; nothing is sent yet."""
        progress = progress or Silent()
        calls, transfers = Calls(endpoint), Transfers(endpoint, progress)
        return cls(calls, transfers, patience or Patience(), progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.transfers.close()
        self.calls.close()

    def repeat(self, step: Callable[[], T], *, give_up_s: float | None = None) -> T:
        """Run a step as often as patience allows; see `Patience.repeat`."""
        return self.patience.repeat(step, notice=self.progress.trouble, give_up_s=give_up_s)
