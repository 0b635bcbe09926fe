"""Where `sp1tee verify cert` gets its evidence: addresses, handshakes and evidence files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sp1tee.cli.verify.sources import places, resolvers, target
from sp1tee.errors import ConfigError, FetchError, VerifyError

if TYPE_CHECKING:
    from sp1tee.verify.caa import Resolver
    from sp1tee.verify.evidence.manifest import Endpoint
    from sp1tee.verify.fetch.ingress import Fetched

    Handshake = tuple[Endpoint, bytes | None]


@dataclass(frozen=True, slots=True)
class Target:
    """A host, and where it is.

    Attributes:
        host: its name.
        port: the port at all of its addresses.
        addresses: as they were given or found.
        trouble: why there are none.
    """

    host: str
    port: int
    addresses: tuple[str, ...]
    trouble: VerifyError | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence files, and whether the host itself handed them out."""

    found: "tuple[Fetched, ...]" = ()
    own: bool = True


def find(text: str, connect: Sequence[str], resolver: Sequence[str], *, offline: bool) -> Target:
    """Find out where ``HOST[:PORT]`` is; raises `ConfigError`."""
    host, port = target(text)
    asked = resolvers(resolver) if resolver else ()
    if connect:
        addresses, port = places(connect, port)
        return Target(host, port, addresses)
    if offline:
        return Target(host, port, ())
    try:
        return Target(host, port, _addresses(host, asked))
    except FetchError as error:
        return Target(host, port, (), error)


def shake_hands(where: Target) -> "tuple[Handshake, ...]":
    """Take the chain of every address; trouble is recorded."""
    from sp1tee.verify.evidence.manifest import Endpoint, Trouble
    from sp1tee.verify.fetch.tls import fetch_endpoints

    if where.trouble is None:
        return fetch_endpoints(where.host, where.port, where.addresses)
    trouble, host = Trouble.of(where.trouble), where.host
    return ((Endpoint(address=host, port=where.port, server_name=host, trouble=trouble), None),)


def gather(
    where: Target, endpoints: "Sequence[Handshake]", source: str | None, *, offline: bool
) -> Evidence:
    """Take evidence files from a folder, a URL, or the host itself, where that answered.

    Raises:
        EvidenceFileError: there is no such folder.
        ConfigError: the URL is none.
    """
    from sp1tee.verify.fetch.ingress import fetch_evidence, read_folder, read_place

    if source is not None and "://" not in source:
        return Evidence(read_folder(Path(source)), own=False)
    if offline:
        return Evidence()
    addresses = _answering(where, endpoints)
    if source is None:
        return Evidence(fetch_evidence(where.host, where.port, addresses))
    try:
        there = read_place(source)
    except FetchError as error:
        raise ConfigError(error.message, advice=error.advice) from None
    if there.host == where.host:
        found = fetch_evidence(there.host, where.port, addresses, base=there.base)
        return Evidence(found)
    found = fetch_evidence(there.host, there.port, _elsewhere(there.host), base=there.base)
    return Evidence(found, own=False)


def _answering(where: Target, endpoints: "Sequence[Handshake]") -> tuple[str, ...]:
    from sp1tee.verify.fetch.tls import answering_first

    return answering_first(endpoints) if where.addresses else ()


def _addresses(host: str, asked: "Sequence[Resolver]") -> tuple[str, ...]:
    from sp1tee.verify.fetch.dns import addresses
    from sp1tee.verify.fetch.system_resolver import system_addresses

    if not asked:
        return system_addresses(host)
    found = addresses(host, asked)
    if not found:
        raise FetchError(f"No resolver knows an address of {host}.", advice="Check the name.")
    return found


def _elsewhere(host: str) -> tuple[str, ...]:
    from sp1tee.verify.fetch.system_resolver import system_addresses

    try:
        return system_addresses(host)
    except FetchError:
        return ()
