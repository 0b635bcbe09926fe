"""Appraising saved evidence by what was typed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sp1tee.cli.verify.common import Options, conclude, demand_host, load
from sp1tee.verify.appraisal import NOTHING, appraise
from sp1tee.verify.policy.model import Section


def conclude_on(
    path: Path,
    options: Options,
    rooms: Mapping[str, Section],
    *,
    host: str | None = None,
    **anchors: Path | None,
) -> NoReturn:
    """Appraise some rooms of a saved bundle by what was typed for them, and end the command.

    What is not pinned is then a question that nobody asked.

    Args:
        path: the bundle.
        options: what was typed.
        rooms: which rooms, each with its section of the policy.
        host: whom it must be about, if that was typed.
        anchors: files that were named instead of the policy's.

    Raises:
        EvidenceFileError: the bundle cannot be read.
        ConfigError: it is about another host.
        PolicyError: a file that the policy names is not what it should be.
    """
    bundle = load(options, path)
    demand_host(bundle, host)
    named = NOTHING if options.policy is None else options.policy.policy
    given = {name: file for name, file in anchors.items() if file is not None}
    trusting = named.anchors.model_copy(update=given)
    policy = named.model_copy(update={**rooms, "anchors": trusting})
    findings, inputs, notes = appraise(bundle, policy, at=options.at, rooms=rooms, required=False)
    conclude(options, bundle.manifest.target.host, findings, inputs, notes)
