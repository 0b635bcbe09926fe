"""Fetching evidence from hosts that may be hostile. Every host here is a real TLS server."""

import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support.ingress_files import evidence
from support.scts import Authority, Issued
from support.tls_servers import Serve, always, answer, context_of, files, tls_server

from sp1tee.errors import EvidenceFileError, FetchError
from sp1tee.verify.fetch.ingress import (
    Fetched,
    bodies,
    fetch_evidence,
    read_folder,
    read_place,
)

HOST = "tee.example.com"
CERT = f"cert-{HOST}.pem"


@cache
def ca() -> Authority:
    return Authority()


@cache
def good() -> Issued:
    return ca().issue(HOST)


def directory(issued: Issued | None = None) -> dict[str, bytes]:
    return {**evidence({CERT: (issued or good()).pem}), "quote.json": b"{}", "info.json": b"{}"}


def fetched(serve: Serve, *, seconds: float = 20, **options: object) -> tuple[Fetched, ...]:
    with tls_server(good(), serve, **options) as server:  # type: ignore[arg-type]
        return fetch_evidence(HOST, server.port, ["127.0.0.1"], seconds=seconds)


def troubles(found: tuple[Fetched, ...]) -> dict[str, str]:
    return {record.name: record.trouble.message for record, _ in found if record.trouble}


def test_the_list_the_quote_and_what_is_listed_are_fetched():
    with tls_server(good(), files(directory())) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.1", "127.0.0.9"])
    assert [record.name for record, _ in found] == [
        "sha256sum.txt",
        "quote.json",
        "acme-account.json",
        CERT,
    ]
    assert bodies(found) == {k: v for k, v in directory().items() if k != "info.json"}
    assert {record.address for record, _ in found} == {"127.0.0.1"}
    assert found[0][0].url == f"https://{HOST}:{server.port}/evidences/sha256sum.txt"


def test_an_address_that_nobody_answers_at_keeps_no_evidence_away():
    with tls_server(good(), files(directory())) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.9", "::1", "127.0.0.1"])
    assert not troubles(found)
    assert {record.address for record, _ in found} == {"127.0.0.1"}


def test_an_address_that_answers_without_evidence_is_not_passed_over():
    with (
        tls_server(good(), files({})) as first,
        tls_server(good(), files(directory()), address="127.0.0.2", port=first.port),
    ):
        found = fetch_evidence(HOST, first.port, ["127.0.0.1", "127.0.0.2"])
    assert set(troubles(found).values()) == {"127.0.0.1 answers with HTTP 404."}


def test_if_nobody_answers_anywhere_it_is_told_of_the_first_address():
    with tls_server(good(), files({})) as gone:
        pass
    found = fetch_evidence(HOST, gone.port, ["127.0.0.1", "::1"])
    assert bodies(found) == {}
    assert all("127.0.0.1" in message for message in troubles(found).values())


def test_attack_07_each_file_comes_over_a_connection_of_its_own():
    with tls_server(good(), files(directory())) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.1"])
    assert server.connections == len(found) == 4
    assert set(server.names) == {HOST}


def test_attack_19_the_leaf_of_each_connection_is_recorded():
    found = fetched(files(directory()))
    assert {record.leaf_sha256 for record, _ in found} == {good().leaf_sha256}


def test_another_directory_can_be_named():
    with tls_server(good(), files(directory(), base="/other/")) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.1"], base="/other/")
    assert not troubles(found)


def test_a_wildcard_certificate_s_name_is_asked_for_as_it_is():
    wild = ca().issue("*.example.com")
    served = {**evidence({"cert-*.example.com.pem": wild.pem}), "quote.json": b"{}"}
    with tls_server(wild, files(served)) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.1"])
    assert not troubles(found)
    assert "/evidences/cert-*.example.com.pem" in server.asked


def test_attack_03_names_that_no_ingress_writes_are_never_asked_for():
    served = {"sha256sum.txt": b"ab" * 32 + b"  ../../etc/passwd\n", "quote.json": b""}
    with tls_server(good(), files(served)) as server:
        found = fetch_evidence(HOST, server.port, ["127.0.0.1"])
    assert [record.name for record, _ in found] == ["sha256sum.txt", "quote.json"]
    assert server.asked == ["/evidences/sha256sum.txt", "/evidences/quote.json"]


def test_a_file_that_is_not_there_is_recorded_as_trouble():
    served = directory()
    del served["acme-account.json"]
    found = fetched(files(served))
    assert troubles(found) == {"acme-account.json": "127.0.0.1 answers with HTTP 404."}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
def test_attack_07_redirects_are_not_followed(status: str):
    found = fetched(always(answer(b"", status, "Location: https://evil.example/x")))
    assert all("redirects" in message for message in troubles(found).values())
    assert len(found) == 2


def test_attack_07_an_encoded_answer_is_refused_undecoded():
    found = fetched(always(answer(b"\x1f\x8b" + bytes(99), "200 OK", "Content-Encoding: gzip")))
    assert all("encodes" in message for message in troubles(found).values())


def endless(secure: ssl.SSLSocket, path: str) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        secure.sendall(bytes(65536))


def chunked(secure: ssl.SSLSocket, path: str) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1600):
        secure.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")


def until_closed(secure: ssl.SSLSocket, path: str) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1600):
        secure.sendall(bytes(65536))


@pytest.mark.parametrize("serve", [endless, chunked, until_closed])
def test_attack_03_a_body_of_100_mb_is_cut_off_and_memory_stays_small(serve: Serve):
    with tls_server(good(), serve) as server:
        tracemalloc.start()
        try:
            found = fetch_evidence(HOST, server.port, ["127.0.0.1"])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert all("more than" in message for message in troubles(found).values())
    assert peak < 20_000_000


def headers_without_end(secure: ssl.SSLSocket, path: str) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        secure.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")


def interim_without_end(secure: ssl.SSLSocket, path: str) -> None:
    while True:
        secure.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)


def cut_off(secure: ssl.SSLSocket, path: str) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")


def hangs_up(secure: ssl.SSLSocket, path: str) -> None:
    secure.close()


@pytest.mark.parametrize(
    "serve",
    [
        headers_without_end,
        interim_without_end,
        cut_off,
        hangs_up,
        always(b"SSH-2.0-OpenSSH\r\n\r\n"),
        always(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        always(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"),
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        always(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        always(b"\0" * 100_000),
    ],
    ids=[
        "headers", "interim", "cut off", "hang-up", "ssh", "length x", "length 9…", "two lengths",
        "101", "zeros",
    ],
)  # fmt: skip
def test_attack_07_an_answer_that_is_no_proper_http_is_recorded_as_trouble(serve: Serve):
    found = fetched(serve)
    assert set(troubles(found)) == {"sha256sum.txt", "quote.json"}
    assert bodies(found) == {}


def test_attack_03_a_body_that_drips_ends_with_the_time_that_was_given():
    over = threading.Event()

    def drip(secure: ssl.SSLSocket, path: str) -> None:
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(0.02):
            secure.sendall(b"a")

    found = fetched(drip, seconds=0.4)
    over.set()
    assert "too long" in troubles(found)["sha256sum.txt"]


def test_attack_07_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert not troubles(fetched(files(directory())))


def test_attack_07_a_server_that_routes_http2_only_gives_no_evidence():
    found = fetched(always(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)), alpn=("h2",))
    assert set(troubles(found)) == {"sha256sum.txt", "quote.json"}


def renewal(server_of: list[object], stages: Iterator[tuple[Issued, dict[str, bytes]]]) -> Serve:
    """Exchange the certificate and the files when the list is asked for."""

    def serve(secure: ssl.SSLSocket, path: str) -> None:
        server = server_of[0]
        if path.endswith("sha256sum.txt"):
            issued, served = next(stages)
            server.context = context_of(issued)  # type: ignore[attr-defined]
            server_of[1:] = [served]
        files(server_of[1])(secure, path)  # type: ignore[arg-type]

    return serve


def through(*stages: tuple[Issued, dict[str, bytes]]) -> tuple[tuple[Fetched, ...], int]:
    server_of: list[object] = []
    with tls_server(good(), renewal(server_of, iter(stages))) as server:
        server_of.append(server)
        found = fetch_evidence(HOST, server.port, ["127.0.0.1"])
        return found, server.connections


def test_attack_05_a_renewal_between_files_is_waited_for_once():
    renewed = ca().issue(HOST)
    found, connections = through((renewed, directory()), (renewed, directory(renewed)))
    assert bodies(found) == {k: v for k, v in directory(renewed).items() if k != "info.json"}
    assert {record.leaf_sha256 for record, _ in found} == {renewed.leaf_sha256}
    assert connections == 8


def test_attack_05_a_leaf_that_stays_different_is_recorded_as_it_is():
    renewed = ca().issue(HOST)
    found, connections = through((renewed, directory()), (renewed, directory()))
    assert connections == 8
    assert {record.leaf_sha256 for record, _ in found} == {renewed.leaf_sha256}
    assert bodies(found)[CERT] == good().pem


def test_a_file_that_changes_between_list_and_file_is_fetched_again():
    class Changing(dict[str, bytes]):
        asked = 0

        def __getitem__(self, name: str) -> bytes:
            self.asked += name == CERT
            return b"changing" if name == CERT and self.asked == 1 else super().__getitem__(name)

    found = fetched(files(Changing(directory())))
    assert bodies(found)[CERT] == good().pem


def test_without_an_address_there_is_one_record_with_trouble():
    found = fetch_evidence(HOST, 443, [])
    assert troubles(found) == {"sha256sum.txt": f"{HOST} has no address."}


def test_a_folder_is_read_like_a_host(tmp_path: Path):
    for name, body in directory().items():
        (tmp_path / name).write_bytes(body)
    found = read_folder(tmp_path)
    assert bodies(found) == {k: v for k, v in directory().items() if k != "info.json"}
    assert all(record.address is None and record.url.startswith("file:") for record, _ in found)


def test_attack_03_huge_and_missing_files_of_a_folder_are_recorded_as_trouble(tmp_path: Path):
    for name, body in directory().items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / CERT).write_bytes(b"a" * 200_000)
    (tmp_path / "quote.json").unlink()
    assert set(troubles(read_folder(tmp_path))) == {CERT, "quote.json"}


def test_a_folder_that_is_none_is_a_usage_error(tmp_path: Path):
    with pytest.raises(EvidenceFileError):
        read_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://tee.example.com", ("tee.example.com", 443, "/")),
        ("https://TEE.example.com/evidences", ("tee.example.com", 443, "/evidences/")),
        ("https://tee.example.com:8443/a/b/", ("tee.example.com", 8443, "/a/b/")),
    ],
)
def test_a_url_names_a_directory(url: str, place: tuple[str, int, str]):
    read = read_place(url)
    assert (read.host, read.port, read.base) == place


@pytest.mark.parametrize(
    "url",
    [
        "http://tee.example.com/evidences/",
        "https:///evidences/",
        "https://user@tee.example.com/",
        "https://tee.example.com/?a=b",
        "https://tee.example.com:99999/",
        "https://[::1/",
        "ftp://x/",
        "https://bücher.example/",
        "",
    ],
)
def test_a_url_of_anything_else_is_refused(url: str):
    with pytest.raises(FetchError):
        read_place(url)
