"""Fetching evidence files: a connection of its own for each, and the leaf that it presented.

An ingress may route by the first bytes of a connection, and the certificate of the connection that
brought a file shows who answered; so connections are never reused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from sp1tee.errors import EvidenceFileError, FetchError, VerifyError
from sp1tee.verify.evidence.manifest import IngressFile, Trouble
from sp1tee.verify.fetch.deadline import Deadline
from sp1tee.verify.fetch.single_get import get
from sp1tee.verify.fetch.tls import MAX_ADDRESSES, SECONDS, connect
from sp1tee.verify.ingress.account import MAX_ACCOUNT
from sp1tee.verify.ingress.chain import MAX_CHAIN
from sp1tee.verify.ingress.examination import FileState, examine
from sp1tee.verify.ingress.listing import ACCOUNT, LISTING, MAX_LISTING, QUOTE, read_listing
from sp1tee.verify.reading import is_folder, read_file

BASE: Final = "/evidences/"
MAX_QUOTE: Final = 2 * 1024 * 1024
"""Genuine ones have some 50 KB: a quote in hex and its event log."""

_HTTPS: Final = 443
_LIMITS: Final = {LISTING: MAX_LISTING, QUOTE: MAX_QUOTE, ACCOUNT: MAX_ACCOUNT}

Fetched = tuple[IngressFile, bytes | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence is: a host, its port, and the directory's path with slashes at both ends."""

    host: str
    port: int = _HTTPS
    base: str = BASE

    @property
    def authority(self) -> str:
        """The host, with a port that is not 443."""
        return self.host if self.port == _HTTPS else f"{self.host}:{self.port}"

    def path(self, name: str) -> str:
        """The path of a file."""
        return self.base + quote(name, safe="*")

    def url(self, name: str) -> str:
        """The URL of a file."""
        return f"https://{self.authority}{self.path(name)}"


def read_place(url: str) -> Place:
    """Read the URL of an evidence directory; raises `FetchError` if it is no https URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _HTTPS
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username) and parts.path.isascii()
    if parts.scheme != "https" or not host.isascii() or not host or not plain:
        raise FetchError(
            f"{url[:200]!r} is no https URL of a directory.",
            advice="Write e.g. https://tee.example.com/evidences/.",
        )
    path = quote(parts.path, safe="/%~").strip("/")
    return Place(host, port, f"/{path}/" if path else "/")


def fetch_evidence(
    host: str,
    port: int,
    addresses: Sequence[str],
    *,
    base: str = BASE,
    seconds: float = 60.0,
) -> tuple[Fetched, ...]:
    """Fetch `sha256sum.txt`, `quote.json` and the files that are listed.

    All of it comes from the first address that can be connected to: one that cannot be is for the
    checks of each address to tell, and keeps no evidence away.

    Right after a renewal, files and certificate may not fit together yet: then everything is
    fetched once more, and what came the second time is what counts.

    Args:
        host: the host's name.
        port: its port.
        addresses: its IP addresses.
        base: the path of the evidence directory.
        seconds: how long everything may take.

    Returns:
        For each file a record, and its bytes or None. Whatever goes wrong is in the records.
    """
    place = Place(host, port, base)
    deadline = Deadline(seconds)
    if not addresses:
        why = FetchError(f"{host} has no address.", advice="Check the name.")
        return ((_failed(place, LISTING, why), None),)
    first = tuple(_all(place, addresses, deadline))
    if not _unsettled(first, host):
        return first
    return tuple(_all(place, addresses, deadline))


def read_folder(folder: Path) -> tuple[Fetched, ...]:
    """Read evidence files from a folder instead.

    Raises:
        EvidenceFileError: there is no such folder.
    """
    if not is_folder(folder):
        raise EvidenceFileError(f"{folder} is no folder.", advice="Check the path.")

    def one(name: str) -> Fetched:
        url = folder.absolute().joinpath(name).as_uri()
        try:
            return IngressFile(name=name, url=url), read_file(folder / name, _limit(name))
        except VerifyError as error:
            return IngressFile(name=name, url=url, trouble=Trouble.of(error)), None

    listing = one(LISTING)
    return (listing, one(QUOTE), *map(one, _listed(listing[1])))


def bodies(found: Sequence[Fetched]) -> dict[str, bytes]:
    """Return what came, by name."""
    return {record.name: body for record, body in found if body is not None}


def _all(place: Place, addresses: Sequence[str], deadline: Deadline) -> Iterator[Fetched]:
    address, listing = _reached(place, addresses, deadline)
    yield listing
    for name in (QUOTE, *_listed(listing[1])):
        yield _one(place, name, address, deadline)


def _reached(place: Place, addresses: Sequence[str], deadline: Deadline) -> tuple[str, Fetched]:
    """Fetch the list from the first address that can be connected to."""
    first = addresses[0]
    failure = _one(place, LISTING, first, deadline)
    if _connected(failure):
        return first, failure
    for address in addresses[1:MAX_ADDRESSES]:
        listing = _one(place, LISTING, address, deadline)
        if _connected(listing):
            return address, listing
    return first, failure


def _connected(fetched: Fetched) -> bool:
    return fetched[0].leaf_sha256 is not None


def _one(place: Place, name: str, address: str, deadline: Deadline) -> Fetched:
    within = deadline.within(SECONDS)
    record = IngressFile(name=name, url=place.url(name), address=address)
    try:
        with connect(place.host, address, place.port, within) as connection:
            record = record.model_copy(update={"leaf_sha256": connection.leaf_sha256})
            path, limit = place.path(name), _limit(name)
            body = get(connection, place.authority, path, limit=limit, deadline=within)
            return record, body
    except VerifyError as error:
        return record.model_copy(update={"trouble": Trouble.of(error)}), None


def _listed(listing: bytes | None) -> list[str]:
    """Name the listed files; none if the list cannot be read, which is judged elsewhere."""
    if listing is None:
        return []
    try:
        return [entry.name for entry in read_listing(listing)]
    except VerifyError:
        return []


def _unsettled(found: Sequence[Fetched], host: str) -> bool:
    """Tell whether files or certificates were exchanged while they were fetched."""
    facts = examine(bodies(found), host)
    if any(file.state is FileState.DIFFERENT for file in facts.files):
        return True
    leaves = {record.leaf_sha256 for record, _ in found} - {None}
    return facts.leaf is not None and leaves != {sha256(facts.leaf).hexdigest()}


def _failed(place: Place, name: str, error: VerifyError) -> IngressFile:
    return IngressFile(name=name, url=place.url(name), trouble=Trouble.of(error))


def _limit(name: str) -> int:
    return _LIMITS.get(name, MAX_CHAIN)
