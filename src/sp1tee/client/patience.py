"""How long to try again what may work the next time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from sp1tee.errors import Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits between attempts, growing by half each time, and when to give up.

    Where the server says when it wants to be asked again, that is the wait.

    Attributes:
        give_up_s: how long one step is repeated, the SDK's own 120 seconds by default.
        first_wait_s: the first wait.
        longest_wait_s: no wait is longer.
        jitter_s: at most so much is added to each wait by chance.
    """

    give_up_s: float = 120.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 10.0
    jitter_s: float = 0.5

    def repeat(
        self,
        step: Callable[[], T],
        *,
        notice: Callable[[Unreachable], None],
        give_up_s: float | None = None,
    ) -> T:
        """Run a step until it gives a result, an error that will not pass, or time is up.

        Args:
            step: what to do; everything that must be fresh for each attempt happens in it.
            notice: told of each attempt that failed.
            give_up_s: how long, where it is not the usual time; 0 means one attempt.

        Raises:
            Unreachable: the last attempt's error. All other errors come through at once.
        """

        def worth_repeating(error: Exception) -> bool | float:
            if not isinstance(error, Unreachable):
                return False
            notice(error)
            return True if error.retry_after_s is None else error.retry_after_s

        limit = self.give_up_s if give_up_s is None else give_up_s
        for attempt in stamina.retry_context(
            on=worth_repeating,
            attempts=1 if limit <= 0 else None,
            timeout=limit if limit > 0 else None,
            wait_initial=self.first_wait_s,
            wait_max=self.longest_wait_s,
            wait_jitter=self.jitter_s,
            wait_exp_base=1.5,
        ):
            with attempt:
                return step()
        raise AssertionError("stamina ends with a result or an error")
