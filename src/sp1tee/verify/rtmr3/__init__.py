"""RTMR3: what dstack measured about the application, and whether the event log is that.

Of the four runtime measurement registers of a TDX guest, dstack extends the fourth with named
events: the application's id, the hash of its app-compose.json, its instance, its key provider. The
quote holds the register, the event log says what went into it.
"""

from sp1tee.verify.rtmr3.app_compose import APP_COMPOSE_LIMIT, judge_app_compose
from sp1tee.verify.rtmr3.chains import CHAINS, Chain
from sp1tee.verify.rtmr3.computing import Computed, chain_named, compute
from sp1tee.verify.rtmr3.events import LIMIT, Event, event_log_of, read_events
from sp1tee.verify.rtmr3.examining import Measured, Rtmr3Facts, examine, identity_of
from sp1tee.verify.rtmr3.judging import judge, unreadable
from sp1tee.verify.rtmr3.payloads import Provider, read_provider
from sp1tee.verify.rtmr3.rules import RULES

__all__ = [
    "APP_COMPOSE_LIMIT",
    "CHAINS",
    "LIMIT",
    "RULES",
    "Chain",
    "Computed",
    "Event",
    "Measured",
    "Provider",
    "Rtmr3Facts",
    "chain_named",
    "compute",
    "event_log_of",
    "examine",
    "identity_of",
    "judge",
    "judge_app_compose",
    "read_events",
    "read_provider",
    "unreadable",
]
