"""What registries served for images, as it comes out of a bundle or of a fetcher."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sp1tee.verify.evidence.manifest import ImageManifest, Trouble


@dataclass(frozen=True, slots=True)
class Served:
    """One document that was asked for.

    Attributes:
        url: where.
        digest: what it was asked by, a digest; None if it was asked by a tag.
        of: the reference's own digest, for what was asked because of that: the platform's
            manifest, the configuration.
        media_type: what it was served as.
        body: its bytes; None if there are none.
        trouble: why there are none.
    """

    url: str
    digest: str | None
    of: str | None
    media_type: str | None
    body: bytes | None = field(repr=False)
    trouble: Trouble | None = None


ImageEvidence = tuple[Served, ...]
"""Everything that was asked for one reference, in the order of asking."""


def from_records(
    records: Iterable[tuple[ImageManifest, bytes | None]],
) -> Mapping[str, ImageEvidence]:
    """Sort a bundle's records, each with its body, by the reference the compose file writes."""
    sorted_: dict[str, ImageEvidence] = {}
    for record, body in records:
        served = Served(
            record.url, record.digest, record.of, record.media_type, body, record.trouble
        )
        sorted_[record.reference] = (*sorted_.get(record.reference, ()), served)
    return sorted_
