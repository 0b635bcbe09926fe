"""From a docker-compose file, what registries served, and local builds, to findings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check, Findings, Rule
from sp1tee.verify.compose import ComposeFile
from sp1tee.verify.digests.building import Rebuild, judge_build
from sp1tee.verify.digests.documents import Config, Index, Manifest
from sp1tee.verify.digests.evidence import ImageEvidence
from sp1tee.verify.digests.pins import Use, judge_file, judge_pin, uses
from sp1tee.verify.digests.platforms import LINUX_AMD64, Platform
from sp1tee.verify.digests.published import (
    Answer,
    Choice,
    ImageFacts,
    Obtained,
    OtherBytes,
    examine,
    resolved_now,
)
from sp1tee.verify.digests.rules import CONFIG, MANIFEST, PLATFORM, PLATFORM_SERVED, SERVED
from sp1tee.verify.facts import Fact, claimed, computed
from sp1tee.verify.policy.model import DigestsPolicy

_ASK: Final = "Run it again without `--offline`, or name a mirror with `--registry HOST=URL`."


def judge(
    compose: ComposeFile,
    images: Mapping[str, ImageEvidence],
    policy: DigestsPolicy,
    *,
    built: Mapping[str, Rebuild] | None = None,
    required: bool = True,
    platform: Platform = LINUX_AMD64,
) -> Findings:
    """Judge the images of a docker-compose file.

    Args:
        compose: the file.
        images: what registries served, by reference as it is written in the file.
        policy: what is demanded.
        built: local builds to compare, by service.
        required: whether a registry's answer is needed where nobody was asked; else its checks
            are skipped.
        platform: what the images run on.
    """
    listed = uses(compose)
    found = Findings(tuple(judge_file(compose, listed)))
    for use in listed:
        asked = _Asked(use, policy, required, platform)
        found += asked.judge(images.get(use.image or "", ()), (built or {}).get(use.subject))
    return found


def judge_pins(compose: ComposeFile, policy: DigestsPolicy) -> Iterator[Check]:
    """Judge what a docker-compose file says about its images, and ask nobody."""
    listed = uses(compose)
    yield from judge_file(compose, listed)
    for use in listed:
        if use.reference is not None:
            yield judge_pin(use, None, policy.allow_unpinned.__contains__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One image, and what is demanded of it."""

    use: Use
    policy: DigestsPolicy
    required: bool
    platform: Platform

    def judge(self, evidence: ImageEvidence, rebuild: Rebuild | None) -> Findings:
        """Judge the pin, what is behind it, and the build of it."""
        use = self.use
        facts: ImageFacts | None = None
        checks: list[Check] = []
        if use.reference is not None:
            now = None if use.reference.digest else resolved_now(evidence)
            checks.append(judge_pin(use, now, self.policy.allow_unpinned.__contains__))
            if use.reference.digest is not None:
                facts = examine(use.reference, evidence, self.platform)
                checks += self._behind(facts)
        if rebuild is not None:
            checks += judge_build(use, facts, rebuild)
        return Findings(tuple(checks), tuple(_facts(use, facts)))

    def _behind(self, facts: ImageFacts) -> Iterator[Check]:
        yield self._answer(SERVED, facts.pin, "the pinned document")
        if facts.document is not None:
            yield self._manifest(facts)
        if facts.choice is not None:
            yield self._choice(facts.choice)
        if facts.platform_pin is not None:
            yield self._answer(PLATFORM_SERVED, facts.platform_pin, "the platform's manifest")
        if facts.choice is None and isinstance(facts.config, Config):
            yield self._only(facts.config)
        if facts.config_pin is not None:
            yield self._config(facts)

    def _answer(self, rule: Rule, answer: Answer, what: str) -> Check:
        use = self.use
        if isinstance(answer, Obtained):
            return rule.passes(
                f"A registry serves {what}, and it hashes to its digest.",
                subject=use.subject,
                actual=answer.digest,
                anchors=(answer.url,),
            )
        if isinstance(answer, OtherBytes):
            return rule.fails(
                "The registry serves other bytes under this digest.",
                subject=use.subject,
                expected=answer.asked,
                actual=answer.got,
                anchors=(answer.url,),
                remedy="Do not run this image; ask another mirror with `--registry HOST=URL`.",
                location=use.location,
            )
        if not self.policy.require_registry or (answer.code is None and not self.required):
            return rule.skips(
                f"No registry was asked: whether it has {what} is not known."
                if answer.code is None
                else f"No registry gave {what}, and the policy does not ask for it.",
                subject=use.subject,
                expected=answer.asked,
            )
        return rule.unevaluable(
            answer.message or f"No registry was asked for {what}.",
            reason=answer.code,
            subject=use.subject,
            expected=answer.asked,
            remedy=_ASK if answer.code is None else "Check the name, the network and the registry.",
            location=use.location,
        )

    def _manifest(self, facts: ImageFacts) -> Check:
        for each in (facts.document, facts.manifest):
            if isinstance(each, VerifyError):
                return MANIFEST.unevaluable(
                    each, subject=self.use.subject, location=self.use.location
                )
        kind = "an index of several platforms" if isinstance(facts.document, Index) else "one image"
        return MANIFEST.passes(f"The pin is of {kind}.", subject=self.use.subject)

    def _choice(self, choice: Choice) -> Check:
        told = tuple(f"also for {other}" for other in choice.others)
        if choice.attestations:
            number = len(choice.attestations)
            told += (f"and {number} attestation{'s' if number > 1 else ''}, which are no images",)
        if len(choice.fitting) == 1:
            return PLATFORM.passes(
                f"The index has one image for {self.platform}.",
                subject=self.use.subject,
                actual=choice.fitting[0].digest,
                details=told,
            )
        many = bool(choice.fitting)
        return PLATFORM.refuses(
            f"The index has {len(choice.fitting) if many else 'no'} image{'s' if many else ''} for "
            f"{self.platform}.",
            subject=self.use.subject,
            expected=f"one image for {self.platform}",
            actual=", ".join(f"{e.platform or 'any'} {e.digest}" for e in choice.fitting) or None,
            details=told,
            remedy="Pin the one platform's manifest"
            + (", or name the variant, e.g. `--platform linux/arm/v7`." if many else "."),
            location=self.use.location,
        )

    def _only(self, config: Config) -> Check:
        if self.platform.takes(config.platform):
            return PLATFORM.passes(f"The image is for {self.platform}.", subject=self.use.subject)
        return PLATFORM.refuses(
            f"The image is for {config.platform}.",
            subject=self.use.subject,
            expected=str(self.platform),
            actual=str(config.platform),
            remedy="Pin the right platform's manifest, or name the platform with `--platform`.",
            location=self.use.location,
        )

    def _config(self, facts: ImageFacts) -> Check:
        assert facts.config_pin is not None
        if not isinstance(facts.config_pin, Obtained):
            return self._answer(CONFIG, facts.config_pin, "the configuration")
        if isinstance(facts.config, VerifyError):
            return CONFIG.unevaluable(
                facts.config, subject=self.use.subject, location=self.use.location
            )
        assert isinstance(facts.config, Config)
        assert isinstance(facts.manifest, Manifest)
        named, held = len(facts.config.diff_ids), len(facts.manifest.layers)
        if named != held:
            return CONFIG.fails(
                "The configuration names other layers than the manifest.",
                subject=self.use.subject,
                expected=f"{held} layers",
                actual=f"{named} layers",
                remedy="No engine runs this image; pin another one.",
                location=self.use.location,
            )
        if not self.platform.takes(facts.config.platform) and facts.choice is not None:
            return CONFIG.refuses(
                "The configuration is for another platform than the index says.",
                subject=self.use.subject,
                expected=str(self.platform),
                actual=str(facts.config.platform),
                remedy="Build the image again, and pin what comes out.",
                location=self.use.location,
            )
        return CONFIG.passes(
            f"The configuration hashes to its digest and names {held} layers.",
            subject=self.use.subject,
            actual=facts.config.digest,
            anchors=(facts.config_pin.url,),
        )


def _facts(use: Use, facts: ImageFacts | None) -> Iterator[Fact]:
    room = f"digests.{use.subject}"
    if use.image is not None:
        yield claimed(f"{room}.image", use.image, use.location.file)
    if facts is None or not isinstance(facts.pin, Obtained):
        return
    yield computed(f"{room}.pin", facts.pin.digest, facts.pin.url)
    if isinstance(facts.manifest, Manifest):
        yield computed(f"{room}.manifest", facts.manifest.digest, facts.pin.digest)
        yield computed(
            f"{room}.layers", [e.digest for e in facts.manifest.layers], facts.pin.digest
        )
    if isinstance(facts.config, Config):
        yield computed(f"{room}.config", facts.config.digest, facts.pin.digest)
        yield computed(f"{room}.platform", str(facts.config.platform), facts.config.digest)
        yield computed(f"{room}.diff_ids", list(facts.config.diff_ids), facts.config.digest)
