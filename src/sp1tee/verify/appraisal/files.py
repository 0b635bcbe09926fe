"""An appraisal by a policy whose files are on disk."""

from collections.abc import Iterable
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, PolicyError
from sp1tee.verify.appraisal.appraising import NOTHING, ROOMS, Appraisal
from sp1tee.verify.appraisal.trust import Trust
from sp1tee.verify.checks import Findings
from sp1tee.verify.conclusion import report_on
from sp1tee.verify.evidence.bundle import Bundle
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.policy import Anchors, Policy
from sp1tee.verify.policy.reading import LoadedPolicy
from sp1tee.verify.reading import read_file
from sp1tee.verify.reading.files import MIB
from sp1tee.verify.report import Input, Report

ANCHOR_LIMIT: Final = 4 * MIB


def verify_bundle(bundle: Bundle, policy: LoadedPolicy | None, *, at: int) -> Report:
    """Judge everything about a host; the same as `sp1tee verify all BUNDLE`.

    Args:
        bundle: the evidence.
        policy: what is demanded; without one nothing passes.
        at: the time to judge for, Unix seconds.

    Raises:
        EvidenceFileError: a file that the policy names cannot be read.
        PolicyError: it is not what it should be.
    """
    demanded = NOTHING if policy is None else policy.policy
    findings, inputs, notes = appraise(bundle, demanded, at=at)
    host = bundle.manifest.target.host
    return report_on(host, findings, policy=policy, at=at, inputs=inputs, notes=notes)


def appraise(
    bundle: Bundle,
    policy: Policy,
    *,
    at: int,
    rooms: Iterable[str] = ROOMS,
    required: bool = True,
) -> tuple[Findings, tuple[Input, ...], tuple[str, ...]]:
    """Appraise a bundle; returns findings, what was read, and notes. Raises as `verify_bundle`."""
    published = None if policy.compose is None else policy.compose.docker_compose
    appraisal = Appraisal(
        bundle,
        policy,
        at,
        trusted(policy.anchors),
        published=None if published is None else read_file(published, MIB),
        # Without its folder: the same evidence gives the same report wherever it is judged.
        published_name="docker-compose.yml" if published is None else published.name,
        required=required,
    )
    findings = appraisal.findings(rooms)
    return findings, tuple(_inputs(appraisal)), tuple(_notes(appraisal))


def trusted(anchors: Anchors) -> Trust:
    """Read the anchors that a policy names, all of them, before anything is judged by them.

    Raises:
        EvidenceFileError: one cannot be read.
        PolicyError: one is not what it should be.
    """
    try:
        files = {name: path and read_file(path, ANCHOR_LIMIT) for name, path in anchors}
        trust = Trust(**files)
        _ = trust.roots, trust.logs, trust.intel, trust.images
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise PolicyError(
            f"An anchor of the policy cannot be used: {error.message}",
            advice="Mend the file that [anchors] names, or leave it out to use what ships.",
        ) from None
    return trust


def _inputs(appraisal: Appraisal) -> Iterable[Input]:
    yield from appraisal.parts.inputs()
    yield from appraisal.trust.inputs()
    if appraisal.published is not None:
        yield Input("published docker-compose file", appraisal.published)


def _notes(appraisal: Appraisal) -> Iterable[str]:
    manifest = appraisal.bundle.manifest
    yield (f"The evidence was collected until {rfc3339(manifest.finished)} by {manifest.tool}.")
    if appraisal.trust.quote_root is not None:
        yield (
            "Quotes were verified up to a given root instead of Intel's: unless that is Intel's "
            "own, nothing here says anything about hardware."
        )
