"""Judging a local build against the published image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.comparing import Binaries, Comparison, Level, compare
from sp1tee.verify.digests.pins import Use
from sp1tee.verify.digests.published import ImageFacts
from sp1tee.verify.digests.rules import BUILD, BUILD_CONFIG

_REACHED: Final = {
    Level.MANIFEST: "The build has the same manifest: the images are the same byte for byte.",
    Level.CONFIG: "The build has the same configuration and so the same layers; only how they are "
    "packed differs.",
    Level.LAYERS: "The build has the same layers and settings; dates, labels or history differ.",
    Level.BINARY: "The build has the same program; the rest of the image was not reproduced.",
}
_UNREPRODUCED: Final = (
    "The build is not reproducible: it gives another image. That is no sign of tampering, and no "
    "proof against it either."
)
_REPRODUCE: Final = (
    "Build with the same BuildKit, `SOURCE_DATE_EPOCH`, `--provenance=false --sbom=false`, "
    "`rewrite-timestamp=true` and pinned base images and packages; or compare one program with "
    "`--binary PATH`."
)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A local build of a service.

    Attributes:
        image: it, or why it cannot be read.
        binaries: one program's digests in both images, or why they are not known; None if nobody
            asked.
    """

    image: BuiltImage | VerifyError
    binaries: Binaries | VerifyError | None = None


def judge_build(use: Use, published: ImageFacts | None, rebuild: Rebuild) -> Iterator[Check]:
    """Compare a build with what the pin leads to."""
    if isinstance(rebuild.image, VerifyError):
        yield BUILD.unevaluable(rebuild.image, subject=use.subject, location=use.location)
        return
    if published is None:
        yield BUILD.unevaluable(
            "The image is not pinned, so there is nothing to compare the build with.",
            subject=use.subject,
            remedy="Pin the image first.",
            location=use.location,
        )
        return
    binaries = rebuild.binaries if isinstance(rebuild.binaries, Binaries) else None
    comparison = compare(published, rebuild.image, binaries)
    yield _build(use, published, rebuild, comparison)
    if comparison.settings is not None:
        yield _settings(use, comparison)


def _build(use: Use, published: ImageFacts, rebuild: Rebuild, comparison: Comparison) -> Check:
    image = rebuild.image
    assert isinstance(image, BuiltImage)
    # Of an index, what runs is the platform's image.
    expected = next(reversed(published.known_digests), published.reference.digest)
    actual = image.digests[0] if image.digests else f"configuration {image.config.digest}"
    notes = tuple(f"note: {note}" for note in image.notes)
    if comparison.level is not None:
        return BUILD.passes(
            _REACHED[comparison.level],
            subject=use.subject,
            expected=expected,
            actual=f"the same {comparison.level}: {actual}",
            details=(
                f"level reached: {comparison.level}",
                *_program(rebuild),
                *comparison.differences,
                *notes,
            ),
            anchors=(image.source,),
        )
    if not comparison.complete:
        return BUILD.unevaluable(
            "The manifest is another one, and the published image's configuration is not there to "
            "compare more.",
            subject=use.subject,
            expected=expected,
            actual=actual,
            remedy="Run it again with a registry that can be asked.",
            location=use.location,
        )
    return BUILD.refuses(
        _UNREPRODUCED,
        subject=use.subject,
        expected=expected,
        actual=actual,
        details=(*comparison.differences, *_program(rebuild), *notes),
        anchors=(image.source,),
        remedy=_REPRODUCE,
        location=use.location,
    )


def _program(rebuild: Rebuild) -> Iterator[str]:
    found = rebuild.binaries
    if isinstance(found, VerifyError):
        yield f"the programs could not be compared: {found}"
    elif found is not None and found.built == found.published:
        yield f"{found.path} has the SHA-256 {found.built} in both"
    elif found is not None:
        yield f"{found.path}: built {found.built}, published {found.published}"


def _settings(use: Use, comparison: Comparison) -> Check:
    if not comparison.settings:
        return BUILD_CONFIG.passes("The settings are the same.", subject=use.subject)
    return BUILD_CONFIG.refuses(
        "The published image starts in another way than the local build.",
        subject=use.subject,
        actual=", ".join(comparison.settings),
        details=tuple(
            line for line in comparison.differences if line.split(":", 1)[0] in comparison.settings
        ),
        remedy="Look for what differs between the Dockerfile that you built and the published one: "
        "time and packing do not explain it.",
        location=use.location,
    )
