"""What a report says of the server's certificate."""

import pytest

from sp1tee.cli.checking import _attested
from sp1tee.errors import UncheckedServer
from sp1tee.verify.checks import Findings
from sp1tee.verify.facts import Fact, attested, claimed
from sp1tee.verify.report import Report, assemble

LEAF = "5a" * 32


def report(*facts: Fact) -> Report:
    return assemble("tee.example.test", Findings((), facts), at=0)


def test_the_certificate_is_the_one_that_the_quote_vouches_for() -> None:
    assert _attested(report(attested("cert.leaf.sha256", LEAF, "sha256sum.txt"))) == LEAF


@pytest.mark.parametrize(
    "facts",
    [
        (),
        (claimed("cert.leaf.sha256", LEAF, "TLS handshake"),),
        (attested("cert.leaf.spki-sha256", LEAF, "sha256sum.txt"),),
    ],
    ids=["none", "claimed", "another-fact"],
)
def test_without_an_attested_one_nothing_is_sent(facts: tuple[Fact, ...]) -> None:
    with pytest.raises(UncheckedServer, match="nothing says which certificate"):
        _attested(report(*facts))
