"""A real authoritative server (Knot DNS) and a real validating resolver (Unbound) on loopback.

``signed.test`` is signed, and the resolver has its key; ``plain.test`` is not signed;
``bogus.test`` is not signed either, but the resolver has a key for it, so that it can prove nothing.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
import trustme

ACCOUNT = "https://acme-v02.api.letsencrypt.org/acme/acct/1234"
APP_ID = "9b78cf8400112233445566778899aabbccddeb93"
TIGHT = f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01"

_HEAD = "@ 300 IN SOA ns.test. admin.test. 1 3600 600 86400 60\n@ 300 IN NS ns.test.\n"
ZONES = {
    "test": "ns 300 IN A 127.0.0.1\n"
    + "".join(f"{zone} 300 IN NS ns.test.\n" for zone in ("signed", "plain", "bogus")),
    "signed.test": f"""
@ 300 IN CAA 0 issue "{TIGHT}"
tee 300 IN A 127.0.0.1
tee 300 IN A 127.0.0.2
tee 300 IN AAAA ::1
tee 120 IN CAA 0 issue "{TIGHT}"
_dstack-app-address.tee 60 IN TXT "{APP_ID}:443"
elsewhere 300 IN A 127.0.0.1
_dstack-app-address.elsewhere 60 IN TXT "{"00" * 20}:443"
loose 300 IN CAA 0 issue "{TIGHT}"
loose 300 IN CAA 0 issue "other.example"
alias 300 IN CNAME target.plain.test.
onward 300 IN CNAME bare.plain.test.
moved 300 IN DNAME there.plain.test.
*.wild 300 IN CAA 0 issue "{TIGHT}"
many 300 IN A 127.0.0.1
"""
    + "".join(f'many 300 IN CAA 0 issue "ca-{n:03}.example; note={"x" * 60}"\n' for n in range(60)),
    "plain.test": f"""
tee 300 IN CAA 0 issue "{TIGHT}"
target 300 IN CAA 0 issue "other.example"
bare 300 IN A 127.0.0.1
x.there 300 IN CAA 0 issue "other.example"
""",
    "bogus.test": f'tee 300 IN CAA 0 issue "{TIGHT}"\n',
}


@dataclass(frozen=True)
class RealDns:
    """Running servers.

    Attributes:
        authority: the authoritative server, as a resolver is written.
        resolver: the validating resolver, over UDP and TCP.
        tls: the same over TLS.
        ca: the PEM file of the CA that its certificate is of.
    """

    authority: str
    resolver: str
    tls: str
    ca: Path


@contextmanager
def running_dns(folder: Path) -> Iterator[RealDns]:
    """Start both servers, or skip the test."""
    knot, unbound = _program("knotd", "knot"), _program("unbound", "unbound")
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(_process([knot, "-c", str(_knot(folder, port))], folder / "knot.log"))
        key = _signing_key(port)
        conf, plain, tls = _unbound(folder, port, key)
        stack.enter_context(_process([unbound, "-d", "-c", str(conf)], folder / "unbound.log"))
        _wait(lambda: _asked(plain, "tee.signed.test", "CAA").rcode() == dns.rcode.NOERROR)
        yield RealDns(
            f"127.0.0.1:{port}",
            f"127.0.0.1:{plain}",
            f"tls://127.0.0.1:{tls}#dns.test",
            folder / "ca.pem",
        )


def free_port() -> int:
    """Find a port that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def _knot(folder: Path, port: int) -> Path:
    for zone, records in ZONES.items():
        (folder / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n{_HEAD}{records}")
    signing = "    dnssec-signing: on\n    dnssec-policy: one\n"
    zones = "".join(
        f"  - domain: {zone}\n{signing if zone == 'signed.test' else ''}" for zone in ZONES
    )
    conf = folder / "knot.conf"
    conf.write_text(
        f"server:\n    listen: 127.0.0.1@{port}\n    rundir: {folder}\n"
        "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {folder}\n"
        "log:\n  - target: stderr\n    any: info\n"
        "policy:\n  - id: one\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n"
        f"template:\n  - id: default\n    storage: {folder}\n    zonefile-sync: -1\n"
        f"    journal-content: none\nzone:\n{zones}"
    )
    return conf


def _unbound(folder: Path, authority: int, key: str) -> tuple[Path, int, int]:
    plain, tls = free_port(), free_port()
    _certificate(folder)
    stubs = "".join(
        f"stub-zone:\n  name: {zone}\n  stub-addr: 127.0.0.1@{authority}\n  stub-no-cache: yes\n"
        for zone in ZONES
    )
    anchors = f'  trust-anchor: "{key}"\n  trust-anchor: "bogus.test. DS 1 13 2 {"ab" * 32}"\n'
    conf = folder / "unbound.conf"
    conf.write_text(
        f'server:\n  directory: "{folder}"\n  chroot: ""\n  username: ""\n  pidfile: ""\n'
        f"  interface: 127.0.0.1@{plain}\n  interface: 127.0.0.1@{tls}\n  tls-port: {tls}\n"
        f'  tls-service-key: "{folder}/key.pem"\n  tls-service-pem: "{folder}/chain.pem"\n'
        "  do-not-query-localhost: no\n  use-syslog: no\n  num-threads: 1\n  ede: yes\n"
        '  module-config: "validator iterator"\n  local-zone: "test." nodefault\n'
        f"  access-control: 127.0.0.0/8 allow\n{anchors}{stubs}"
    )
    return conf, plain, tls


def _certificate(folder: Path) -> None:
    ca = trustme.CA()
    issued = ca.issue_cert("dns.test")
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(folder / "chain.pem"), append=True)


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _signing_key(port: int) -> str:
    def published() -> bool:
        answer = _asked(port, "signed.test", "DNSKEY").answer
        return any(rr.rdtype == dns.rdatatype.RRSIG for rr in answer)

    _wait(published)
    answer = _asked(port, "signed.test", "DNSKEY").answer
    key = next(rr[0] for rr in answer if rr.rdtype == dns.rdatatype.DNSKEY)
    return f"signed.test. DNSKEY {key.to_text()}"


def _asked(port: int, name: str, kind: str) -> dns.message.Message:
    query = dns.message.make_query(name, kind, want_dnssec=True)
    return dns.query.tcp(query, "127.0.0.1", timeout=2, port=port)


def _wait(ready: object, seconds: float = 20) -> None:
    assert callable(ready)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError, EOFError, dns.exception.DNSException):
            if ready():
                return
        time.sleep(0.02)
    pytest.fail("the DNS servers did not start")
