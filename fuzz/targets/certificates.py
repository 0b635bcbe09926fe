"""What TLS and the ingress hand out: certificates, timestamps, evidence files."""

from functools import cache

from fuzz import seeds
from fuzz.target import Target, chosen, each_way
from sp1tee.certificates import read_pem
from sp1tee.errors import VerifyError
from sp1tee.verify.cert import examine as examine_certificates
from sp1tee.verify.cert import judge as judge_certificates
from sp1tee.verify.cert.certificates import read_certificate
from sp1tee.verify.cert.ct_logs import LogList, read_logs
from sp1tee.verify.cert.roots import Roots, read_roots
from sp1tee.verify.cert.scts import check
from sp1tee.verify.evidence.manifest import Endpoint
from sp1tee.verify.ingress import examine as examine_ingress
from sp1tee.verify.ingress import judge as judge_ingress
from sp1tee.verify.ingress.account import read_account
from sp1tee.verify.ingress.chain import read_chain
from sp1tee.verify.ingress.listing import read_listing
from sp1tee.verify.ingress.names import certificate_for
from sp1tee.verify.policy.model import CertPolicy

_READ = (VerifyError,)
_NAMES = ("sha256sum.txt", "acme-account.json", f"cert-{seeds.HOST}.pem", "quote.json")


@cache
def _roots() -> Roots:
    return read_roots(seeds.trusted()["ca.pem"], "the host's CA")


@cache
def _log_list() -> LogList:
    return read_logs(seeds.trusted()["ct-logs.json"])


def _pems() -> list[bytes]:
    return [*seeds.evidence("tls/0"), seeds.trusted()["ca.pem"]]


@cache
def _ders() -> list[bytes]:
    return [der for pem in _pems() for der in read_chain(pem, "It")]


def _certificate(data: bytes) -> None:
    read = read_certificate(data, "It")
    read.covers(seeds.HOST)
    str((read.self_signed, read.staging))
    check(read.parsed, read.parsed, _log_list(), at=seeds.AT)


def _presented(data: bytes) -> None:
    """Judge what a server presents; nothing may be raised."""
    way, body = chosen(data, 2)
    endpoint = Endpoint(address="192.0.2.1", port=443, server_name=seeds.HOST)
    facts = examine_certificates(
        [(endpoint, body), (endpoint, None)],
        (),
        chain=(_ders() if way else (body,)),
        host=seeds.HOST,
        at=seeds.AT,
        roots=_roots(),
        logs=_log_list(),
    )
    judge_certificates(facts, CertPolicy(), bound=True, required=True)


def _chain(data: bytes) -> None:
    way, body = chosen(data, 2)
    if way:
        read_roots(body, "It")
    else:
        read_chain(body, "It")


def _files(data: bytes) -> None:
    """Judge evidence files; nothing may be raised."""
    held = dict(zip(_NAMES, data.split(b"\n\n\n"), strict=False))
    judge_ingress(examine_ingress(held, seeds.HOST), CertPolicy(), bound=True)


def _listing(data: bytes) -> None:
    certificate_for(seeds.HOST, read_listing(data))


TARGETS = (
    Target(
        "worker_certificate",
        ("certificates",),
        lambda data: read_pem(data.decode("latin-1")),
        (ValueError,),
        _pems,
    ),
    Target(
        "verify.certificate",
        ("verify.cert.certificates", "verify.cert.scts"),
        _certificate,
        _READ,
        _ders,
    ),
    Target(
        "verify.presented",
        ("verify.cert.examination", "verify.cert.webpki"),
        _presented,
        (),
        lambda: each_way(2, _pems()),
        size=1 << 13,
    ),
    Target(
        "verify.chain",
        ("verify.ingress.chain", "verify.cert.roots"),
        _chain,
        _READ,
        lambda: each_way(2, _pems()),
        size=1 << 13,
    ),
    Target(
        "verify.ct_logs",
        ("verify.cert.ct_logs",),
        read_logs,
        _READ,
        lambda: [seeds.trusted()["ct-logs.json"]],
        size=1 << 13,
    ),
    Target(
        "verify.ingress_files",
        ("verify.ingress.examination",),
        _files,
        (),
        lambda: [b"\n\n\n".join(seeds.evidence("ingress/0", "ingress/2", "ingress/3"))],
        size=1 << 13,
    ),
    Target(
        "verify.listing",
        ("verify.ingress.listing", "verify.ingress.names"),
        _listing,
        _READ,
        lambda: seeds.evidence("ingress/0"),
    ),
    Target(
        "verify.account",
        ("verify.ingress.account",),
        read_account,
        _READ,
        lambda: seeds.evidence("ingress/2"),
    ),
)
