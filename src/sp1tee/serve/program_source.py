"""Programs of an upstream network, fetched and put on our own shelf when first needed."""

import stamina

from sp1tee.errors import (
    NetworkError,
    ProgramRefused,
    ProgramSourceError,
    TransientSourceError,
    UpstreamError,
)
from sp1tee.serve.fetch import Fetcher
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.reading import DEFINITE, read
from sp1tee.serve.programs import ProgramShelf
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.serve.sources import AllowedSources
from sp1tee.store.programs import Programs
from sp1tee.store.records import NETWORK_OWNER, NewProgram
from sp1tee.wire.pb import types_pb2

ATTEMPTS = 5


class ProgramSource:
    """Has the network's programs here, each fetched once however many requests need it.

    Args:
        programs: what is here already.
        upstream: knows where each program is stored.
        shelf: checks and keeps what was fetched.
        fetcher: fetches it.
        sources: where from.
    """

    def __init__(
        self,
        programs: Programs,
        upstream: Upstream,
        shelf: ProgramShelf,
        *,
        fetcher: Fetcher,
        sources: AllowedSources,
    ) -> None:
        self._programs = programs
        self._upstream = upstream
        self._shelf = shelf
        self._fetcher = fetcher
        self._sources = sources
        self._flights: SingleFlight[bytes, None] = SingleFlight()

    async def ensure(self, vk_hash: bytes, public_uri: str = "") -> None:
        """Have a program on the shelf.

        Args:
            vk_hash: which one.
            public_uri: where the network says anybody can read it; empty if nowhere.

        Raises:
            TransientSourceError: it cannot be had now.
            SourceRefused: it is stored only where this server may not fetch from.
            ProgramSourceError: it is nowhere to be had.
            ProgramRefused: what is stored is not the program of its verifying key.
        """
        if await self._programs.get(vk_hash, NETWORK_OWNER) is None:
            await self._flights.run(vk_hash, lambda: self._fetch(vk_hash, public_uri))

    async def aclose(self) -> None:
        """Stop fetching."""
        await self._flights.aclose()
        await self._fetcher.aclose()

    async def _fetch(self, vk_hash: bytes, public_uri: str) -> None:
        async for attempt in stamina.retry_context(on=TransientSourceError, attempts=ATTEMPTS):
            with attempt:
                program = await self._registered(vk_hash)
                await self._fetch_from_any(program, public_uri)

    async def _registered(self, vk_hash: bytes) -> NewProgram:
        ask = types_pb2.GetProgramRequest(vk_hash=vk_hash)
        try:
            answer = await self._upstream.call("GetProgram", ask.SerializeToString())
        except UpstreamError as error:
            if error.status in DEFINITE:
                raise ProgramSourceError(f"The network has no program: {error.message}.") from None
            raise TransientSourceError("The network cannot be asked for the program.") from None
        shown = read(types_pb2.GetProgramResponse, answer).program
        return NewProgram(
            vk_hash=vk_hash,
            vk=shown.vk,
            uri=shown.program_uri,
            owner=NETWORK_OWNER,
            created_at=shown.created_at,
            name=shown.name if shown.HasField("name") else None,
        )

    async def _fetch_from_any(self, program: NewProgram, public_uri: str) -> None:
        """Try the public copy first: it needs no credentials."""
        urls = [url for url in dict.fromkeys((public_uri, program.uri)) if url]
        allowed = [url for url in urls if self._sources.allows(url)]
        if not allowed:
            self._sources.check(program.uri)
        failed: NetworkError | ProgramRefused | None = None
        for url in allowed:
            try:
                await self._shelf.keep(program, self._fetcher.fetch(url))
            except (NetworkError, ProgramRefused) as error:
                failed = error
            else:
                return
        assert failed is not None
        raise failed
