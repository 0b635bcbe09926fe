"""What is demanded of every record, and how far one record meets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from sp1tee.verify.caa.records import Grant


class Aspect(Enum):
    """What a record can leave open."""

    ISSUER = auto()
    ACCOUNT_PRESENT = auto()
    ACCOUNT = auto()
    METHODS_PRESENT = auto()
    METHODS = auto()


WHO = (Aspect.ISSUER, Aspect.ACCOUNT_PRESENT, Aspect.ACCOUNT)
"""What decides who may have a certificate."""
HOW = (Aspect.METHODS_PRESENT, Aspect.METHODS)
"""What decides how control of the name is shown."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Who alone may get a certificate, and how.

    Attributes:
        issuer: the CA's domain name.
        account: the ACME account's URI; None: not known.
        methods: accepted validation methods.
    """

    issuer: str
    account: str | None
    methods: tuple[str, ...]

    def record(self, name: str, tag: str = "issue") -> str:
        """Write the record that meets it."""
        parameters = f"accounturi={self.account or '…'}; validationmethods={','.join(self.methods)}"
        return f'{name} CAA 0 {tag} "{self.issuer}; {parameters}"'


def appraise(grant: Grant, demand: Demand) -> Mapping[Aspect, str]:
    """Say for each aspect that a record decides what it leaves open; empty text: nothing.

    A record that lets nobody issue decides none; one for another CA decides nothing else, because
    its parameters mean what that CA says.
    """
    if not grant.issuer:
        return {}
    if not grant.by(demand.issuer):
        return {Aspect.ISSUER: f"{grant.issuer} may issue"}
    if not grant.satisfiable:
        return {}
    return {Aspect.ISSUER: "", **_account(grant, demand), **_methods(grant, demand)}


def _account(grant: Grant, demand: Demand) -> Mapping[Aspect, str]:
    if grant.account is None:
        return {Aspect.ACCOUNT_PRESENT: f"every account of {grant.issuer} may ask"}
    if demand.account is None:
        return {Aspect.ACCOUNT_PRESENT: ""}
    told = "" if grant.account == demand.account else difference(grant.account, demand.account)
    return {Aspect.ACCOUNT_PRESENT: "", Aspect.ACCOUNT: told}


def _methods(grant: Grant, demand: Demand) -> Mapping[Aspect, str]:
    if grant.methods is None:
        return {Aspect.METHODS_PRESENT: "every validation method may be used"}
    wider = [method for method in grant.methods if method not in demand.methods]
    told = f"{', '.join(wider)[:200]} may be used" if wider else ""
    return {Aspect.METHODS_PRESENT: "", Aspect.METHODS: told}


def difference(found: str, pinned: str) -> str:
    """Say in what an account URI differs from the pinned one."""
    a, b = _parts(found), _parts(pinned)
    if found.rstrip("/") == pinned.rstrip("/"):
        return "the account differs by a slash at its end, and URIs are compared exactly"
    if found.lower() == pinned.lower():
        return "the account differs in upper and lower case, and URIs are compared exactly"
    if a[1:] == b[1:]:
        return f"the account is written with {a[0]}, not {b[0]}"
    if a[1] != b[1]:
        staging = " (a staging directory, whose accounts are others)" if "staging" in a[1] else ""
        return f"the account is one of {a[1] or 'nobody'}{staging}, not of {b[1]}"
    if found.startswith(pinned) or pinned.startswith(found):
        return "the account only begins alike, and is another one"
    return "it is another account"


def _parts(uri: str) -> tuple[str, str, str]:
    """Take a URI apart: scheme, authority, and the rest; empty where it is none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", "", uri
    return parts.scheme, parts.netloc.lower(), uri.partition("//")[2].partition("/")[2]
