"""From facts to findings."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sp1tee.verify.checks import Check, Findings, Rule, Status
from sp1tee.verify.facts import Basis, Fact
from sp1tee.verify.osimage import rules
from sp1tee.verify.osimage.examining import OsFacts
from sp1tee.verify.osimage.table import Image
from sp1tee.verify.policy import OsPolicy

QUOTE: Final = "verified TDX quote"
UNVERIFIED: Final = "a quote that was not verified here"
TABLE: Final = "table of OS images"
_MEASURES: Final = {
    "MRTD": "the virtual firmware",
    "RTMR1": "the kernel",
    "RTMR2": "the kernel's command line, which holds the root file system's hash, and the initrd",
}


def judge(
    facts: OsFacts, policy: OsPolicy, *, genuine: bool, os_image_hash: bytes | None = None
) -> Findings:
    """Judge the image that booted.

    Args:
        facts: what booted.
        policy: what the reader accepts.
        genuine: whether the quote was verified.
        os_image_hash: the `os-image-hash` event, if RTMR3 bears it out. Never what a host's
            `vm_config` says: whoever asks for a quote can choose that.
    """
    checks = tuple(_checks(facts, policy, os_image_hash))
    known = checks if genuine else tuple(map(_unproven, checks))
    return Findings(known, tuple(_facts(facts, genuine=genuine)))


def _unproven(check: Check) -> Check:
    """Let nothing pass that only a quote says which may be anybody's."""
    if check.status is not Status.PASS:
        return check
    return replace(
        check,
        status=Status.UNEVALUABLE,
        summary="The quote says so, but is not known to be genuine.",
        remedy="See the checks of quote.",
        anchors=(UNVERIFIED,),
    )


def _checks(facts: OsFacts, policy: OsPolicy, os_image_hash: bytes | None) -> Iterator[Check]:
    if facts.image is None:
        yield _unknown(facts)
        yield _not_known(rules.ACCEPTED)
        yield _not_known(rules.RELEASE)
    else:
        yield rules.IMAGE.passes(_called(facts.image), anchors=(QUOTE, facts.image.source))
        yield _accepted(facts.image, policy)
        yield _release(facts.image, policy)
    yield _image_hash(facts.image, os_image_hash)
    yield rules.RTMR0.skips(
        "RTMR0 is shown, not judged: it depends on memory, devices and the host's QEMU. What the "
        "host's ACPI tables do is therefore not known.",
        actual=facts.rtmr0.hex(),
    )


def _unknown(facts: OsFacts) -> Check:
    values = _values(facts)
    told = [f"{name} {value.hex()} is of {_MEASURES[name]}" for name, value in values.items()]
    if facts.nearest is not None:
        told += [
            f"The nearest known image is {facts.nearest.name}. {name} differs from it: it is of "
            f"{_MEASURES[name]}."
            for name in facts.differing
        ]
    return rules.IMAGE.refuses(
        "No known image has these measurements.",
        actual="; ".join(f"{name} {value.hex()}" for name, value in values.items()),
        remedy="Measure the image that the operator names, from its published release. If the "
        "values are these, add it to a table and name that in the policy's anchors.os_images:\n"
        + _entry(facts),
        details=tuple(told),
    )


def _accepted(image: Image, policy: OsPolicy) -> Check:
    if not policy.images:
        return rules.ACCEPTED.passes("Every image in the table is accepted.")
    if image.name in policy.images:
        return rules.ACCEPTED.passes(f"{image.name} is accepted by name.")
    return rules.ACCEPTED.refuses(
        f"{image.name} is not among the accepted images.",
        expected=" or ".join(policy.images),
        actual=image.name,
        remedy=f"If it should be accepted:\n[os]\nimages = [{json.dumps(image.name)}]",
    )


def _release(image: Image, policy: OsPolicy) -> Check:
    if not image.dev:
        return rules.RELEASE.passes(f"{image.name} is a release.")
    if policy.allow_dev:
        return rules.RELEASE.passes(f"{image.name} is a developers' image, which is allowed.")
    return rules.RELEASE.refuses(
        f"{image.name} is a developers' image: its operator can log in as root.",
        expected="a release",
        actual=image.name,
        remedy="Have the operator move to a release image. For a trial only:\n[os]\n"
        "allow_dev = true",
        details=("Whoever logs in as root reads every input and every key of the guest.",),
    )


def _image_hash(image: Image | None, os_image_hash: bytes | None) -> Check:
    if os_image_hash is None:
        return rules.IMAGE_HASH.skips("No os-image-hash was measured: only a KMS names the image.")
    if image is None:
        return _not_known(rules.IMAGE_HASH, actual=os_image_hash.hex())
    if image.os_image_hash is None:
        return rules.IMAGE_HASH.skips(
            f"The table has no os_image_hash for {image.name}.", actual=os_image_hash.hex()
        )
    told = image.os_image_hash, os_image_hash.hex()
    if told[0] != told[1]:
        return rules.IMAGE_HASH.fails(
            "The KMS accepted another image than the one that booted.",
            expected=told[0],
            actual=told[1],
            remedy="Don't trust this guest: its measurements and its KMS disagree.",
        )
    return rules.IMAGE_HASH.passes("The KMS names the same image.", expected=told[0])


def _not_known(rule: Rule, *, actual: str | None = None) -> Check:
    return rule.unevaluable(
        "Which image booted is not known.", actual=actual, remedy=f"See {rules.IMAGE.id}."
    )


def _called(image: Image) -> str:
    version = f" (dstack {image.version})" if image.version else ""
    return f"{image.name}{version} booted."


def _values(facts: OsFacts) -> dict[str, bytes]:
    return {"MRTD": facts.mrtd, "RTMR1": facts.rtmr1, "RTMR2": facts.rtmr2}


def _entry(facts: OsFacts) -> str:
    entry = {
        "name": "…",
        "dev": False,
        "mrtd": [facts.mrtd.hex()],
        "rtmr1": [facts.rtmr1.hex()],
        "rtmr2": facts.rtmr2.hex(),
        "source": "…",
    }
    return json.dumps(entry, ensure_ascii=False)


def _facts(facts: OsFacts, *, genuine: bool) -> Iterator[Fact]:
    basis, anchor = (Basis.ATTESTED, QUOTE) if genuine else (Basis.CLAIMED, UNVERIFIED)
    for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2"):
        yield Fact(f"os.{name}", getattr(facts, name).hex(), basis, anchor)
    if facts.image is not None:
        yield Fact("os.image", facts.image.name, Basis.COMPUTED, TABLE)
        yield Fact("os.dev", facts.image.dev, Basis.COMPUTED, TABLE)
    elif facts.nearest is not None:
        yield Fact("os.nearest_image", facts.nearest.name, Basis.COMPUTED, TABLE)
