"""The few things done with objects of a bucket, and what goes wrong with them. Blocks."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, final

from obstore import exceptions as refusals
from obstore.store import S3Store

from sp1tee.errors import BucketMissing, BucketRefused, BucketUnavailable, ConfigError
from sp1tee.store.s3_bucket import Bucket

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_CONNECT: Final = timedelta(seconds=5)
_STATUS: Final = re.compile(r"status(?: code)?:? (\d{3})\b")
_NOT_FOUND: Final = "404"
_NO_SUCH_RANGE: Final = "416"
_REFUSED: Final = (
    refusals.PermissionDeniedError,
    refusals.UnauthenticatedError,
    PermissionError,
)


@final
class Patience(NamedTuple):
    """How long a service may take, and how often it is asked again.

    Every request that is made here may be sent twice: it reads, or writes the same once more.
    Between two tries passes a time that grows and is partly random.
    """

    request_s: float
    retries: int
    all_s: float


WORKING: Final = Patience(request_s=60, retries=5, all_s=60)
QUICK: Final = Patience(request_s=5, retries=0, all_s=5)
"""For what is done again anyway: asking for readiness, removing left-overs."""


@final
class Range(NamedTuple):
    """Some bytes of an object, and the size of all of it."""

    content: bytes
    object_size: int


@final
class Objects:
    """Objects of a bucket, by their names below its prefix."""

    def __init__(self, bucket: Bucket, patience: Patience) -> None:
        """Connect with the first request.

        Raises:
            ConfigError: the bucket is described by nonsense.
        """
        try:
            self._store = S3Store(
                bucket.name,
                prefix=bucket.prefix or None,
                config=_config(bucket),
                client_options=_client(bucket, patience),
                retry_config=_retries(patience),
            )
        except (refusals.BaseError, ValueError):
            raise ConfigError(
                f"No client can be made for {bucket}.",
                advice="Check vault_endpoint, vault_ca_file and the AWS_ variables.",
            ) from None

    def put(self, name: str, content: bytes) -> None:
        """Write an object whole, over any that is there.

        Raises:
            BucketUnavailable: it is not in the bucket now.
        """
        with _told("Writing an object"):
            self._store.put(name, content, use_multipart=False)

    def range(self, name: str, begin: int, end: int) -> Range:
        """Read bytes `begin` to `end` of an object, or as many as it has of them.

        Raises:
            FileNotFoundError: there is no such object.
            BucketUnavailable: nobody knows.
        """
        try:
            with _told("Reading an object", missing_is_bucket=False):
                return self._range(name, begin, end)
        except FileNotFoundError:
            self._be_there()
            raise

    def _range(self, name: str, begin: int, end: int) -> Range:
        try:
            found = self._store.get(name, options={"range": (begin, end)})
            return Range(bytes(found.bytes()), found.meta["size"])
        except refusals.GenericError as error:
            if _status(error) == _NO_SUCH_RANGE:
                return Range(b"", 0)
            raise

    def sizes(self, folder: str) -> dict[str, int]:
        """List the objects under a folder, however deep, with their sizes.

        Raises:
            BucketUnavailable: nobody knows.
        """
        with _told("Listing objects"):
            pages = self._store.list(folder)
            return {meta["path"]: meta["size"] for page in pages for meta in page}

    def folders(self, folder: str) -> list[str]:
        """List the folders right under a folder, by their whole names.

        Raises:
            BucketUnavailable: nobody knows.
        """
        with _told("Listing objects"):
            return list(self._store.list_with_delimiter(folder)["common_prefixes"])

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; missing ones are fine.

        Raises:
            BucketUnavailable: some of them may be left.
        """
        wanted = list(names)
        if wanted:
            with _told("Removing objects"):
                self._store.delete(wanted)

    def _be_there(self) -> None:
        """Tell a bucket without an object from no bucket: both are 404.

        Raises:
            BucketMissing: there is none.
        """
        with _told("Looking for the bucket"):
            self._store.list_with_delimiter("none")


@contextmanager
def _told(doing: str, *, missing_is_bucket: bool = True) -> Iterator[None]:
    """Turn a client's exceptions into ours."""
    try:
        yield
    except (refusals.BaseError, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and not missing_is_bucket:
            raise
        raise _fault(doing, error) from None


def _fault(doing: str, error: BaseException) -> BucketUnavailable:
    # Requesters are told, too: the bucket's name is none of their business.
    if isinstance(error, FileNotFoundError) or _status(error) == _NOT_FOUND:
        return BucketMissing(f"{doing} failed: the vault's bucket is not there.")
    if isinstance(error, _REFUSED):
        return BucketRefused(f"{doing} failed: the vault's bucket refuses this server.")
    return BucketUnavailable(f"{doing} failed: the vault's bucket did not do it ({_cause(error)}).")


def _cause(error: BaseException) -> str:
    """Say what happened without the service's words, which may repeat names and keys."""
    if status := _status(error):
        return f"HTTP {status}"
    text = str(error)
    if "timed out" in text or "TimedOut" in text:
        return "it took too long"
    if "error sending request" in text or "connect" in text:
        return "no connection"
    return type(error).__name__


def _status(error: BaseException) -> str | None:
    found = _STATUS.search(str(error))
    return found[1] if found else None


def _config(bucket: Bucket) -> "S3Config":
    config: S3Config = {}
    if bucket.endpoint is not None:
        config["endpoint"] = bucket.endpoint
    if bucket.region is not None:
        config["region"] = bucket.region
    if bucket.access_key_id is not None and bucket.secret_access_key is not None:
        config["access_key_id"] = bucket.access_key_id
        config["secret_access_key"] = bucket.secret_access_key
    return config


def _client(bucket: Bucket, patience: Patience) -> "ClientConfig":
    client: ClientConfig = {
        "connect_timeout": _CONNECT,
        "timeout": timedelta(seconds=patience.request_s),
        # What travels is sealed, and requests are signed: an endpoint may be without TLS.
        "allow_http": True,
    }
    if bucket.ca_pem is not None:
        client["root_certificate"] = bucket.ca_pem
    return client


def _retries(patience: Patience) -> "RetryConfig":
    return {
        "max_retries": patience.retries,
        "retry_timeout": timedelta(seconds=patience.all_s),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
        },
    }
