"""CAA records, and whom each lets issue (RFC 8659 §4, RFC 8657 §3-4).

Where a record can be read in two ways, it is read in the one that lets more people issue: the
question is what a real CA might do, not what it should do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.caa.grammar import IssueValue, read_issue_value

CRITICAL: Final = 128
_KNOWN: Final = frozenset({"issue", "issuewild", "iodef", "issuemail"})
"""What every CA knows (RFC 8659 §4.2-4.4, RFC 9495); others exist that not every CA knows."""

_ACCOUNT: Final = "accounturi"
_METHODS: Final = "validationmethods"
_METHOD: Final = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII
)
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, order=True)
class CaaRecord:
    """One record; `tag` is in lower case, because tags are compared without regard to case."""

    flags: int
    tag: str
    value: bytes

    def unknown(self, flags: int = CRITICAL) -> bool:
        """Whether it has one of these flags and a tag that not every CA knows (RFC 8659 §4.1)."""
        return bool(self.flags & flags) and self.tag not in _KNOWN

    def __str__(self) -> str:
        value = self.value[:_SHOWN].decode("latin-1")
        escaped = "".join(
            f"\\{c}" if c in '"\\' else c if " " <= c <= "~" else f"\\{ord(c):03}" for c in value
        )
        more = "…" if len(self.value) > _SHOWN else ""
        return f'{self.flags} {self.tag} "{escaped}{more}"'


@dataclass(frozen=True, slots=True)
class Grant:
    """Whom an issue or issuewild record lets issue.

    Attributes:
        record: the record.
        issuer: the CA's domain name as written; empty: nobody.
        account: the one account that may ask, as written; None: every account.
        methods: the validation methods that may be used; None: every method.
        satisfiable: whether any account can meet its parameters at all (RFC 8657 §3).
        flaws: what is wrong with how it is written.
    """

    record: CaaRecord
    issuer: str
    account: str | None = None
    methods: tuple[str, ...] | None = None
    satisfiable: bool = True
    flaws: tuple[str, ...] = ()

    def by(self, issuer: str) -> bool:
        """Whether it is this CA that may issue; domain names know no case."""
        return self.issuer.lower() == issuer.lower()


def read_grant(record: CaaRecord) -> Grant:
    """Read an issue or issuewild record; one that is malformed lets nobody issue."""
    try:
        value = read_issue_value(record.value)
    except EvidenceMalformed as error:
        return Grant(record, "", satisfiable=False, flaws=(f"{error} It lets nobody issue.",))
    account, account_flaws = _account(value)
    methods, method_flaws = _methods(value)
    return Grant(
        record,
        value.issuer,
        account,
        methods,
        satisfiable=not account_flaws and methods != (),
        flaws=(*account_flaws, *method_flaws, *_overlooked(value)),
    )


def grants(records: Iterable[CaaRecord], *, wildcard: bool) -> tuple[Grant, ...] | None:
    """Read those records of a set that count for a name or for a wildcard (RFC 8659 §4.2-4.3).

    Returns:
        None if none counts: then everybody may issue.
    """
    read = {tag: [r for r in records if r.tag == tag] for tag in ("issue", "issuewild")}
    counted = (wildcard and read["issuewild"]) or read["issue"]
    return tuple(read_grant(record) for record in counted) or None


def _account(value: IssueValue) -> tuple[str | None, tuple[str, ...]]:
    given = [text for tag, text in value.parameters if tag == _ACCOUNT]
    if len(given) > 1:
        return given[0], ("It names several accounts, so no account meets it.",)
    if given and not _URI.fullmatch(given[0]):
        return given[0], ("Its account is no URI, so no account meets it.",)
    return (given[0] if given else None), ()


def _methods(value: IssueValue) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Read the methods; of what is not defined, the reading that allows most."""
    given = [text for tag, text in value.parameters if tag == _METHODS]
    if not given:
        return None, ()
    labels = [label for text in given for label in text.split(",")]
    good = tuple(dict.fromkeys(label for label in labels if _METHOD.fullmatch(label)))
    flaws = ["It lists methods several times."] if len(given) > 1 else []
    if len(good) < len(set(labels)):
        flaws.append("Its list of methods holds something that is no method.")
    return good, tuple(flaws)


def _overlooked(value: IssueValue) -> tuple[str, ...]:
    """Find parameters in other cases: Let's Encrypt compares their names as written."""
    return tuple(
        f"{tag[:40]} is not written in lower case, and may be overlooked."
        for tag, _ in value.parameters
        if tag != tag.lower() and tag.lower() in {_ACCOUNT, _METHODS}
    )
