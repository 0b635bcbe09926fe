"""Attacks with what Intel says of the machine, and with the machine."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.host import Host
from sp1tee.sim.ingress.reader import DENIED, RECOVERY
from sp1tee.sim.pki import DAY, PCK, PCK_CA, STRANGER, Machine


def _offer(**parts: Any) -> Callable[[Host], Host]:
    """Have Intel say something else."""
    return lambda host: host.twisted(offer=lambda offer: replace(offer, **parts))


def _dated(issued: int, until: int) -> Callable[[Host], Host]:
    """Have Intel say it at another time: days from now."""
    return lambda host: _offer(issued=host.at + issued * DAY, next_update=host.at + until * DAY)(
        host
    )


ATTACKS: Final = (
    Attack(
        "out-of-date",
        ("15",),
        "runs on a machine whose TCB is out of date",
        ("quote.tcb-status",),
        _offer(tcb_status="OutOfDate", advisories=("INTEL-SA-00960",)),
    ),
    Attack(
        "configuration-needed",
        ("15",),
        "runs on a machine that needs configuration",
        ("quote.tcb-status",),
        _offer(tcb_status="ConfigurationNeeded"),
    ),
    Attack(
        "denied-advisory",
        ("15",),
        "runs on a machine that an unacceptable advisory applies to",
        ("quote.advisories",),
        _offer(advisories=(DENIED,)),
    ),
    Attack(
        "revoked-machine",
        ("16",),
        "runs on a machine whose PCK certificate is revoked",
        ("quote.revoked",),
        _offer(revoked=(PCK,)),
    ),
    Attack(
        "revoked-ca",
        ("16",),
        "runs on a machine whose CA is revoked",
        ("quote.revoked",),
        _offer(revoked=(PCK_CA,)),
    ),
    Attack(
        "revoked-tcb",
        ("16",),
        "runs on a machine whose TCB level is revoked",
        ("quote.tcb-revoked",),
        _offer(tcb_status="Revoked"),
    ),
    Attack(
        "strangers-crl",
        ("16",),
        "offers a revocation list that somebody else signed",
        ("quote.chain",),
        _offer(pck_crl_by=STRANGER),
    ),
    Attack(
        "strangers-tcb-info",
        ("16",),
        "offers TCB info that somebody else signed",
        ("quote.chain",),
        _offer(tcb_by=STRANGER),
    ),
    Attack(
        "expired-collateral",
        ("16",),
        "offers collateral that has run out",
        ("quote.collateral-expired",),
        _dated(-40, -10),
    ),
    Attack(
        "future-collateral",
        ("16",),
        "offers collateral that is not valid yet",
        ("quote.collateral-future",),
        _dated(1, 31),
    ),
    Attack(
        "stale-collateral",
        ("16",),
        "offers collateral that was issued long ago",
        ("quote.collateral-age",),
        _dated(-60, 10),
    ),
    Attack(
        "before-recovery",
        ("16",),
        "offers collateral from before the last TCB recovery",
        ("quote.tcb-evaluation",),
        _offer(evaluation_number=RECOVERY - 1),
    ),
    Attack(
        "collateral-of-another-kind",
        ("16",),
        "offers collateral of another kind of machine",
        ("quote.collateral", "quote.collateral-platform"),
        _offer(fmspc=bytes.fromhex("90c06f000000")),
    ),
    Attack(
        "another-machine",
        ("20",),
        "runs on a genuine machine that is none of the accepted ones",
        ("quote.platform",),
        lambda host: replace(host, machine=Machine(name="other", ppid=b"\x0e" * 16)),
    ),
)
