"""From a pin to the image behind it, trusting nothing but bytes that hash to what was asked."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import (
    Config,
    Descriptor,
    Document,
    Index,
    Manifest,
    digest_of,
    read_document,
)
from sp1tee.verify.digests.evidence import ImageEvidence, Served
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.references import Reference


@dataclass(frozen=True, slots=True)
class Obtained:
    """Bytes with the digest that was asked for."""

    digest: str
    url: str
    media_type: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class OtherBytes:
    """Bytes that a registry served under a digest that is not theirs."""

    url: str
    asked: str
    got: str


@dataclass(frozen=True, slots=True)
class NotObtained:
    """Nothing: a registry's refusal or silence, or None if nobody asked."""

    asked: str
    code: str | None = None
    message: str | None = None


Answer: TypeAlias = Obtained | OtherBytes | NotObtained


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of an index's manifests an engine of a platform runs.

    Attributes:
        fitting: those it may run; sound is exactly one.
        attestations: those that are not images.
        others: the platforms of the rest.
    """

    fitting: tuple[Descriptor, ...]
    attestations: tuple[Descriptor, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known about the image behind a pin.

    Attributes:
        reference: the image as the compose file names it.
        pin: what came for the pinned digest.
        document: the pinned document, or why it cannot be read.
        choice: for an index, what it holds for the platform.
        platform_pin: what came for the platform's manifest, if an index names one.
        manifest: the platform's manifest, or why it cannot be read.
        config_pin: what came for the configuration.
        config: the configuration, or why it cannot be read.
    """

    reference: Reference
    pin: Answer
    document: Document | VerifyError | None = None
    choice: Choice | None = None
    platform_pin: Answer | None = None
    manifest: Manifest | VerifyError | None = None
    config_pin: Answer | None = None
    config: Config | VerifyError | None = None

    @property
    def known_digests(self) -> tuple[str, ...]:
        """Digests that name this image on its platform: the manifest's, and the pin."""
        digests = [self.reference.digest] if self.choice is None else []
        if isinstance(self.manifest, Manifest):
            digests.append(self.manifest.digest)
        elif self.choice is not None and len(self.choice.fitting) == 1:
            digests.append(self.choice.fitting[0].digest)
        return tuple(dict.fromkeys(filter(None, digests)))


def examine(reference: Reference, evidence: ImageEvidence, platform: Platform) -> ImageFacts:
    """Follow a pinned reference to its manifest and configuration."""
    pin = reference.digest
    assert pin is not None
    facts = ImageFacts(reference, obtain(evidence, pin))
    if not isinstance(facts.pin, Obtained):
        return facts
    document = _read(facts.pin)
    facts = replace(facts, document=document)
    if isinstance(document, Index):
        facts = _enter(facts, document, evidence, platform)
    elif isinstance(document, Manifest):
        facts = replace(facts, manifest=document)
    return _configured(facts, evidence) if isinstance(facts.manifest, Manifest) else facts


def _enter(
    facts: ImageFacts, index: Index, evidence: ImageEvidence, platform: Platform
) -> ImageFacts:
    choice = choose(index, platform)
    facts = replace(facts, choice=choice)
    if len(choice.fitting) != 1:
        return facts
    answer = obtain(evidence, choice.fitting[0].digest, of=index.digest)
    facts = replace(facts, platform_pin=answer)
    if not isinstance(answer, Obtained):
        return facts
    manifest = _read(answer)
    if isinstance(manifest, Index):
        manifest = EvidenceMalformed("The index names another index where an image should be.")
    return replace(facts, manifest=manifest)


def _configured(facts: ImageFacts, evidence: ImageEvidence) -> ImageFacts:
    assert isinstance(facts.manifest, Manifest)
    answer = obtain(evidence, facts.manifest.config.digest, of=facts.reference.digest)
    facts = replace(facts, config_pin=answer)
    if not isinstance(answer, Obtained):
        return facts
    try:
        return replace(facts, config=read_config(answer.body))
    except VerifyError as error:
        return replace(facts, config=error)


def _read(answer: Obtained) -> Document | VerifyError:
    try:
        return read_document(answer.body, answer.media_type)
    except VerifyError as error:
        return error


def obtain(evidence: ImageEvidence, digest: str, of: str | None = None) -> Answer:
    """Find what was served for a digest; bytes count by their own hash alone."""
    asked = [served for served in evidence if served.digest == digest and served.of == of]
    for served in asked:
        if served.body is not None and digest_of(served.body) == digest:
            return Obtained(digest, served.url, served.media_type, served.body)
    return _without(digest, asked)


def _without(digest: str, asked: list[Served]) -> OtherBytes | NotObtained:
    for served in asked:
        if served.body is not None:
            return OtherBytes(served.url, digest, digest_of(served.body))
        if served.trouble is not None:
            return NotObtained(digest, served.trouble.code, served.trouble.message)
    return NotObtained(digest)


def choose(index: Index, platform: Platform) -> Choice:
    """Choose as an engine does: by platform; an entry without one may be for any."""
    images = [entry for entry in index.manifests if not entry.is_attestation]
    fitting = [
        entry for entry in images if entry.platform is None or platform.takes(entry.platform)
    ]
    return Choice(
        tuple(fitting),
        tuple(entry for entry in index.manifests if entry.is_attestation),
        tuple(str(entry.platform) for entry in images if entry not in fitting),
    )


def resolved_now(evidence: ImageEvidence) -> str | None:
    """Return the digest of what a tag led to when it was asked; None if it led nowhere."""
    for served in evidence:
        if served.of is None and served.body is not None:
            try:
                return read_document(served.body, served.media_type).digest
            except VerifyError:
                return None
    return None
