"""From what an operator says of a cluster to provers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sp1tee.errors import ConfigError
from sp1tee.fulfill.provers.cluster.artifacts import Artifacts
from sp1tee.fulfill.provers.cluster.desk import Desk
from sp1tee.fulfill.provers.cluster.line import Address, Api, Coordinator
from sp1tee.fulfill.provers.cluster.oracle import Oracle
from sp1tee.fulfill.provers.cluster.prover import ClusterProver
from sp1tee.fulfill.provers.gateway import Offer
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.fulfill.provers.verifying import Verifier

REDIS = ("redis", "rediss")


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """Where a cluster is, and what it makes.

    Attributes:
        api: its API.
        store: ``redis[s]://…`` of every node, in the cluster's order, or one ``s3://bucket``.
        s3_region: the bucket's region.
        s3_endpoint: the bucket's server; AWS's own by default.
        coordinator: its coordinator, if it may be asked.
        oracle: the API of one that only executes, on the same store.
        reach: where inputs may go.
        offer: what it makes.
        instance: what this worker calls itself there.
    """

    api: Address
    store: tuple[str, ...] = field(repr=False)
    s3_region: str
    s3_endpoint: str | None
    coordinator: Address | None
    oracle: Address | None
    reach: Reach
    offer: Offer
    instance: str

    @property
    def urls(self) -> Iterator[str]:
        """Every place that inputs go to or through, as http(s) URLs without secrets."""
        servers = (self.api, self.coordinator, self.oracle)
        yield from (address.url for address in servers if address is not None)
        if self._is_bucket:
            yield self._bucket_endpoint
        else:
            yield from (_as_http(url) for url in self.store)

    def provers(self, slots: int) -> tuple[ClusterProver, ...]:
        """Make a prover for each slot.

        Raises:
            ConfigError: what the store needs is not installed.
            OffHostRefused: a part of the cluster is where no input may go.
        """
        verifier, desk = Verifier.find(), self._desk(self.api, self.coordinator)
        return tuple(ClusterProver(desk, self.offer, verifier=verifier) for _ in range(slots))

    def open_oracle(self) -> Oracle | None:
        """Make the oracle, if there is one; raises as `provers`."""
        return None if self.oracle is None else Oracle(self._desk(self.oracle, None))

    def _desk(self, api: Address, coordinator: Address | None) -> Desk:
        for url in self.urls:
            self.reach.check(url)
        asked = None if coordinator is None else Coordinator(coordinator)
        return Desk(Api(api), self._open_store(), self.instance, coordinator=asked)

    def _open_store(self) -> Artifacts:
        try:
            return self._bucket() if self._is_bucket else self._redis()
        except ImportError:
            raise ConfigError(
                "What talks to the cluster's store is not installed.",
                advice="Install sp1tee[cluster].",
            ) from None

    def _redis(self) -> Artifacts:
        from sp1tee.fulfill.provers.cluster.redis_store import (  # noqa: PLC0415 - needs an extra
            RedisArtifacts,
        )

        return RedisArtifacts(self.store)

    def _bucket(self) -> Artifacts:
        from sp1tee.fulfill.provers.cluster.bucket_store import (  # noqa: PLC0415 - needs an extra
            Bucket,
            BucketArtifacts,
        )

        name = urlsplit(self.store[0]).hostname or ""
        return BucketArtifacts(Bucket(name, self.s3_region, self._bucket_endpoint))

    @property
    def _is_bucket(self) -> bool:
        return self.store[0].startswith("s3:")

    @property
    def _bucket_endpoint(self) -> str:
        return self.s3_endpoint or f"https://s3.{self.s3_region}.amazonaws.com"


def read_store(text: str) -> tuple[str, ...]:
    """Read the setting that names a store.

    Raises:
        ValueError: it is neither Redis nor a bucket. The text never repeats it: it has passwords.
    """
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    if not urls or not (_are_redis(urls) or _is_one_bucket(urls)):
        raise ValueError(
            "Give redis://[:password@]host[:port][/number], one for each node and separated by "
            "commas, or s3://bucket"
        )
    return urls


def _are_redis(urls: tuple[str, ...]) -> bool:
    return all(parts is not None and parts[0] in REDIS and parts[1] for parts in map(_split, urls))


def _is_one_bucket(urls: tuple[str, ...]) -> bool:
    if len(urls) != 1 or (parts := _split(urls[0])) is None:
        return False
    return parts[0] == "s3" and bool(parts[1]) and not parts[2].strip("/")


def _split(url: str) -> tuple[str, str, str] | None:
    """Return scheme, host and path; None for what is no URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname or "", parts.path


def _as_http(url: str) -> str:
    """Name where a Redis node is, and not how to get in."""
    host = urlsplit(url).hostname or ""
    return f"http://[{host}]" if ":" in host else f"http://{host}"
