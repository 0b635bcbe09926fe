"""Attacks with evidence files, and with how they are served."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.building import ACCOUNT, LISTING, QUOTE
from sp1tee.sim.ingress.host import Host
from sp1tee.sim.ingress.replies import Reply

_MIB: Final = 1 << 20


def _listing(change: Callable[[bytes], bytes]) -> Callable[[Host], Host]:
    """Write sha256sum.txt otherwise, and have that quoted."""
    return lambda host: host.twisted(listing=change)


def _file(name: str, reply: Reply) -> Callable[[Host], Host]:
    """Serve something else as a file."""
    return lambda host: host.twisted(evidence=lambda files: {**files, name: reply})


def _quote_json(change: Callable[[bytes], bytes]) -> Callable[[Host], Host]:
    """Serve quote.json with other bytes."""

    def act(files: dict[str, Reply]) -> dict[str, Reply]:
        return {**files, QUOTE: replace(files[QUOTE], body=change(files[QUOTE].body))}

    return lambda host: host.twisted(evidence=act)


def _member(value: object) -> Callable[[Host], Host]:
    """Put something else where the quote's hex belongs."""
    return lambda host: host.twisted(quote_json=lambda answer: {**answer, "quote": value})


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda parts: {key: part for key, part in parts.items() if key != name}


def _listed_certificate_withheld(host: Host) -> Host:
    return host.twisted(evidence=_without(host.certificate_file))


def _endless_certificate(host: Host) -> Host:
    return _file(host.certificate_file, Reply(bytes(_MIB), repeat=1024))(host)


def _redirected(host: Host) -> Host:
    def act(files: dict[str, Reply]) -> dict[str, Reply]:
        to = ("location", "http://127.0.0.1:1/evidences/")
        return {name: Reply(b"", status=302, headers=(to,)) for name in files}

    return host.twisted(evidence=act)


def _bombed(host: Host) -> Host:
    body = gzip.compress(bytes(64 * _MIB), mtime=0)
    bomb = Reply(body, "application/json", headers=(("content-encoding", "gzip"),))
    return _file(QUOTE, bomb)(host)


def _line(name: str) -> bytes:
    return f"{hashlib.sha256(b'').hexdigest()}  {name}\n".encode()


def _twice(body: bytes) -> bytes:
    """Have a key twice, the quote of somebody else first."""
    return b'{"quote": "00", ' + body[1:]


_LISTINGS: Final = tuple(
    Attack(f"listing-{name}", ("3",), what, (rule,), _listing(change))
    for name, what, rule, change in (
        (
            "crlf",
            "ends lines of sha256sum.txt with CR LF",
            "ingress.listing",
            lambda text: text.replace(b"\n", b"\r\n"),
        ),
        (
            "binary-mode",
            "marks files of sha256sum.txt as binary",
            "ingress.listing",
            lambda text: text.replace(b"  ", b" *"),
        ),
        (
            "upper-case",
            "writes digests of sha256sum.txt in upper case",
            "ingress.listing",
            lambda text: b"".join(line[:64].upper() + line[64:] for line in text.splitlines(True)),
        ),
        (
            "duplicate",
            "lists a file twice",
            "ingress.listing",
            lambda text: text + _line(ACCOUNT),
        ),
        (
            "traversal",
            "lists a path out of the evidence directory",
            "ingress.listing",
            lambda text: text + _line("../etc/passwd"),
        ),
        (
            "backslash",
            "lists a path with backslashes",
            "ingress.listing",
            lambda text: text + _line("..\\cert.pem"),
        ),
        (
            "nul",
            "lists a name with a NUL byte",
            "ingress.listing",
            lambda text: text + _line("cert.pem\0.txt"),
        ),
        (
            "unknown-file",
            "lists a file that no ingress writes",
            "ingress.listing",
            lambda text: text + _line("run.sh"),
        ),
        (
            "of-thousands",
            "lists thousands of files",
            "ingress.listing",
            lambda text: text + b"".join(_line(f"cert-{n}.example.test.pem") for n in range(3000)),
        ),
        (
            "without-certificate",
            "lists no certificate",
            "ingress.certificate",
            lambda text: text.splitlines(keepends=True)[0],
        ),
    )
)
_QUOTES: Final = tuple(
    Attack(f"quote-{name}", ("9",), what, ("quote.format",), act)
    for name, what, act in (
        ("empty", "serves an empty quote.json", _quote_json(lambda _: b"")),
        (
            "error-text",
            "serves an error page as quote.json",
            _quote_json(lambda _: b"<html>502 Bad Gateway</html>"),
        ),
        (
            "error-json",
            "serves an error object as quote.json",
            _quote_json(lambda _: json.dumps({"error": "no socket"}).encode()),
        ),
        ("twice", "has two quotes in quote.json", _quote_json(_twice)),
        (
            "nan",
            "has NaN in quote.json",
            _quote_json(lambda body: b'{"nan": NaN, ' + body[1:]),
        ),
        (
            "truncated",
            "serves half of quote.json",
            _quote_json(lambda body: body[: len(body) // 2]),
        ),
        ("not-hex", "has a quote that is not hex", _member("quote " * 100)),
        ("a-number", "has a number for a quote", _member(4)),
    )
)
ATTACKS: Final = (
    *_LISTINGS,
    *_QUOTES,
    Attack(
        "listed-file-withheld",
        ("3",),
        "does not serve the certificate that it lists",
        ("ingress.files",),
        _listed_certificate_withheld,
    ),
    Attack(
        "listed-file-altered",
        ("3",),
        "serves another account than it lists",
        ("ingress.digests",),
        _file(ACCOUNT, Reply(b'{"uri": "https://acme-v02.api.letsencrypt.org/acme/acct/1"}')),
    ),
    Attack(
        "endless-file",
        ("3", "7"),
        "serves a gigabyte as the certificate",
        ("ingress.files",),
        _endless_certificate,
    ),
    Attack(
        "slow-file",
        ("3", "7"),
        "serves sha256sum.txt a byte every ten seconds",
        ("ingress.listing",),
        _file(LISTING, Reply(bytes(1000), pause=10.0)),
    ),
    Attack(
        "redirect",
        ("7",),
        "redirects whoever asks for evidence",
        ("ingress.listing",),
        _redirected,
    ),
    Attack(
        "bomb",
        ("7",),
        "serves a quote.json that unpacks to 64 MiB",
        ("quote.format",),
        _bombed,
    ),
)
