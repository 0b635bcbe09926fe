"""Judging evidence files."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from sp1tee.errors import EvidenceMissing
from sp1tee.verify.checks import Check, Findings, Rule
from sp1tee.verify.facts import Fact, attested, claimed, computed
from sp1tee.verify.ingress import rules
from sp1tee.verify.ingress.account import Account
from sp1tee.verify.ingress.examination import FileState, IngressFacts, ListedFile, Read
from sp1tee.verify.ingress.listing import LISTING
from sp1tee.verify.policy.model import CertPolicy

T = TypeVar("T")

_ANCHOR: Final = "the quote's report data"
_REFETCH: Final = "Fetch the evidence again; the host may just be renewing its certificate."


def judge(facts: IngressFacts, policy: CertPolicy, *, bound: bool) -> Findings:
    """Judge evidence files.

    Args:
        facts: what they say.
        policy: which ACME directories are accepted.
        bound: whether a verified quote has the report data that these files must have. Unless it
            has, all that they say is merely claimed.
    """
    return Findings(tuple(_checks(facts, policy)), tuple(_facts(facts, bound=bound)))


def _checks(facts: IngressFacts, policy: CertPolicy) -> Iterator[Check]:
    yield _judged(
        rules.LISTING, facts.listing, lambda entries: f"{LISTING} lists {len(entries)} files."
    )
    if facts.listing.value is not None:
        yield _present(facts.files)
        yield _intact(facts.files)
        yield _certificate(facts)
    if facts.certificate.value is not None:
        name = facts.certificate.value
        yield _judged(
            rules.CHAIN, facts.chain, lambda chain: f"{name} holds {len(chain)} certificates."
        )
    if facts.listing.value is not None:
        yield _judged(
            rules.ACCOUNT, facts.account, lambda account: f"The account is {account.uri}."
        )
    if facts.account.value is not None:
        yield _directory(facts.account.value, policy)


def _judged(rule: Rule, read: Read[T], summary: Callable[[T], str]) -> Check:
    if read.value is not None:
        return rule.passes(summary(read.value))
    error = read.error or EvidenceMissing("It is not there.")
    return rule.unevaluable(error, remedy=error.advice or _REFETCH)


def _present(files: tuple[ListedFile, ...]) -> Check:
    missing = [file.name for file in files if file.state is FileState.MISSING]
    if not missing:
        return rules.PRESENT.passes(f"All {len(files)} listed files are there.")
    return rules.PRESENT.unevaluable(
        f"{len(missing)} of {len(files)} listed files are not there.",
        details=tuple(missing),
        remedy=_REFETCH,
    )


def _intact(files: tuple[ListedFile, ...]) -> Check:
    there = [file for file in files if file.state is not FileState.MISSING]
    wrong = [file for file in there if file.state is FileState.DIFFERENT]
    if not wrong:
        return rules.DIGESTS.passes(f"All {len(there)} files have their listed digests.")
    return rules.DIGESTS.fails(
        f"{wrong[0].name} is not the file that is listed."
        if len(wrong) == 1
        else f"{len(wrong)} files are not the ones that are listed.",
        expected=wrong[0].expected,
        actual=wrong[0].actual,
        details=tuple(f"{file.name}: {file.actual}, listed {file.expected}" for file in wrong),
        remedy=_REFETCH,
    )


def _certificate(facts: IngressFacts) -> Check:
    if facts.certificate.value is not None:
        return rules.CERTIFICATE.passes(f"{facts.certificate.value} is listed for {facts.host}.")
    names = tuple(entry.name for entry in facts.listing.value or () if entry.is_certificate)
    return rules.CERTIFICATE.fails(
        f"The evidence has no certificate of {facts.host}.",
        expected=f"cert-{facts.host}.pem, a wildcard that covers it, or cert.pem",
        actual=", ".join(names) or "no certificate at all",
        remedy="Check the host name: this evidence is for other names.",
    )


def _directory(account: Account, policy: CertPolicy) -> Check:
    if account.directory in policy.acme_directories:
        return rules.DIRECTORY.passes(f"{account.directory} is accepted.")
    kind = "a staging directory" if account.staging else "no accepted directory"
    return rules.DIRECTORY.refuses(
        f"The account is of {account.directory}, {kind}.",
        expected=" or ".join(policy.acme_directories),
        actual=account.directory,
        remedy="Its operator has to switch staging off and get a real certificate."
        if account.staging
        else f'If you trust this CA: [cert] acme_directories = ["{account.directory}"]',
    )


def _facts(facts: IngressFacts, *, bound: bool) -> Iterator[Fact]:
    says = attested if bound else claimed
    anchor = _ANCHOR if bound else LISTING
    if facts.report_data is not None:
        yield computed("ingress.report_data", facts.report_data.hex(), LISTING)
    for entry in facts.listing.value or ():
        yield says(f"ingress.files.{entry.name}", entry.sha256, anchor)
    if facts.certificate.value is not None:
        yield says("ingress.certificate", facts.certificate.value, anchor)
    if facts.account_uri is not None:
        yield says("ingress.account", facts.account_uri, anchor)
