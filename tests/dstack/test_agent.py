"""The guest agent's client against a synthetic agent, in both generations."""

import json
import socket as sockets
from pathlib import Path

import dcap_qvl
import pytest

from sp1tee.dstack import GuestAgent
from sp1tee.errors import AgentAway, AgentGarbled, AgentRefused, GuestAgentError
from sp1tee.sim.dstack import Generation, Misbehaviour, SimAgent, of_application
from sp1tee.sim.ingress import Host
from sp1tee.sim.pki import Offer
from sp1tee.verify.quote import read_quote

pytestmark = pytest.mark.anyio

CHALLENGE = b"drawn by whoever asks"


@pytest.mark.parametrize("generation", ["dstack", "tappd"])
async def test_a_key_belongs_to_an_application_and_a_path(
    host: Host, socket: Path, generation: Generation
) -> None:
    async with SimAgent(host, socket, generation=generation):
        key = await GuestAgent(socket).key("a")
        assert len(key) == 32
        assert await GuestAgent(socket).key("a") == key
        assert await GuestAgent(socket).key("b") != key
    async with SimAgent(of_application(host, b"another application!"), socket):
        assert await GuestAgent(socket).key("a") != key


async def test_both_generations_of_one_guest_give_the_same_key(host: Host, socket: Path) -> None:
    keys = set()
    for generation in ("dstack", "tappd"):
        async with SimAgent(host, socket, generation=generation):
            keys.add(await GuestAgent(socket).key("sp1tee/vault/v1"))
    assert len(keys) == 1


@pytest.mark.parametrize("generation", ["dstack", "tappd"])
async def test_a_quote_is_over_what_was_asked_filled_up_with_zeros(
    host: Host, socket: Path, generation: Generation
) -> None:
    async with SimAgent(host, socket, generation=generation):
        quote = await GuestAgent(socket).quote(CHALLENGE)
    assert quote.report_data == CHALLENGE.ljust(64, b"\0")
    read = read_quote(json.dumps(quote.to_json()).encode())
    assert read.raw == quote.raw
    assert read.event_log is not None
    assert read.event_log[-1]["event"] == "system-ready"
    collateral = dcap_qvl.QuoteCollateralV3.from_json(
        host.intel.collateral(Offer(at=host.at)).decode()
    )
    report = dcap_qvl.verify_with_root_ca(quote.raw, collateral, host.intel.root_der, host.at)
    assert report.status == "UpToDate"
    assert dcap_qvl.parse_quote(quote.raw).report.report_data == quote.report_data


async def test_only_newer_agents_describe_the_virtual_machine(host: Host, socket: Path) -> None:
    async with SimAgent(host, socket):
        assert "os_image_hash" in ((await GuestAgent(socket).quote(CHALLENGE)).vm_config or "")
    async with SimAgent(host, socket, generation="tappd"):
        assert (await GuestAgent(socket).quote(CHALLENGE)).vm_config is None


@pytest.mark.parametrize("generation", ["dstack", "tappd"])
async def test_an_agent_says_whose_guest_it_is(
    host: Host, socket: Path, generation: Generation
) -> None:
    async with SimAgent(host, socket, generation=generation):
        guest = await GuestAgent(socket).guest()
    assert guest.app_id == host.booted.app_id
    assert guest.instance_id == host.booted.instance_id
    assert guest.key_provider == "kms"


@pytest.mark.parametrize(
    ("misbehave", "error", "text"),
    [
        ("hang-up", AgentGarbled, "hangs up"),
        ("huge", AgentGarbled, "more than 65536 bytes"),
        ("garbage", AgentGarbled, "no JSON"),
        ("short-key", AgentGarbled, "32 bytes"),
        ("error", AgentRefused, "Failed to get quote: it is broken on demand"),
    ],
)
async def test_whatever_an_agent_does_is_told_as_an_error_of_its_own(
    host: Host, socket: Path, misbehave: Misbehaviour, error: type[GuestAgentError], text: str
) -> None:
    async with SimAgent(host, socket, misbehave=misbehave):
        with pytest.raises(error, match=text) as caught:
            await GuestAgent(socket).key("a")
    assert caught.value.advice
    assert caught.value.exit_code == 3


async def test_an_agent_that_answers_byte_by_byte_is_given_up(
    host: Host, socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sp1tee.dstack import agent

    hurried = agent.Method("/GetKey", 100, 0.2)
    monkeypatch.setattr(agent, "_GET_KEY", hurried)
    async with SimAgent(host, socket, misbehave="slow"):
        with pytest.raises(AgentAway, match=r"longer than 0\.2 s for /GetKey"):
            await GuestAgent(socket).key("a")


async def test_nobody_at_the_socket_is_told_with_what_to_mount(socket: Path) -> None:
    with pytest.raises(AgentAway, match="No guest agent answers") as caught:
        await GuestAgent(socket).key("a")
    assert "/var/run/dstack.sock" in caught.value.advice
    with sockets.socket(sockets.AF_UNIX) as deaf:
        deaf.bind(str(socket))
    with pytest.raises(AgentAway):
        await GuestAgent(socket).key("a")


@pytest.mark.parametrize("path", ["x" * 200, "a\0b", "", "."])
async def test_a_path_where_no_socket_can_be_is_told(path: str) -> None:
    with pytest.raises(AgentAway):
        await GuestAgent(Path(path)).key("a")


async def test_an_http_server_that_is_no_agent_is_told(socket: Path) -> None:
    from sp1tee.sim.ingress.http_server import serve_socket
    from sp1tee.sim.ingress.replies import NOT_FOUND

    server = await serve_socket(lambda _asked: NOT_FOUND, socket)
    try:
        for ask in (GuestAgent(socket).key("a"), GuestAgent(socket).guest()):
            with pytest.raises(AgentGarbled, match="no method of a guest agent"):
                await ask
    finally:
        server.close()


async def test_proxies_and_packed_answers_are_not_asked_for(
    socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sp1tee.sim.ingress.http_server import Asked, serve_socket

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    heard: list[Asked] = []
    server = await serve_socket(heard.append, socket)
    try:
        with pytest.raises(AgentGarbled):
            await GuestAgent(socket).key("a path")
    finally:
        server.close()
    (asked,) = heard
    assert (asked.method, asked.target) == ("POST", "/GetKey")
    assert json.loads(asked.body) == {"path": "a path", "purpose": ""}
