"""One connection upstream: with TLS where the address says so, and no inner detail in its errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.network_room import Refused
from support.serving import ALICE, Clock
from support.upstream_room import SERVER_KEY, in_front_of

from sp1tee.errors import ConfigError, UpstreamError
from sp1tee.serve.network.channel import Upstream
from sp1tee.sim.network import SimNetwork, SimSettings, Tls
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio

ASK = types_pb2.GetNonceRequest(address=ALICE.address).SerializeToString()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def roots(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def certified(authority: trustme.CA, tmp_path: Path) -> Iterator[SimSettings]:
    leaf = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "leaf.pem", tmp_path / "leaf.key"
    leaf.cert_chain_pems[0].write_to_path(certificate)
    leaf.private_key_pem.write_to_path(key)
    return SimSettings(tls=Tls(certificate, key), fulfiller=SERVER_KEY.address)


async def test_a_network_with_tls_is_reached_with_its_roots(
    certified: SimSettings, roots: Path, tmp_path: Path
) -> None:
    async with SimNetwork(certified) as network:
        assert network.url.startswith("https://")
        async with in_front_of(
            network, tmp_path / "data", clock=Clock(), upstream_ca_file=roots
        ) as front:
            assert await front.nonce() == 0


async def test_a_network_with_a_certificate_of_unknown_origin_is_not_talked_to(
    certified: SimSettings, tmp_path: Path
) -> None:
    async with (
        SimNetwork(certified) as network,
        in_front_of(network, tmp_path / "data", clock=Clock()) as front,
    ):
        with pytest.raises(Refused) as refused:
            await front.nonce()
    assert refused.value.status == "UNAVAILABLE"


async def test_roots_that_cannot_be_read_are_a_configuration_error(tmp_path: Path) -> None:
    async with SimNetwork() as network:
        with pytest.raises(ConfigError, match="upstream_ca_file"):
            async with in_front_of(
                network, tmp_path, clock=Clock(), upstream_ca_file=tmp_path / "none.pem"
            ):
                pass


async def test_a_key_that_is_none_is_a_configuration_error_that_does_not_repeat_it(
    tmp_path: Path,
) -> None:
    async with SimNetwork() as network:
        with pytest.raises(ConfigError, match="fulfiller_key") as failed:
            async with in_front_of(network, tmp_path, clock=Clock(), fulfiller_key="5e" * 31):
                pass
    assert "5e5e" not in str(failed.value)


async def test_a_network_s_own_words_reach_the_caller() -> None:
    async with SimNetwork() as network:
        upstream = Upstream(network.url)
        with pytest.raises(UpstreamError) as refused:
            await upstream.call("GetNonce", b"\x0a\x01x")
        assert refused.value.status == "INVALID_ARGUMENT"
        assert "address" in refused.value.message
        await upstream.aclose()


async def test_where_the_network_is_stays_inside() -> None:
    async with SimNetwork() as network:
        url = network.url
    upstream = Upstream(url)
    with pytest.raises(UpstreamError) as refused:
        await upstream.call("GetNonce", ASK)
    assert refused.value.status == "UNAVAILABLE"
    assert refused.value.message == "The upstream network cannot be reached."
    await upstream.aclose()


@pytest.mark.parametrize("url", ["http://[::1]:1", "http://localhost:1/", "https://localhost"])
async def test_addresses_of_every_form_are_dialled(url: str) -> None:
    upstream = Upstream(url)
    with pytest.raises(UpstreamError) as refused:
        await upstream.call("GetNonce", ASK, timeout_s=5)
    assert refused.value.status == "UNAVAILABLE"
    await upstream.aclose()
