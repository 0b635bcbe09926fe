"""Artifacts in Redis, in the layout of sp1-cluster 2.7 (crates/artifact/src/redis.rs).

Up to 32 MiB an artifact is a string under its own name. A larger one is a hash ``NAME:chunks`` of
parts ``0``, ``1``, … and their number in ``__n``, which says that all are there: it is filled under
another name and then renamed, so that nobody reads half of it. Several nodes share the names among
them by a hash that every part of the cluster computes alike.
"""

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from redis import asyncio as redis
from redis import exceptions

from sp1tee.errors import ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.provers.cluster.artifacts import PART_BYTES, Kind, too_large
from sp1tee.wire.ids import new_id

_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 60.0
# How long half an upload may lie there.
_STAGING_SECONDS: Final = 120
_COUNT: Final = "__n"
_PRIME: Final = 16777619
_WORD: Final = (1 << 64) - 1
_MOST_PARTS: Final = 1024
_MIB: Final = 1 << 20
_MEMORY: Final = "Look at Redis's memory and eviction policy."
_SETUP: Final = (
    "Set maxmemory, without which the cluster's nodes do not start, and maxmemory-policy "
    "noeviction: an input that is evicted is uploaded and proved again."
)

# A hash that is whole stays as it is: readers fetch its parts one by one.
_PUBLISH: Final = """
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 1 then
    redis.call('UNLINK', KEYS[1], KEYS[3])
    return 1
end
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
    redis.call('UNLINK', KEYS[1])
    return 0
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[1])
redis.call('UNLINK', KEYS[2])
redis.call('RENAME', KEYS[1], KEYS[2])
if tonumber(ARGV[2]) > 0 then
    redis.call('EXPIRE', KEYS[2], ARGV[2])
else
    redis.call('PERSIST', KEYS[2])
end
redis.call('UNLINK', KEYS[3])
return 1
"""
_REFUSALS: Final = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)
_PASSING: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.BusyLoadingError,
    exceptions.TryAgainError,
)


class RedisArtifacts:
    """The nodes of a Redis store; ``kind`` makes no difference to them but for programs."""

    name = "Redis"

    def __init__(self, urls: Sequence[str], *, part_bytes: int = PART_BYTES) -> None:
        """Prepare the connections; `urls` are in the order that the cluster has them in."""
        self._nodes = tuple(_node(url) for url in urls)
        self._part = part_bytes

    async def put(self, kind: Kind, name: str, packed: bytes, seconds: int | None) -> None:
        """Store an artifact. See `Artifacts`."""
        del kind
        with _translated("storing"):
            if len(packed) <= self._part:
                await self._put_whole(name, packed, seconds)
            else:
                await self._put_parts(name, packed, seconds)

    async def get(self, kind: Kind, name: str, limit: int) -> bytes | None:
        """Fetch an artifact. See `Artifacts`."""
        del kind
        with _translated("fetching"):
            # What is in one piece may be replaced by parts between two questions.
            for _ in range(2):
                if (count := await self._count(name)) is not None:
                    return await self._get_parts(name, count, limit)
                if (found := await self._get_whole(name, limit)) is not None:
                    return found
        return None

    async def holds(self, kind: Kind, name: str) -> bool:
        """Look for an artifact. See `Artifacts`."""
        del kind
        with _translated("looking"):
            return bool(await self._at(name).exists(name)) or await self._count(name) is not None

    async def delete(self, kind: Kind, name: str) -> None:
        """Remove an artifact. See `Artifacts`."""
        del kind
        with _translated("removing"):
            await self._at(name).unlink(name, _parts(name))

    async def health(self) -> tuple[bool, str, str]:
        """Read how much memory the nodes have, and what they do when it is used up."""
        told, well = [], True
        for node in self._nodes:
            with _translated("looking"):
                memory = await node.info("memory")
            most, policy = int(memory.get("maxmemory", 0)), str(memory.get("maxmemory_policy", "?"))
            told.append(f"{int(memory['used_memory']) // _MIB} of {most // _MIB} MiB, {policy}")
            well = well and most > 0 and policy == "noeviction"
        return well, f"Redis uses {'; '.join(told)}.", _SETUP

    async def aclose(self) -> None:
        """Close the connections."""
        for node in self._nodes:
            await node.aclose()

    async def _put_whole(self, name: str, packed: bytes, seconds: int | None) -> None:
        async with self._at(name).pipeline(transaction=True) as steps:
            steps.set(name, packed, ex=seconds)
            # Readers take the parts first, so none of an older artifact may be left.
            steps.unlink(_parts(name))
            await steps.execute()

    async def _put_parts(self, name: str, packed: bytes, seconds: int | None) -> None:
        staged, node = f"{_parts(name)}:{new_id('stage')}", self._at(name)
        whole, starts = memoryview(packed), range(0, len(packed), self._part)
        for index, start in enumerate(starts):
            async with node.pipeline(transaction=True) as steps:
                steps.hset(staged, str(index), cast("Any", whole[start : start + self._part]))
                steps.expire(staged, _STAGING_SECONDS)
                await steps.execute()
        keys, values = (staged, _parts(name), name), (len(starts), seconds or 0, _COUNT)
        if not await node.eval(_PUBLISH, len(keys), *keys, *values):
            raise ServerAway("Redis lost a part of what was just stored.", advice=_MEMORY)

    async def _get_whole(self, name: str, limit: int) -> bytes | None:
        node = self._at(name)
        if await node.strlen(name) > limit:
            raise too_large(limit)
        return cast("bytes | None", await node.get(name))

    async def _get_parts(self, name: str, count: int, limit: int) -> bytes | None:
        node, made = self._at(name), bytearray()
        for index in range(count):
            if len(made) + await _number(node.hstrlen(_parts(name), str(index))) > limit:
                raise too_large(limit)
            part = await cast("Awaitable[bytes | None]", node.hget(_parts(name), str(index)))
            if part is None:
                return None
            made += part
        return bytes(made)

    async def _count(self, name: str) -> int | None:
        told = await cast("Awaitable[bytes | None]", self._at(name).hget(_parts(name), _COUNT))
        if told is None:
            return None
        if not told.isdigit() or not 0 < int(told) <= _MOST_PARTS:
            raise ProverFailed("The cluster's store names a number of parts that cannot be.")
        return int(told)

    def _at(self, name: str) -> "redis.Redis":
        return self._nodes[node_of(name, len(self._nodes))]


def node_of(name: str, nodes: int) -> int:
    """Return the number of the node where an artifact lies, among so many."""
    digest = 0
    for byte in name.encode():
        digest = (digest * _PRIME + byte) & _WORD
    return digest % nodes


def _node(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_SILENCE_SECONDS,
        retry=None,
    )


def _parts(name: str) -> str:
    return f"{name}:chunks"


async def _number(answer: Awaitable[int] | int) -> int:
    """Await what redis-py types for both of its clients at once."""
    return await answer if not isinstance(answer, int) else answer


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn what Redis says into errors of ours. Its words may quote keys, so they are not shown."""
    try:
        yield
    except _REFUSALS as error:
        text = f"Redis lets this worker do nothing ({doing}): {type(error).__name__}."
        raise ProverUnavailable(text, advice="Give the password in --cluster-store-file.") from None
    except _PASSING as error:
        text = f"Redis did not serve ({doing}): {type(error).__name__}."
        raise ServerAway(text, advice=f"Check that it runs. {_MEMORY}") from None
    except exceptions.RedisError as error:
        text = f"Redis refused ({doing}): {type(error).__name__}."
        raise ProverFailed(text, advice="See Redis's own log.") from None
