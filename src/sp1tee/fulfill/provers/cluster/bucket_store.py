"""Artifacts in a bucket, in the layout of sp1-cluster 2.7 (crates/artifact/src/s3.rs).

An artifact is the object ``FOLDER/NAME``. Nothing expires by itself: the bucket's life cycle
removes what nobody removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store

from sp1tee.errors import ProverUnavailable, ServerAway
from sp1tee.fulfill.provers.cluster.artifacts import PART_BYTES, Kind, too_large

_CONNECT: Final = timedelta(seconds=5)
# One request: a part of 32 MiB, up or down.
_REQUEST: Final = timedelta(seconds=120)
_RETRIES: Final = 3
_AT_ONCE: Final = 4
_ADVICE: Final = "Check --cluster-store-file and --cluster-s3-endpoint, and that the bucket exists."


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is. Who may use it say AWS's own variables (``AWS_ACCESS_KEY_ID``, …).

    Attributes:
        name: the bucket's.
        region: where it is.
        endpoint: the S3 server, ``http(s)://host[:port]``.
    """

    name: str
    region: str
    endpoint: str

    def open(self) -> S3Store:
        """Prepare connections; nothing is sent yet."""
        return S3Store(
            self.name,
            region=self.region,
            # Else this variable of AWS's would decide where inputs go.
            aws_endpoint_url_s3=self.endpoint,
            endpoint=self.endpoint,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": self.endpoint.startswith("http:"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
                # A proxy of the environment would see the input. With one of its own, which it
                # never uses, it takes none from there.
                "proxy_url": "http://127.0.0.1:9",
                "proxy_excludes": urlsplit(self.endpoint).hostname or "",
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _REQUEST},
        )


@dataclass(frozen=True, slots=True)
class BucketArtifacts:
    """The objects of a bucket.

    Attributes:
        bucket: where they are.
        part_bytes: what is larger is uploaded in parts of this size.
    """

    bucket: Bucket
    part_bytes: int = PART_BYTES
    _store: S3Store = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare the connections."""
        object.__setattr__(self, "_store", self.bucket.open())

    @property
    def name(self) -> str:
        """The bucket, as people call it."""
        return f"The bucket {self.bucket.name}"

    async def put(self, kind: Kind, name: str, packed: bytes, seconds: int | None) -> None:
        """Store an artifact; `seconds` is the bucket's business. See `Artifacts`."""
        del seconds
        with self._translated("storing"):
            await obstore.put_async(
                self._store,
                _path(kind, name),
                packed,
                use_multipart=len(packed) > self.part_bytes,
                chunk_size=self.part_bytes,
                max_concurrency=_AT_ONCE,
            )

    async def get(self, kind: Kind, name: str, limit: int) -> bytes | None:
        """Fetch an artifact. See `Artifacts`."""
        with self._translated("fetching"):
            try:
                found = await obstore.get_async(self._store, _path(kind, name))
            except FileNotFoundError:
                return None
            if found.meta["size"] > limit:
                raise too_large(limit)
            return bytes(cast("Any", await found.bytes_async()))

    async def holds(self, kind: Kind, name: str) -> bool:
        """Look for an artifact. See `Artifacts`."""
        with self._translated("looking"):
            try:
                await obstore.head_async(self._store, _path(kind, name))
            except FileNotFoundError:
                return False
        return True

    async def delete(self, kind: Kind, name: str) -> None:
        """Remove an artifact. See `Artifacts`."""
        with self._translated("removing"):
            try:
                await obstore.delete_async(self._store, _path(kind, name))
            except FileNotFoundError:
                return

    async def health(self) -> tuple[bool, str, str]:
        """Say where it is; only its operator can know what its life cycle removes."""
        return True, f"{self.name} at {self.bucket.endpoint} takes, gives and removes objects.", ""

    async def aclose(self) -> None:
        """Let go of it; connections close by themselves."""

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turn what S3 says into errors of ours, without its words: they quote keys and URLs."""
        try:
            yield
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            text = f"{self.name} lets this worker do nothing ({doing}): {type(error).__name__}."
            advice = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy."
            raise ProverUnavailable(text, advice=advice) from None
        except (exceptions.BaseError, OSError) as error:
            text = f"{self.name} did not serve ({doing}): {type(error).__name__}."
            advice = (
                "Check --cluster-store-file and --cluster-s3-endpoint, and that the bucket exists."
            )
            raise ServerAway(text, advice=advice) from None


def _path(kind: Kind, name: str) -> str:
    return f"{kind.value}/{name}"
