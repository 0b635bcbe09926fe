"""The grammar of an issue or issuewild property's value (RFC 8659 §4.2)."""

import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed

_WSP: Final = " \t"
# label = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)); a parameter's tag is written alike.
_LABEL: Final = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_ISSUER: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_PARAMETER: Final = re.compile(
    rf"(?P<tag>{_LABEL})[ \t]*=[ \t]*(?P<value>[\x21-\x3a\x3c-\x7e]*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class IssueValue:
    """An issuer's domain name, empty for nobody, and parameters in order, all as written."""

    issuer: str
    parameters: tuple[tuple[str, str], ...] = ()


def read_issue_value(value: bytes) -> IssueValue:
    """Read a value.

    Raises:
        EvidenceMalformed: it does not follow the grammar; RFC 8659 §4.2 has a CA take it for one
            that lets nobody issue.
    """
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        raise EvidenceMalformed("The value is not ASCII.") from None
    head, *rest = text.split(";")
    issuer = head.strip(_WSP)
    if issuer and not _ISSUER.fullmatch(issuer):
        raise EvidenceMalformed("The issuer is no domain name.")
    if len(rest) == 1 and not rest[0].strip(_WSP):
        return IssueValue(issuer)
    return IssueValue(issuer, tuple(_parameter(part) for part in rest))


def _parameter(text: str) -> tuple[str, str]:
    match = _PARAMETER.fullmatch(text.strip(_WSP))
    if match is None:
        raise EvidenceMalformed("A parameter is not written as tag=value.")
    return match["tag"], match["value"]
