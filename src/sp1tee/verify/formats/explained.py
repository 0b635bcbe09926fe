"""What is said about one check that did not simply pass, in the order it is read."""

from collections.abc import Iterator
from dataclasses import dataclass

from sp1tee.verify.checks import Check
from sp1tee.verify.formats import clean


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark on a check: a label and printable lines."""

    label: str
    lines: tuple[str, ...]


def remarks(check: Check) -> Iterator[Remark]:
    """Yield what a check says beside its title and summary; texts are `clean` already."""
    for label, text in (
        ("expected", check.expected),
        ("actual", check.actual),
        ("reason", check.reason),
        ("waived", check.waiver),
        ("where", _place(check)),
    ):
        if text is not None:
            yield Remark(label, tuple(clean.lines(text)))
    if check.details:
        yield Remark("details", tuple(clean.few([clean.line(text) for text in check.details])))
    if check.remedy is not None:
        yield Remark("next", tuple(clean.lines(check.remedy)))


def titled(check: Check) -> str:
    """Return a check's title with what it is about, printable."""
    subject = clean.line(check.subject)
    return f"{clean.line(check.title)} ({subject})" if subject else clean.line(check.title)


def _place(check: Check) -> str | None:
    place = check.location
    return None if place is None else f"{place.file}:{place.line}"
