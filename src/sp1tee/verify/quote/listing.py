"""What a quote says, fact by fact."""

from collections.abc import Iterator
from typing import Final

from sp1tee.verify.facts import Basis, Fact, Json, computed
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.quote.collateral import Collateral
from sp1tee.verify.quote.dcap import Claims, Platform
from sp1tee.verify.quote.examining import QuoteFacts
from sp1tee.verify.quote.layout import Layout, TdReport

_QUOTE: Final = "the quote"
_COLLATERAL: Final = "the collateral"
_HOSTS: Final = {"mr_config_id", "mr_owner", "mr_owner_config"}
"""What the CPU signs as the host gave it."""


def list_facts(facts: QuoteFacts) -> tuple[Fact, ...]:
    """Write down what is known; it is attested only if the quote verified up to its root."""
    return tuple(_facts(facts))


def _facts(facts: QuoteFacts) -> Iterator[Fact]:
    yield computed("quote.sha256", facts.sha256, _QUOTE)
    yield computed("quote.size", len(facts.raw), _QUOTE)
    yield computed("quote.root", facts.anchor, "the verifier")
    basis = Basis.ATTESTED if facts.genuine else Basis.CLAIMED
    anchor = facts.anchor if facts.genuine else f"{_QUOTE}, unverified"
    for name, value in _of_quote(facts):
        chosen = "; the host chose it" if name in _HOSTS else ""
        yield Fact(f"quote.{name}", value, basis, anchor + chosen)
    if isinstance(facts.collateral, Collateral):
        yield computed("collateral.sha256", facts.collateral.sha256, _COLLATERAL)
        anchor = facts.anchor if facts.genuine else f"{_COLLATERAL}, unverified"
        for name, value in _of_collateral(facts.collateral):
            yield Fact(f"collateral.{name}", value, basis, anchor)


def _of_quote(facts: QuoteFacts) -> Iterator[tuple[str, Json]]:
    if isinstance(facts.layout, Layout):
        yield "version", facts.layout.header.version
        yield "body", facts.layout.body
        yield "qe_svn", facts.layout.qe_svn
    for name in TdReport.__dataclass_fields__ if facts.report is not None else ():
        value = getattr(facts.report, name)
        if value is not None:
            yield name, value.hex()
    if isinstance(facts.platform, Platform):
        yield "ppid", facts.platform.ppid.hex()
        yield "fmspc", facts.platform.fmspc.hex()
        yield "cpu_svn", facts.platform.cpu_svn.hex()
        yield "pce_svn", facts.platform.pce_svn
    if isinstance(facts.outcome, Claims):
        yield "tcb_status", facts.outcome.status
        yield "advisories", list(facts.outcome.advisories)


def _of_collateral(collateral: Collateral) -> Iterator[tuple[str, Json]]:
    yield "issued", rfc3339(collateral.issued)
    yield "next_update", rfc3339(collateral.next_update)
    yield (
        "tcb_evaluation_data_number",
        min(collateral.levels.evaluation_number, collateral.quoting.evaluation_number),
    )
    for name, span in collateral.spans.items():
        yield f"{name}.issued", rfc3339(span.issued)
        yield f"{name}.next_update", rfc3339(span.next_update)
