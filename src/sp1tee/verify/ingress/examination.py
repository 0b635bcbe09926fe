"""What the evidence files say, and whether they agree with their list."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sp1tee.errors import EvidenceMissing, VerifyError
from sp1tee.verify.ingress.account import Account, read_account
from sp1tee.verify.ingress.chain import read_chain
from sp1tee.verify.ingress.listing import ACCOUNT, LISTING, Entry, read_listing
from sp1tee.verify.ingress.names import certificate_for

T = TypeVar("T")


class FileState(StrEnum):
    """How a listed file compares with its list."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A listed file: `actual` is the digest of what was fetched under its name."""

    name: str
    expected: str
    actual: str | None

    @property
    def state(self) -> FileState:
        """Compare."""
        if self.actual is None:
            return FileState.MISSING
        return FileState.SAME if self.actual == self.expected else FileState.DIFFERENT


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """Something that was read, or why it could not be."""

    value: T | None = None
    error: VerifyError | None = None


@dataclass(frozen=True, slots=True)
class IngressFacts:
    """What the evidence files say about a host.

    Attributes:
        host: whose evidence it should be.
        report_data: the 64 bytes that a quote over these files must have.
        listing: the list.
        files: every listed file, in the list's order.
        certificate: the name of the host's certificate file.
        chain: the certificates of that file as DER, the leaf first; only if its digest is right.
        account: the ACME account; only if its file's digest is right.
    """

    host: str
    report_data: bytes | None
    listing: Read[tuple[Entry, ...]]
    files: tuple[ListedFile, ...]
    certificate: Read[str]
    chain: Read[tuple[bytes, ...]]
    account: Read[Account]

    @property
    def leaf(self) -> bytes | None:
        """The attested leaf's DER."""
        return None if self.chain.value is None else self.chain.value[0]

    @property
    def account_uri(self) -> str | None:
        """The ACME account's URI."""
        return None if self.account.value is None else self.account.value.uri


def expected_report_data(listing: bytes) -> bytes:
    """Return the report data of a quote over a list: its SHA-256, then 32 zero bytes."""
    return hashlib.sha256(listing).digest() + bytes(32)


def examine(files: Mapping[str, bytes], host: str) -> IngressFacts:
    """Read evidence files.

    Args:
        files: each file's name in the evidence directory and its bytes. Those that are not listed
            are ignored, as other ingresses serve more.
        host: the host name, in lower case.
    """
    listing = _read(lambda: read_listing(_present(files, LISTING)))
    entries = listing.value or ()
    listed = tuple(_compare(entry, files) for entry in entries)
    intact = {file.name: files[file.name] for file in listed if file.state is FileState.SAME}
    certificate = _after(listing.error, lambda: certificate_for(host, entries))
    name = certificate.value or ""
    return IngressFacts(
        host=host,
        report_data=expected_report_data(files[LISTING]) if LISTING in files else None,
        listing=listing,
        files=listed,
        certificate=certificate,
        chain=_after(certificate.error, lambda: read_chain(_present(intact, name), name)),
        account=_after(listing.error, lambda: read_account(_present(intact, ACCOUNT))),
    )


def _compare(entry: Entry, files: Mapping[str, bytes]) -> ListedFile:
    body = files.get(entry.name)
    actual = None if body is None else hashlib.sha256(body).hexdigest()
    return ListedFile(entry.name, entry.sha256, actual)


def _present(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise EvidenceMissing(f"There is no {name} that is what it should be.")
    return files[name]


def _read(reader: Callable[[], T]) -> Read[T]:
    try:
        return Read(reader())
    except VerifyError as error:
        return Read(error=error)


def _after(trouble: VerifyError | None, reader: Callable[[], T]) -> Read[T]:
    """Read what something else names; without that, its trouble is this one's."""
    return _read(reader) if trouble is None else Read(error=trouble)
