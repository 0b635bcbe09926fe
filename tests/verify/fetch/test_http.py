"""One HTTP exchange with somebody who may be hostile. Every peer here is a real socket."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from support.tls_servers import raw_server

from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.verify.fetch.http import get, post

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-Name: v\r\n\r\nhello"


@contextmanager
def peer(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve connections one after the other; yields the base URL."""

    def secured(connection: socket.socket) -> None:
        assert tls is not None
        with tls.wrap_socket(connection, server_side=True) as wrapped:
            serve(wrapped)

    with raw_server(serve if tls is None else secured) as port:
        yield f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"


def answering(answer: bytes, seen: list[bytes] | None = None) -> Serve:
    def serve(connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := connection.recv(65536)):
                return
            request += part
        if seen is not None:
            seen.append(request)
        connection.sendall(answer)

    return serve


def endless(head: bytes, part: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        while True:
            connection.sendall(part)

    return serve


def test_an_answer_is_its_status_headers_and_body() -> None:
    with peer(answering(OK)) as url:
        answer = get(url + "/a", limit=5)
    assert (answer.status, answer.body, answer.headers["x-name"]) == (200, b"hello", "v")
    assert "hello" not in repr(answer)


def test_the_environment_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy, nor a CA file, nor a password from a netrc file comes from outside."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    for name, value in {
        "http_proxy": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "NETRC": str(tmp_path / ".netrc"),
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    seen: list[bytes] = []
    with peer(answering(OK, seen)) as url:
        assert get(url, limit=5).status == 200
    assert b"authorization" not in seen[0].lower()
    assert b"accept-encoding: identity" in seen[0].lower()


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    seen: list[bytes] = []
    with peer(
        answering(b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n", seen)
    ) as url:
        assert get(url, limit=5).status == 302
    assert len(seen) == 1


def test_a_body_is_taken_as_it_was_sent_whatever_its_encoding_says() -> None:
    bomb = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with peer(answering(bomb)) as url:
        assert get(url, limit=4).body == b"\x1f\x8b\x08\x00"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"1000\r\n" + b"x" * 4096 + b"\r\n",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 302 Found\r\nlocation: /b\r\n\r\n", b"x" * 65536),
    ],
)
def test_an_endless_body_ends_at_the_limit(head: bytes, part: bytes) -> None:
    with peer(endless(head, part)) as url, pytest.raises(EvidenceTooLarge, match="more than 1000"):
        get(url, limit=1000)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b""])
def test_endless_headers_are_refused(head: bytes) -> None:
    with peer(endless(head, b"a: b\r\n" * 1000)) as url, pytest.raises(FetchError):
        get(url, limit=10)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\na:", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nx"],
    ids=["nothing", "half a header", "half a body"],
)
def test_silence_and_dripping_end_with_the_deadline(said: bytes) -> None:
    """A peer that sends a byte now and then would keep any timeout of a socket from coming."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)
        while not over.wait(0.02):
            connection.sendall(b"x" if said else b"")

    with peer(drip) as url:
        with pytest.raises(FetchError, match="in time"):
            get(url, limit=10**9, seconds=0.4)
        over.set()


def test_a_tls_handshake_that_never_ends_ends_with_the_deadline() -> None:
    over = threading.Event()

    def silent(connection: socket.socket) -> None:
        over.wait()

    with peer(silent) as url:
        with pytest.raises(FetchError, match="in time"):
            get(url.replace("http://127.0.0.1", "https://127.0.0.1"), limit=10, seconds=0.3)
        over.set()


def test_tls_is_checked_against_the_roots_that_are_given(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with peer(answering(OK), tls) as url:
        assert get(url, limit=5, roots=tmp_path / "ca.pem").status == 200
        with pytest.raises(FetchError, match="certificate"):
            get(url, limit=5)


def test_a_body_is_posted_with_its_type() -> None:
    seen: list[bytes] = []
    with peer(answering(OK, seen)) as url:
        post(url, b"query", content_type="application/dns-message", limit=5)
    assert b"POST / HTTP/1.1" in seen[0]
    assert b"content-type: application/dns-message" in seen[0].lower()


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_told_as_that(answer: bytes) -> None:
    with peer(answering(answer)) as url, pytest.raises(FetchError, match=r"can be read|hung up"):
        get(url, limit=1000)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "without TLS"),
        ("ftp://localhost/", "no http"),
        ("file:///etc/passwd", "no http"),
        ("https://user:secret@localhost/", "password"),
        ("https://", "no http"),
        ("https://[::1", "no URL"),
        ("https://localhost:99999/", "no URL"),
        ("", "no http"),
    ],
)
def test_addresses_that_are_not_asked(url: str, reason: str) -> None:
    with pytest.raises(FetchError, match=reason) as caught:
        get(url, limit=1)
    assert "secret" not in str(caught.value)


def test_nobody_there_is_told_as_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FetchError, match="cannot be reached"):
        get(f"http://127.0.0.1:{port}", limit=1)
