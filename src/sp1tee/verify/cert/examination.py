"""What addresses presented, and how it compares with the attested certificate."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, VerifyError
from sp1tee.verify.cert import scts
from sp1tee.verify.cert.certificates import Certificate, read_certificate
from sp1tee.verify.cert.ct_logs import LogList
from sp1tee.verify.cert.roots import Roots
from sp1tee.verify.cert.scts import Sct
from sp1tee.verify.cert.webpki import issuer_of, trouble_of_path
from sp1tee.verify.evidence.manifest import Endpoint, IngressFile, Trouble
from sp1tee.verify.ingress.chain import read_chain

Chain = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class Presented:
    """What one address presented.

    Attributes:
        address: address and port, as written in a report.
        chain: its certificates, the leaf first; empty if there are none that can be read.
        error: why there are none.
    """

    address: str
    chain: Chain
    error: VerifyError | None

    @property
    def leaf(self) -> Certificate | None:
        """The served leaf."""
        return self.chain[0] if self.chain else None


@dataclass(frozen=True, slots=True)
class Path:
    """A chain that somebody presented, judged by the rules of the web.

    Attributes:
        who: the addresses that presented it, or the evidence.
        chain: the leaf first.
        trouble: why it leads to no trusted CA; None: it does.
        scts: the timestamps that its leaf carries.
        scts_error: why they can't be read.
    """

    who: str
    chain: Chain = field(repr=False)
    trouble: str | None
    scts: tuple[Sct, ...]
    scts_error: VerifyError | None

    @property
    def leaf(self) -> Certificate:
        """The leaf."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class CertFacts:
    """Everything about a host's certificate.

    Attributes:
        host: the host's name.
        at: the time it was judged for, Unix seconds.
        attested: the certificate that the evidence lists, or why there is none.
        presented: what each address presented.
        files: the evidence files that came.
        paths: each different chain, once; the evidence's if no address presented any.
        roots: which CAs were trusted.
        logs: which CT logs were trusted.
    """

    host: str
    at: int
    attested: Certificate | None
    attested_error: VerifyError | None
    presented: tuple[Presented, ...]
    files: tuple[IngressFile, ...]
    paths: tuple[Path, ...]
    roots: Roots = field(repr=False)
    logs: LogList = field(repr=False)

    @property
    def brought(self) -> tuple[IngressFile, ...]:
        """The evidence files that came over a connection of their own."""
        return tuple(file for file in self.files if file.address is not None)

    @property
    def leaf(self) -> Certificate | None:
        """The attested leaf or else the first one that was served."""
        return self.attested or (self.paths[0].leaf if self.paths else None)


def examine(
    endpoints: Sequence[tuple[Endpoint, bytes | None]],
    brought: Sequence[IngressFile],
    *,
    chain: Sequence[bytes] | None,
    host: str,
    at: int,
    roots: Roots,
    logs: LogList,
) -> CertFacts:
    """Compare what a host presents with what its evidence says.

    Args:
        endpoints: what each address presented, with the PEM file of its chain.
        brought: the evidence files, for the leaves of the connections that brought them.
        chain: the host's certificates in the evidence as DER, the leaf first; None: there are none.
        host: the host name, in lower case.
        at: the time to judge for, Unix seconds.
        roots: which CAs are trusted, see `public_roots` and `read_roots`.
        logs: which CT logs are trusted, see `shipped_logs` and `read_logs`.
    """
    presented = tuple(_presented(record, pem, host) for record, pem in endpoints)
    attested, error = _attested(chain)
    paths = tuple(
        _path(who, one, host=host, roots=roots, logs=logs, at=at)
        for who, one in _chains(presented, attested)
    )
    return CertFacts(
        host=host,
        at=at,
        attested=attested[0] if attested else None,
        attested_error=error,
        presented=presented,
        files=tuple(brought),
        paths=paths,
        roots=roots,
        logs=logs,
    )


def _presented(record: Endpoint, pem: bytes | None, host: str) -> Presented:
    address = at_port(record.address, record.port)
    if record.server_name != host:
        why = f"{address} was asked for another host's certificate than that of {host}."
        return Presented(address, (), EvidenceMalformed(why))
    if pem is None:
        return Presented(address, (), _missing(record.trouble, address))
    try:
        ders = read_chain(pem, f"What {address} presented")
        return Presented(address, _read(ders, f"What {address} presented"), None)
    except VerifyError as error:
        return Presented(address, (), error)


def _missing(trouble: Trouble | None, address: str) -> VerifyError:
    why = f"{address} presented no certificate." if trouble is None else trouble.message
    return EvidenceMissing(why)


def _attested(chain: Sequence[bytes] | None) -> tuple[Chain, VerifyError | None]:
    if not chain:
        return (), EvidenceMissing("The evidence has no certificate of this host.")
    try:
        return _read(chain, "The certificate in the evidence"), None
    except VerifyError as error:
        return (), error


def _read(ders: Sequence[bytes], what: str) -> Chain:
    return tuple(read_certificate(der, what) for der in ders)


def _chains(presented: Sequence[Presented], attested: Chain) -> list[tuple[str, Chain]]:
    """List each different chain once, with everybody who presented it."""
    found: dict[tuple[bytes, ...], tuple[list[str], Chain]] = {}
    for one in presented:
        if one.chain:
            key = tuple(certificate.der for certificate in one.chain)
            found.setdefault(key, ([], one.chain))[0].append(one.address)
    if not found and attested:
        return [("evidence", attested)]
    return [(", ".join(addresses), chain) for addresses, chain in found.values()]


def _path(who: str, chain: Chain, *, host: str, roots: Roots, logs: LogList, at: int) -> Path:
    leaf, others = chain[0], chain[1:]
    trouble = trouble_of_path(leaf, others, host, roots, at=at)
    issuer = issuer_of(leaf, others, roots)
    try:
        found = scts.check(leaf.parsed, issuer, logs, at=at)
    except VerifyError as error:
        return Path(who, chain, trouble, (), error)
    return Path(who, chain, trouble, found, None)


def at_port(address: str, port: int) -> str:
    """Write an address with its port."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
