"""Every server of a running host, asked by ordinary clients."""

import asyncio
import gzip
import hashlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dcap_qvl
import dns.message
import dns.query
import dns.rdatatype
import pytest
import requests
import urllib3

from sp1tee.errors import ConfigError
from sp1tee.sim.ingress import Host, Ports, Served, SimIngress, attacked, build, reader
from sp1tee.sim.ingress.webpki import der

pytestmark = pytest.mark.anyio

HONEST = Host(at=1_790_000_000)
NOW = Host(at=int(time.time()))


@pytest.fixture(scope="module")
def served() -> Served:
    """TLS clients look at the clock, so this host is one of today."""
    return build(NOW)


@pytest.fixture
async def running(served: Served) -> AsyncIterator[SimIngress]:
    async with SimIngress(served) as host:
        yield host


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(reader.files(NOW)["ca.pem"])
    return path


async def called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return await asyncio.to_thread(function, *arguments, **named)


def evidence(running: SimIngress, address: str, path: str, ca: Path) -> urllib3.BaseHTTPResponse:
    """Fetch from one address as a browser does: with SNI, name and CA checked."""
    name = running.served.host.name
    with urllib3.HTTPSConnectionPool(
        address,
        running.port,
        server_hostname=name,
        assert_hostname=name,
        ca_certs=str(ca),
        retries=False,
    ) as pool:
        return pool.request("GET", path, decode_content=False, redirect=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
async def test_evidence_is_served_at_every_address(
    running: SimIngress, ca: Path, address: str
) -> None:
    for name, reply in running.served.evidence.items():
        got = await called(evidence, running, address, f"/evidences/{name}", ca)
        assert (got.status, got.data) == (200, reply.body)
        assert got.version_string == "HTTP/1.1"
        assert got.headers["connection"] == "close"
    index = await called(evidence, running, address, "/evidences/", ca)
    assert b"sha256sum.txt" in index.data


async def test_what_is_not_there_is_not_found(running: SimIngress, ca: Path) -> None:
    got = await called(evidence, running, "127.0.0.1", "/evidences/other", ca)
    assert got.status == 404


async def test_the_served_leaf_is_the_attested_one(running: SimIngress, ca: Path) -> None:
    def leaf() -> bytes | None:
        context = ssl.create_default_context(cafile=str(ca))
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", running.port)) as plain,
            context.wrap_socket(plain, server_hostname=running.served.host.name) as secure,
        ):
            assert secure.selected_alpn_protocol() == "http/1.1"
            return secure.getpeercert(binary_form=True)

    assert await called(leaf) == der(running.served.chains["127.0.0.1"])


async def test_info_is_a_string_of_json_in_json(running: SimIngress) -> None:
    answer = await called(requests.get, running.info_url, timeout=10)
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert isinstance(told["tcb_info"], str)
    composed = json.loads(told["tcb_info"])["app_compose"]
    assert told["compose_hash"] == hashlib.sha256(composed.encode()).hexdigest()


async def test_the_pccs_serves_dcap_qvls_own_client(running: SimIngress) -> None:
    answer = json.loads(running.served.evidence["quote.json"].body)
    quote = bytes.fromhex(answer["quote"])
    collateral = await dcap_qvl.get_collateral(running.pccs_url, quote)
    report = dcap_qvl.verify_with_root_ca(quote, collateral, NOW.intel.root_der, NOW.at)
    assert report.status == "UpToDate"


async def test_the_pccs_knows_no_other_kind_of_machine(running: SimIngress) -> None:
    url = f"{running.pccs_url}/tdx/certification/v4/tcb?fmspc="
    assert (await called(requests.get, url + "B0C06F000000", timeout=10)).status_code == 200
    assert (await called(requests.get, url + "00906ED50000", timeout=10)).status_code == 404


async def test_images_are_served_by_digest_and_tag_and_hash_to_their_pins(
    running: SimIngress,
) -> None:
    [base] = running.registries.values()
    assert (await called(requests.get, f"{base}/v2/", timeout=10)).status_code == 200
    for image in NOW.images:
        url = f"{base}/v2/{image.repository}/manifests"
        got = await called(requests.get, f"{url}/{image.top.digest}", timeout=10)
        assert f"sha256:{hashlib.sha256(got.content).hexdigest()}" == image.top.digest
        assert got.headers["docker-content-digest"] == image.top.digest
        assert got.headers["content-type"] == got.json()["mediaType"]
        head = await called(requests.head, f"{url}/latest", timeout=10)
        assert head.headers["docker-content-digest"] == image.top.digest
        assert head.content == b""


@pytest.mark.parametrize("ask", [dns.query.udp, dns.query.tcp])
async def test_every_resolver_answers_over_udp_and_tcp(
    running: SimIngress, ask: Callable[..., dns.message.Message]
) -> None:
    for resolver in running.resolvers:
        address, _, port = resolver.partition(":")
        query = dns.message.make_query(NOW.name, "CAA", want_dnssec=True)
        reply = await called(ask, query, address, port=int(port), timeout=10)
        [rrset] = reply.answer
        assert {rdata.tag for rdata in rrset} == {b"issue", b"issuewild"}
        assert all(NOW.account.encode() in rdata.value for rdata in rrset)


async def test_the_name_has_the_addresses_that_are_served(running: SimIngress) -> None:
    address, _, port = running.resolvers[0].partition(":")
    query = dns.message.make_query(NOW.name, "A")
    reply = await called(dns.query.udp, query, address, port=int(port), timeout=10)
    assert {rdata.address for rdata in reply.answer[0]} == set(running.served.chains)


async def test_a_resolver_that_lies_lies_alone() -> None:
    served = build(attacked(HONEST, ["resolvers-disagree"]))
    async with SimIngress(served) as running:
        seen = []
        for resolver in running.resolvers:
            address, _, port = resolver.partition(":")
            query = dns.message.make_query(HONEST.name, "CAA")
            reply = await called(dns.query.udp, query, address, port=int(port), timeout=10)
            seen.append(len(reply.answer[0]))
        assert seen == [2, 1]


async def test_a_redirect_and_a_bomb_are_served_as_such(ca: Path) -> None:
    served = build(attacked(NOW, ["redirect"]))
    async with SimIngress(served) as running:
        got = await called(evidence, running, "127.0.0.1", "/evidences/sha256sum.txt", ca)
        assert got.status == 302
        assert got.headers["location"].startswith("http://")
    served = build(attacked(NOW, ["bomb"]))
    async with SimIngress(served) as running:
        got = await called(evidence, running, "127.0.0.1", "/evidences/quote.json", ca)
        assert got.headers["content-encoding"] == "gzip"
        assert len(gzip.decompress(got.data)) == 64 << 20


async def test_an_endless_file_says_its_size_and_can_be_left(ca: Path) -> None:
    served = build(attacked(NOW, ["endless-file"]))

    def begin(running: SimIngress) -> tuple[str, int]:
        name = running.served.host.name
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            running.port,
            server_hostname=name,
            assert_hostname=name,
            ca_certs=str(ca),
        ) as pool:
            path = f"/evidences/{running.served.host.certificate_file}"
            got = pool.request("GET", path, preload_content=False)
            size = len(got.read(4096))
            got.close()
            return got.headers["content-length"], size

    async with SimIngress(served) as running:
        assert await called(begin, running) == (str(1 << 30), 4096)


async def test_whoever_hangs_up_or_speaks_nonsense_harms_nobody(
    running: SimIngress, ca: Path
) -> None:
    for port, nonsense in ((running.port, b"GET / HTTP/1.1\r\n\r\n"), (_port(running), b"\0" * 99)):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(nonsense)
        writer.close()
    got = await called(evidence, running, "127.0.0.1", "/evidences/quote.json", ca)
    assert got.status == 200


def _port(running: SimIngress) -> int:
    return int(running.pccs_url.rpartition(":")[2])


async def test_a_port_that_is_taken_is_said_so(running: SimIngress, served: Served) -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        await SimIngress(served, Ports(pccs=_port(running))).__aenter__()
