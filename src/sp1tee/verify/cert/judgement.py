"""Judging a host's certificate."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Final

from sp1tee.verify.cert import rules
from sp1tee.verify.cert.certificates import Certificate
from sp1tee.verify.cert.examination import CertFacts, Path, Presented
from sp1tee.verify.cert.logged import sct_checks
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.facts import Fact, attested, claimed, computed
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.policy.model import CertPolicy

DAY: Final = 86400
_ATTESTED: Final = "the quote's report data"
_AGELESS: Final = "Without the attested certificate there is no age."
_SEE: Final = "See the checks of the evidence files."
_RENEWING: Final = (
    "Fetch the evidence again in some minutes: right after a renewal it may be older than the "
    "certificate. If it stays so, somebody else answers: send nothing there."
)


def judge(facts: CertFacts, policy: CertPolicy, *, bound: bool, required: bool = False) -> Findings:
    """Judge a host's certificate.

    Args:
        facts: what was presented and attested.
        policy: what is demanded.
        bound: whether a verified quote binds the evidence that names the attested certificate.
        required: whether the connections that brought the evidence must be known.
    """
    checks = _checks(facts, policy, required=required)
    return Findings(tuple(checks), tuple(_facts(facts, bound=bound)))


def _checks(facts: CertFacts, policy: CertPolicy, *, required: bool) -> Iterator[Check]:
    yield from _leaves(facts)
    yield _connections(facts, required=required)
    for path in facts.paths:
        yield _path(path, facts)
        yield _name(path, facts.host)
        yield _validity(path, facts.at)
        yield _issuer(path)
    yield _age(facts, policy)
    yield _not_before(facts, policy)
    for path in facts.paths:
        yield from sct_checks(path, facts.logs, policy, single=len(facts.paths) == 1)


def _leaves(facts: CertFacts) -> Iterator[Check]:
    if facts.attested is None:
        error = facts.attested_error or "There is no evidence."
        yield rules.LEAF.unevaluable(error, remedy="Give the evidence with --evidence DIR|URL.")
        return
    if not facts.presented:
        yield rules.LEAF.unevaluable(
            f"No address of {facts.host} was asked.", remedy="Run it again with a network."
        )
    for one in facts.presented:
        yield _leaf(one, facts.attested)


def _leaf(one: Presented, wanted: Certificate) -> Check:
    served = one.leaf
    if served is None:
        why = one.error or "It presented no certificate."
        return rules.LEAF.unevaluable(
            why, subject=one.address, remedy="Try again; if it stays so, ask its operator."
        )
    if served.der == wanted.der:
        return rules.LEAF.passes(
            f"{one.address} serves the attested certificate.", subject=one.address
        )
    same_key = served.spki_sha256 == wanted.spki_sha256
    return rules.LEAF.fails(
        f"{one.address} serves another certificate than the attested one.",
        subject=one.address,
        expected=wanted.sha256,
        actual=served.sha256,
        details=(
            f"attested: {_described(wanted)}",
            f"served: {_described(served)}",
            "Both have the same key." if same_key else "Their keys differ.",
        ),
        remedy=_RENEWING,
    )


def _described(certificate: Certificate) -> str:
    names = ", ".join(certificate.names[:5]) or "no name"
    return f"{names}; issued by {certificate.issuer} at {_day(certificate.not_before)}"


def _connections(facts: CertFacts, *, required: bool) -> Check:
    known = [file for file in facts.brought if file.leaf_sha256 is not None]
    if facts.attested is None or not known:
        said = "Nothing is known of the connections that brought the evidence."
        return _unknown_connections(said, required=required)
    wanted = facts.attested.sha256
    other = [file for file in known if file.leaf_sha256 != wanted]
    unknown = [file.name for file in facts.files if file.trouble is None and file not in known]
    if unknown and not other:
        said = f"Nothing is known of the connections that brought {', '.join(unknown[:10])}."
        return _unknown_connections(said, required=required)
    if not other:
        return rules.CONNECTION.passes(
            f"All {len(known)} files came over connections with the attested certificate."
        )
    return rules.CONNECTION.fails(
        f"{len(other)} of {len(known)} files came over connections with another certificate.",
        expected=wanted,
        actual=other[0].leaf_sha256,
        details=tuple(f"{file.name} from {file.address}: {file.leaf_sha256}" for file in other),
        remedy=_RENEWING,
    )


def _unknown_connections(said: str, *, required: bool) -> Check:
    if not required:
        return rules.CONNECTION.skips(said)
    return rules.CONNECTION.unevaluable(said, remedy="Fetch the evidence again, from its host.")


def _path(path: Path, facts: CertFacts) -> Check:
    anchors = (facts.roots.name,)
    if path.trouble is None:
        return rules.PATH.passes(
            "The chain leads to a trusted CA.", subject=path.who, anchors=anchors
        )
    return rules.PATH.fails(
        f"The chain leads to no trusted CA: {path.trouble}.",
        subject=path.who,
        anchors=anchors,
        details=tuple(f"issued by {certificate.issuer}" for certificate in path.chain),
        remedy="If the CA is your own: --ca-file PEM, or [anchors] tls_roots in the policy.",
    )


def _name(path: Path, host: str) -> Check:
    names = path.leaf.names
    if path.leaf.covers(host):
        return rules.NAME.passes(f"The certificate covers {host}.", subject=path.who)
    return rules.NAME.fails(
        f"The certificate does not cover {host}.",
        subject=path.who,
        expected=host,
        actual=", ".join(names[:10]) or "no DNS name",
        remedy="Check the host name and where its addresses lead.",
    )


def _validity(path: Path, at: int) -> Check:
    leaf = path.leaf
    told = f"from {rfc3339(leaf.not_before)} to {rfc3339(leaf.not_after)}"
    if leaf.valid_at(at):
        return rules.VALIDITY.passes(f"The certificate is valid {told}.", subject=path.who)
    state = "not valid yet" if at < leaf.not_before else "no longer valid"
    return rules.VALIDITY.fails(
        f"The certificate is {state} at {rfc3339(at)}.",
        subject=path.who,
        expected=told,
        actual=rfc3339(at),
        remedy="Check this machine's clock, or the time given with --at.",
    )


def _issuer(path: Path) -> Check:
    leaf = path.leaf
    if leaf.self_signed:
        return rules.ISSUER.refuses(
            "The certificate is self-signed, as placeholders are while an ingress starts.",
            subject=path.who,
            actual=leaf.issuer,
            remedy="Wait until the ingress has got its certificate, and try again.",
        )
    if leaf.staging:
        return rules.ISSUER.refuses(
            "The certificate is from a staging CA.",
            subject=path.who,
            actual=leaf.issuer,
            remedy="Its operator has to switch staging off and get a real certificate.",
        )
    return rules.ISSUER.passes(f"Issued by {leaf.issuer}.", subject=path.who)


def _age(facts: CertFacts, policy: CertPolicy) -> Check:
    if facts.attested is None:
        return rules.AGE.unevaluable(_AGELESS, remedy=_SEE)
    days = (facts.at - facts.attested.not_before) // DAY
    most = policy.max_evidence_age_days
    if days <= most:
        return rules.AGE.passes(
            f"The attested certificate is {max(days, 0)} days old, at most {most} are accepted.",
            details=("The quote over it is younger than it, and has no time of its own.",),
        )
    return rules.AGE.refuses(
        f"The attested certificate is {days} days old.",
        expected=f"at most {most} days",
        actual=f"{days} days, from {_day(facts.attested.not_before)}",
        remedy="Its operator has to renew the certificate and make new evidence; or "
        f"[cert] max_evidence_age_days = {days}",
    )


def _not_before(facts: CertFacts, policy: CertPolicy) -> Check:
    if policy.not_before is None:
        return rules.NOT_BEFORE.skips(
            "The policy doesn't say since when the measured application runs: an earlier version "
            "of it may have leaked the key.",
            remedy="[cert] not_before = 2026-01-31  # the day the measured compose was deployed",
        )
    if facts.attested is None:
        return rules.NOT_BEFORE.unevaluable(_AGELESS, remedy=_SEE)
    first = int(datetime.combine(policy.not_before, time(), UTC).timestamp())
    made = rfc3339(facts.attested.not_before)
    if facts.attested.not_before >= first:
        return rules.NOT_BEFORE.passes(f"The attested certificate is of {made}.")
    return rules.NOT_BEFORE.refuses(
        f"The attested certificate is of {made}, older than the policy accepts.",
        expected=f"not before {policy.not_before.isoformat()}",
        actual=made,
        remedy="Its operator has to get a certificate with a fresh key.",
    )


def _facts(facts: CertFacts, *, bound: bool) -> Iterator[Fact]:
    says = attested if bound and facts.attested is not None else claimed
    anchor = "sha256sum.txt" if facts.attested is not None else "TLS handshake"
    leaf = facts.leaf
    if leaf is not None:
        anchor = _ATTESTED if says is attested else anchor
        yield says("cert.leaf.sha256", leaf.sha256, anchor)
        yield says("cert.leaf.spki-sha256", leaf.spki_sha256, anchor)
        yield says("cert.leaf.names", list(leaf.names), anchor)
        yield says("cert.leaf.issuer", leaf.issuer, anchor)
        yield says("cert.leaf.key", leaf.key, anchor)
        yield says("cert.leaf.not_before", rfc3339(leaf.not_before), anchor)
        yield says("cert.leaf.not_after", rfc3339(leaf.not_after), anchor)
    for one in facts.presented:
        served = None if one.leaf is None else one.leaf.sha256
        yield computed(f"cert.served.{one.address}", served, "TLS handshake")
    yield computed("cert.ct_logs", f"{facts.logs.version} of {facts.logs.timestamp}", "CT log list")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
