"""Programs are fetched from allowed places only, wherever those redirect to, and cut to size."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina
from support.network_room import a_store
from support.serving import Clock, real_program
from support.upstream_room import a_network
from support.wire_data import sample

from sp1tee.errors import (
    ProgramRefused,
    ProgramSourceError,
    SourceRefused,
    TransientSourceError,
)
from sp1tee.serve.fetch import Fetcher
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.program_source import ATTEMPTS, ProgramSource
from sp1tee.serve.programs import ProgramShelf
from sp1tee.serve.sources import AllowedSources
from sp1tee.sim.network import Answer, Outage, SimNetwork
from sp1tee.sim.network.requests import Program
from sp1tee.store.records import NETWORK_OWNER
from sp1tee.store.store import Store

pytestmark = pytest.mark.anyio


ENVIRONMENT = {"AWS_ALLOW_HTTP": "true"}


class Site(BaseHTTPRequestHandler):
    """Answers by path: ``/ok``, ``/moved``, ``/away``, ``/loop`` or a status number."""

    asked: list[str]
    away = ""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        places = {"/moved": "/ok", "/loop": "/loop", "/away": self.away, "/nowhere": ""}
        if self.path in places:
            self.send_response(302)
            self.send_header("location", places[self.path])
            self.end_headers()
        elif self.path == "/ok":
            self.send_response(200)
            self.send_header("content-length", "5")
            self.end_headers()
            self.wfile.write(b"bytes")
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("content-length", "500")
            self.end_headers()
            self.wfile.write(b"bytes")
        else:
            self.send_response(int(self.path[1:]))
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def site() -> Iterator[tuple[str, type[Site]]]:
    handler = type("OneSite", (Site,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def stored() -> AsyncIterator[tuple[str, type[Site]]]:
    with site() as pair:
        yield pair


async def fetch(url: str, *patterns: str) -> bytes:
    fetcher = Fetcher(AllowedSources(patterns), environment={})
    try:
        return b"".join([chunk async for chunk in fetcher.fetch(url)])
    finally:
        await fetcher.aclose()


async def test_what_is_stored_is_fetched(stored: tuple[str, type[Site]]) -> None:
    url, _ = stored
    assert await fetch(f"{url}/ok", f"{url}/") == b"bytes"


async def test_a_redirect_within_is_followed(stored: tuple[str, type[Site]]) -> None:
    url, _ = stored
    assert await fetch(f"{url}/moved", f"{url}/") == b"bytes"


async def test_a_redirect_to_another_place_is_not(stored: tuple[str, type[Site]]) -> None:
    url, handler = stored
    with site() as (elsewhere, other):
        handler.away = f"{elsewhere}/ok"
        with pytest.raises(SourceRefused):
            await fetch(f"{url}/away", f"{url}/")
    assert other.asked == []


@pytest.mark.parametrize("path", ["/loop", "/nowhere"])
async def test_a_redirect_that_leads_nowhere_ends(
    stored: tuple[str, type[Site]], path: str
) -> None:
    url, handler = stored
    with pytest.raises(ProgramSourceError):
        await fetch(f"{url}{path}", f"{url}/")
    assert len(handler.asked) <= 4


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_what_is_not_there_is_not_waited_for(
    stored: tuple[str, type[Site]], status: int
) -> None:
    url, _ = stored
    with pytest.raises(ProgramSourceError) as failed:
        await fetch(f"{url}/{status}", f"{url}/")
    assert not isinstance(failed.value, TransientSourceError)


@pytest.mark.parametrize("path", ["/429", "/500", "/503", "/cut"])
async def test_a_passing_fault_may_be_waited_out(stored: tuple[str, type[Site]], path: str) -> None:
    url, _ = stored
    with pytest.raises(TransientSourceError):
        await fetch(f"{url}{path}", f"{url}/")


async def test_nobody_listening_is_a_passing_fault() -> None:
    with site() as (url, _):
        pass
    with pytest.raises(TransientSourceError):
        await fetch(f"{url}/ok", f"{url}/")


async def test_nothing_is_asked_of_a_place_that_is_not_allowed(
    stored: tuple[str, type[Site]],
) -> None:
    url, handler = stored
    with pytest.raises(SourceRefused):
        await fetch(f"{url}/ok", "https://elsewhere.test/")
    assert handler.asked == []


# --- programs of a network -----------------------------------------------------------------


@pytest.fixture
async def network() -> AsyncIterator[SimNetwork]:
    async with a_network(Clock()) as network:
        yield network


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with a_store(tmp_path, Clock()) as store:
        yield store


@pytest.fixture
def s3_is_the_network_s(network: SimNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", network.artifacts_url)


async def ensure(
    network: SimNetwork, store: Store, *patterns: str, public: str = "", limit: int = 1 << 20
) -> None:
    sources = AllowedSources(patterns)
    upstream = Upstream(network.url)
    source = ProgramSource(
        store.programs,
        upstream,
        ProgramShelf(store, limit),
        fetcher=Fetcher(sources, s3_region="us-east-2", environment=ENVIRONMENT),
        sources=sources,
    )
    try:
        await source.ensure(real_program().vk_hash, public)
    finally:
        await source.aclose()
        await upstream.aclose()


async def elf(store: Store) -> bytes:
    program = await store.programs.get(real_program().vk_hash, NETWORK_OWNER)
    assert program is not None
    return b"".join([chunk async for chunk in store.vault.read(program.blob)])


@pytest.mark.usefixtures("s3_is_the_network_s")
async def test_a_program_comes_from_s3_without_credentials(
    network: SimNetwork, store: Store
) -> None:
    await ensure(network, store, "s3://")
    assert await elf(store) == sample(".elf")


@pytest.mark.usefixtures("s3_is_the_network_s")
async def test_a_public_copy_comes_first_and_s3_second(network: SimNetwork, store: Store) -> None:
    with site() as (url, handler):
        await ensure(network, store, "s3://", f"{url}/", public=f"{url}/404")
    assert handler.asked == ["/404"]
    assert await elf(store) == sample(".elf")


@pytest.mark.usefixtures("s3_is_the_network_s")
async def test_a_program_that_s3_does_not_have_is_not_to_be_had(
    network: SimNetwork, store: Store
) -> None:
    program = real_program()
    network._book._programs[program.vk_hash] = _moved(network, "s3://spn-artifacts-sim/programs/x")
    with pytest.raises(ProgramSourceError) as failed:
        await ensure(network, store, "s3://")
    assert not isinstance(failed.value, TransientSourceError)


def _moved(network: SimNetwork, uri: str) -> Program:
    return replace(network._book.program(real_program().vk_hash), uri=uri)


async def test_a_program_that_the_network_does_not_know_is_not_to_be_had(
    store: Store, tmp_path: Path
) -> None:
    async with SimNetwork() as empty:
        with pytest.raises(ProgramSourceError, match="no program"):
            await ensure(empty, store, "s3://")


async def test_an_outage_is_waited_out_for_a_while(network: SimNetwork, store: Store) -> None:
    await network.inject(Answer(method="GetProgram", calls=ATTEMPTS - 1))
    public = network.artifacts_url
    with stamina.set_testing(True, attempts=ATTEMPTS):
        with pytest.raises(SourceRefused):
            await ensure(network, store, f"{public}/")
        await network.inject(Outage())
        with pytest.raises(TransientSourceError):
            await ensure(network, store, f"{public}/")


async def test_a_program_over_the_limit_is_refused_while_it_streams(
    network: SimNetwork, store: Store
) -> None:
    program = real_program()
    uri = network.put_program(program.vk_hash, program.vk, bytes(1 << 20))
    public = f"{network.artifacts_url}/{uri.removeprefix('s3://')}"
    with pytest.raises(ProgramRefused, match="more than"):
        await ensure(network, store, f"{network.artifacts_url}/", public=public, limit=1000)
