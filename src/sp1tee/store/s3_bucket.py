"""Which bucket holds a vault's sealed files, and how to get in."""

import re
from dataclasses import dataclass, field
from typing import Final, final

from sp1tee.errors import ConfigError

_SCHEME: Final = "s3://"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT: Final = re.compile(r"(?!\.\.?$)[A-Za-z0-9!_.*'()-]{1,100}")
"""What S3's manual calls safe in keys, without the dots that clients fold."""


@final
@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of an S3 service, or a folder in one, for one vault alone.

    Attributes:
        name: of the bucket.
        prefix: of every key in it, without slashes at its ends; empty for the whole bucket.
        endpoint: of the service; without one AWS's own, or what AWS_ENDPOINT_URL says.
        region: without one what AWS_REGION says.
        access_key_id: without one what the AWS_ variables say.
        secret_access_key: its secret.
        ca_pem: certificates to trust beside the public ones.
    """

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    ca_pem: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{_SCHEME}{'/'.join(part for part in (self.name, self.prefix) if part)}"


def parse_vault_url(url: str) -> tuple[str, str]:
    """Split ``s3://bucket/prefix`` into both; the prefix may be missing.

    Raises:
        ConfigError: it is no such URL.
    """
    name, _, prefix = url.removeprefix(_SCHEME).rstrip("/").partition("/")
    segments = prefix.split("/") if prefix else []
    if (
        not url.startswith(_SCHEME)
        or not _NAME.fullmatch(name)
        or not all(map(_SEGMENT.fullmatch, segments))
    ):
        raise ConfigError(
            "vault_url names no bucket.", advice="Write s3://bucket or s3://bucket/prefix."
        )
    return name, prefix
