"""Whose the evidence is, when it was collected, and whether anybody was left out."""

import ipaddress
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.appraisal.rules import ADDRESSES, HOST, TIME
from sp1tee.verify.caa import Reply, address_questions, read_addresses, read_host
from sp1tee.verify.checks import Check
from sp1tee.verify.evidence.manifest import Endpoint
from sp1tee.verify.moments import rfc3339

EARLY: Final = 3600
"""Seconds by which clocks may differ: a time is read before the evidence for it is collected."""
_ANSWERS: Final = ("NOERROR", "NXDOMAIN")


def judge_host(host: str, pinned: Collection[str], *, required: bool) -> Check:
    """Compare whose evidence it says it is with whom the policy is about.

    Args:
        host: the evidence's word for it.
        pinned: the policy's names.
        required: whether a policy must name some.
    """
    try:
        plain = read_host(host) == host
    except EvidenceMalformed as error:
        return HOST.unevaluable(error, actual=host)
    if not plain:
        return HOST.unevaluable(
            "The host's name is not written as it is compared.",
            expected=read_host(host),
            actual=host,
            remedy="Collect the evidence again with `sp1tee evidence fetch`.",
        )
    if not pinned:
        said = f"Whose evidence this should be was not said; it is of {host}."
        if not required:
            return HOST.skips(said, actual=host)
        return HOST.unevaluable(
            said, actual=host, remedy=f'Name the host in the policy:\n[cert]\nhosts = ["{host}"]'
        )
    expected = " or ".join(pinned)
    if host in pinned:
        return HOST.passes(f"It is of {host}.", expected=expected, actual=host)
    return HOST.fails(
        f"It is of {host}, which the policy does not name.",
        expected=expected,
        actual=host,
        remedy="Judge it by that host's policy, or collect evidence of the right one.",
    )


def judge_time(begun: datetime, at: int) -> Check:
    """Compare the time that evidence is judged for with when its collection began."""
    first = int(begun.timestamp())
    told = rfc3339(first), rfc3339(at)
    if at >= first - EARLY:
        return TIME.passes("It was.", expected=f"{told[0]} or later", actual=told[1])
    return TIME.unevaluable(
        f"Nobody had collected it at {told[1]}.",
        expected=f"{told[0]} or later",
        actual=told[1],
        remedy=f"Judge it for a time at which it was there: --at {told[0]}",
    )


def judge_addresses(
    host: str, replies: Sequence[Reply], endpoints: Sequence[Endpoint], *, required: bool
) -> Check:
    """Compare where resolvers send clients with who was asked.

    Args:
        host: whose addresses.
        replies: what resolvers answered.
        endpoints: who was asked for a certificate.
        required: whether resolvers must have answered.
    """
    named = read_addresses(host, replies)
    silent = [kind for name, kind in address_questions(host) if not _answered(name, kind, replies)]
    if not named or silent:
        which = " and ".join(silent)
        said = (
            f"No resolver says whether there are {which} records: where clients are sent is not "
            "known."
            if silent
            else "No resolver names an address: where clients are sent is not known."
        )
        remedy = "Collect the evidence again, with other resolvers: --resolver …"
        make = ADDRESSES.unevaluable if required else ADDRESSES.skips
        return make(said, remedy=remedy)
    asked = {_plain(endpoint.address) for endpoint in endpoints}
    left_out = [address for address in named if _plain(address) not in asked]
    if not left_out:
        return ADDRESSES.passes(f"All {len(named)} were asked.", actual=", ".join(named))
    return ADDRESSES.unevaluable(
        f"{len(left_out)} of {len(named)} addresses were not asked.",
        expected=", ".join(named),
        actual=", ".join(sorted(asked)) or "none",
        details=tuple(left_out[:20]),
        remedy="Collect the evidence again, without --connect.",
    )


def _answered(name: str, kind: str, replies: Sequence[Reply]) -> bool:
    """Whether any resolver said what there is, or that there is nothing."""
    answers = (each.answer for each in replies if (each.name, each.kind) == (name, kind))
    return any(answer is not None and answer.rcode in _ANSWERS for answer in answers)


def _plain(address: str) -> str:
    """Write an IP address in the one way that can be compared."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
