"""How the simulator listens: with TLS, on an address of one's own, as a program."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from support.network_peer import Peer
from support.wire_data import key

from sp1tee.errors import ConfigError
from sp1tee.sim.network import SimNetwork, SimSettings, Tls, run_sim
from sp1tee.wire.pb import artifact_pb2, types_pb2

pytestmark = pytest.mark.anyio


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def settings(self, authority: trustme.CA, tmp_path: Path) -> SimSettings:
        issued = authority.issue_cert("127.0.0.1")
        tls = Tls(certificate=tmp_path / "chain.pem", key=tmp_path / "key.pem")
        issued.private_key_pem.write_to_path(tls.key)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(tls.certificate, append=True)
        return SimSettings(tls=tls)

    async def test_calls_and_uploads_go_over_tls(self, sim: SimNetwork, authority: trustme.CA):
        roots = authority.cert_pem.bytes()
        trust = ssl.create_default_context(cadata=roots.decode())
        async with Peer(sim.url, key("test_key_1"), roots) as peer:
            placed = await peer.place(artifact_pb2.STDIN)
        assert sim.url.startswith("https://")
        assert placed.artifact_presigned_url.startswith(sim.artifacts_url)
        async with httpx.AsyncClient(verify=trust) as http:
            put = await http.put(placed.artifact_presigned_url, content=b"an input")
        assert put.status_code == 200

    async def test_a_certificate_of_another_key_is_refused(
        self, authority: trustme.CA, settings: SimSettings
    ):
        assert settings.tls is not None
        authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(settings.tls.key)
        with pytest.raises(ConfigError, match="are not a certificate and its key"):
            async with SimNetwork(settings):
                pass

    async def test_a_missing_certificate_is_refused(self, tmp_path: Path):
        missing = Tls(certificate=tmp_path / "none.pem", key=tmp_path / "none.key")
        with pytest.raises(ConfigError, match="are not a certificate and its key"):
            async with SimNetwork(SimSettings(tls=missing)):
                pass


@pytest.mark.parametrize("listener", ["listen", "artifacts_listen"])
async def test_an_address_that_is_none_is_said(listener: str):
    with pytest.raises(ConfigError, match="cannot listen"):
        async with SimNetwork(SimSettings(**{listener: "nowhere at all"})):
            pass


async def test_an_address_that_is_taken_is_said():
    async with SimNetwork() as first:
        taken = first.url.removeprefix("http://")
        with pytest.raises(ConfigError, match="cannot listen"):
            async with SimNetwork(SimSettings(listen=taken)):
                pass


async def test_an_artifact_address_that_is_taken_is_said():
    async with SimNetwork() as first:
        taken = first.artifacts_url.removeprefix("http://")
        with pytest.raises(ConfigError, match="cannot listen"):
            async with SimNetwork(SimSettings(artifacts_listen=taken)):
                pass


async def test_a_listener_on_every_address_names_one_that_can_be_reached():
    settings = SimSettings(listen="0.0.0.0:0", artifacts_listen="0.0.0.0:0")
    async with SimNetwork(settings) as network, httpx.AsyncClient() as client:
        assert network.url.startswith("http://127.0.0.1:")
        placed = (await client.get(f"{network.artifacts_url}/nothing")).status_code
    assert placed == 404


async def test_it_runs_as_a_program_until_it_is_told_to_stop():
    stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_sim(SimSettings(), ready=told.set_result, stop=stop))
    network: SimNetwork = await told
    async with Peer(network.url, key("test_key_1")) as peer:
        assert await peer.nonce() == 0
    stop.set()
    await running


class TestWithSmallMessages:
    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(max_message_bytes=1000)

    async def test_a_message_over_the_limit_is_refused(self, requester: Any):
        ask = types_pb2.GetNonceRequest(address=bytes(1001))
        with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
            await requester.ask("GetNonce", ask)
