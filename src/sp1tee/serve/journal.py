"""Every request's way through its states, in the log: one line a step, each naming the request."""

from typing import Final

from sp1tee.logs import get
from sp1tee.store.records import State
from sp1tee.store.writer import Change

_HELD: Final = frozenset({State.LEASED, State.PROVED, State.SETTLED})

_log = get(__name__)


def log_change(change: Change) -> None:
    """Log a change of state; for `Store.witness`, so that one server's log has it.

    A request is named by our own id. The network's id is in no log: whoever knows that one may ask
    for the request's proof.
    """
    record = change.after
    before = None if change.before is None else change.before.state
    if before is record.state:
        return
    facts = {"attempt": record.attempts, "worker": record.worker}
    _log.info(
        "state",
        request=record.key,
        state=record.state.value,
        **({} if before is None else {"before": before.value}),
        **(facts if record.state in _HELD or before is State.LEASED else {}),
    )
