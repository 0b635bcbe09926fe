"""Judging composes and images without a registry."""

from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.compose import parse_compose
from sp1tee.verify.digests import ImageEvidence, Rebuild, Served, judge
from sp1tee.verify.policy.model import DigestsPolicy
from support.oci import Image, MultiImage, compose_text

URL = "https://registry.test/"


def evidence(made: Image | MultiImage, architecture: str = "amd64") -> ImageEvidence:
    """Return what an honest registry serves for a pinned image."""
    if isinstance(made, Image):
        pinned, pin, image = made.manifest, made.digest, made
        chosen: ImageEvidence = ()
    else:
        pinned, pin = made.index, made.digest
        image = next(i for i in made.images if i.architecture == architecture)
        chosen = (Served(URL, image.digest, pin, image.media_type, image.manifest),)
    config = next(name for name, blob in image.blobs.items() if blob == image.config)
    return (
        Served(URL, pin, None, made.media_type, pinned),
        *chosen,
        Served(URL, config, pin, None, image.config),
    )


def look(
    written: str,
    images: ImageEvidence = (),
    *,
    rebuild: Rebuild | None = None,
    policy: DigestsPolicy | None = None,
    required: bool = True,
) -> Findings:
    """Judge one service named `server`, whose image stands in line 3."""
    compose = parse_compose(compose_text(server=written), "docker-compose.yml")
    built = {} if rebuild is None else {"server": rebuild}
    return judge(
        compose, {written: images}, policy or DigestsPolicy(), built=built, required=required
    )


def check(findings: Findings, rule: str, subject: str | None = None) -> Check:
    """Return the one check of a rule."""
    found = [
        each
        for each in findings.checks
        if each.id == f"digests.{rule}" and subject in {None, each.subject}
    ]
    assert len(found) == 1, [each.id for each in findings.checks]
    return found[0]


def statuses(findings: Findings) -> dict[str, str]:
    return {each.id.removeprefix("digests."): str(each.status) for each in findings.checks}
