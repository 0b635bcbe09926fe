"""`bundle.json`: what was asked, of whom, when, and what came back.

Bodies are files of the bundle, named here with their digests. What could not be obtained is in the
bundle too, as a `Trouble`: a verdict given later must not be milder than one given at once.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from sp1tee.errors import VerifyError

SCHEMA: Final = "sp1tee.evidence.v1"
TEXT: Final = 4096
"""How many characters a text of a record may have."""

Path = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*){0,3}$", max_length=200
    ),
]
"""A file of the bundle. Names are chosen by the collector, never by the evidence."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _sober(moment: datetime) -> datetime:
    """Refuse what calendars and clocks of other time zones cannot express."""
    if moment.year not in _YEARS:
        raise ValueError("it is no time at which evidence was collected")
    return moment


_YEARS: Final = range(2000, 9000)
Moment = Annotated[AwareDatetime, AfterValidator(_sober)]
Text = Annotated[str, StringConstraints(max_length=TEXT)]


class Record(BaseModel):
    """One entry of the manifest. It has a body, or says why there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _either(self) -> Self:
        body = getattr(self, "file", None) or getattr(self, "chain", None)
        if body is not None and getattr(self, "trouble", None) is not None:
            raise ValueError("it has a body and a reason why there is none")
        return self


class Trouble(Record):
    """Why something is not there: an error's code and message."""

    code: Text
    message: Text

    @classmethod
    def of(cls, error: VerifyError, limit: int = TEXT) -> Self:
        """Make an error the reason; at most `limit` characters of its message are kept."""
        return cls(code=error.code, message=error.message[:limit])


class File(Record):
    """A file of the bundle."""

    sha256: Sha256
    size: int = Field(ge=0)


class Target(Record):
    """What the evidence is about."""

    host: Text
    port: int = Field(default=443, ge=1, le=65535)


class Endpoint(Record):
    """What one address presented in one TLS handshake.

    `chain` is a PEM file, the leaf first, exactly as served; nothing about it was checked.
    """

    address: Text
    port: int
    server_name: Text
    protocol: Text | None = None
    chain: Path | None = None
    trouble: Trouble | None = None


class IngressFile(Record):
    """One evidence file, and the leaf that the connection which brought it presented.

    `name` is the file's in the evidence directory; `leaf_sha256` is the digest of the leaf's DER.
    """

    name: Text
    url: Text
    address: Text | None = None
    leaf_sha256: Sha256 | None = None
    file: Path | None = None
    trouble: Trouble | None = None


class DnsReply(Record):
    """One answer of one resolver, as a DNS message in wire form.

    `resolver` is written as on the command line, e.g. ``9.9.9.9`` or ``https://dns.google/dns-query``.
    """

    resolver: Text
    transport: Literal["udp", "tcp", "tls", "https"]
    name: Text
    type: Text
    file: Path | None = None
    trouble: Trouble | None = None


class Download(Record):
    """Something from one address: the guest agent's Info, a quote's collateral."""

    source: Text
    file: Path | None = None
    trouble: Trouble | None = None


class ImageManifest(Record):
    """What a registry served for an image.

    `reference` is the image as the compose file names it; `of` is the reference's own digest for
    a platform's manifest that an index named.
    """

    reference: Text
    url: Text
    digest: Text | None = None
    media_type: Text | None = None
    of: Text | None = None
    file: Path | None = None
    trouble: Trouble | None = None


class Manifest(Record):
    """The whole manifest."""

    schema_: Literal["sp1tee.evidence.v1"] = Field(default=SCHEMA, alias="schema")
    tool: Text
    target: Target
    begun: Moment
    finished: Moment
    endpoints: tuple[Endpoint, ...] = ()
    ingress: tuple[IngressFile, ...] = ()
    dns: tuple[DnsReply, ...] = ()
    info: Download | None = None
    collateral: Download | None = None
    images: tuple[ImageManifest, ...] = ()
    files: dict[Path, File] = {}
