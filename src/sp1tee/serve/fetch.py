"""Fetching a stored program, over HTTPS or from S3, chunk by chunk."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import httpx
from obstore.exceptions import BaseError, GenericError
from obstore.store import S3Store

from sp1tee.errors import ProgramSourceError, TransientSourceError
from sp1tee.http_client import HttpClient
from sp1tee.serve.sources import AllowedSources, place_of

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

MAX_REDIRECTS: Final = 3

_CHUNK = 1 << 20
_TIMEOUT = httpx.Timeout(30, connect=15)
_S3_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429})

# Without any of these the AWS chain would ask the machine's metadata service, which inside a TEE
# is nobody or, worse, the host.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class Fetcher:
    """Fetches from allowed places only, redirects included.

    Args:
        sources: the allowed places.
        s3_region: of ``s3://`` URLs; without it AWS_REGION decides.
        environment: where AWS credentials may stand; without any, S3 is asked anonymously. Its
            AWS_ALLOW_HTTP allows an AWS_ENDPOINT_URL without TLS.
    """

    def __init__(
        self,
        sources: AllowedSources,
        *,
        s3_region: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._sources = sources
        self._client = HttpClient(timeout=_TIMEOUT, follow_redirects=False)
        anonymous = not any(name in environment for name in _CREDENTIALS)
        self._s3_options: S3Config = {"skip_signature": anonymous}
        if s3_region is not None:
            self._s3_options["region"] = s3_region
        # Naming any of these hides the variable that allows an endpoint without TLS.
        self._s3_client: ClientConfig = {
            "timeout": timedelta(minutes=10),
            "connect_timeout": timedelta(seconds=15),
            "allow_http": environment.get("AWS_ALLOW_HTTP", "").lower() == "true",
        }

    async def fetch(self, url: str) -> AsyncGenerator[bytes]:
        """Yield the bytes stored at a URL.

        Raises:
            SourceRefused: it, or a place it redirects to, is not allowed.
            TransientSourceError: it cannot be had now.
            ProgramSourceError: it is not there, or not for us.
        """
        self._sources.check(url)
        chunks = self._from_s3(url) if url.startswith("s3://") else self._from_https(url)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _from_https(self, url: str) -> AsyncGenerator[bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                async with self._client.stream("GET", url) as response:
                    if response.status_code not in _REDIRECTS:
                        _check(response, url)
                        async for chunk in response.aiter_bytes(_CHUNK):
                            yield chunk
                        return
                    url = urljoin(url, response.headers.get("location", ""))
            except httpx.HTTPError as error:
                raise _unreachable(url, type(error).__name__) from None
            self._sources.check(url)
        raise ProgramSourceError(f"{place_of(url)} redirects more than {MAX_REDIRECTS} times.")

    async def _from_s3(self, url: str) -> AsyncGenerator[bytes]:
        parts = urlsplit(url)
        try:
            store = S3Store(
                parts.netloc,
                config=self._s3_options,
                client_options=self._s3_client,
                retry_config=_S3_RETRIES,
            )
            result = await store.get_async(parts.path.lstrip("/"))
            async for chunk in result.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)
        except GenericError as error:
            raise _unreachable(url, type(error).__name__) from None
        # What is missing or forbidden comes as an operating system's error.
        except (BaseError, OSError) as error:
            raise _missing(url, type(error).__name__) from None


def _check(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_server_error or status in _BUSY:
        raise _unreachable(url, f"HTTP {status}")
    raise _missing(url, f"HTTP {status}")


def _missing(url: str, how: str) -> ProgramSourceError:
    return ProgramSourceError(
        f"The program is not to be had from {place_of(url)} ({how}).",
        advice="Register the program again, or give this server credentials to read it.",
    )


def _unreachable(url: str, how: str) -> TransientSourceError:
    return TransientSourceError(f"{place_of(url)} does not deliver the program now ({how}).")
