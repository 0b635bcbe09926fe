"""The images of a docker-compose file: pinned, served as pinned, and rebuilt."""

from sp1tee.verify.digests.building import Rebuild
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.comparing import Binaries, Comparison, Level, compare
from sp1tee.verify.digests.evidence import ImageEvidence, Served, from_records
from sp1tee.verify.digests.judging import judge, judge_pins
from sp1tee.verify.digests.opening import open_built
from sp1tee.verify.digests.pins import Use, uses, written
from sp1tee.verify.digests.platforms import LINUX_AMD64, Platform
from sp1tee.verify.digests.published import ImageFacts, examine
from sp1tee.verify.digests.references import DOCKER_HUB, Reference
from sp1tee.verify.digests.rules import COMPOSE, RULES

__all__ = [
    "COMPOSE",
    "DOCKER_HUB",
    "LINUX_AMD64",
    "RULES",
    "Binaries",
    "BuiltImage",
    "Comparison",
    "ImageEvidence",
    "ImageFacts",
    "Level",
    "Platform",
    "Rebuild",
    "Reference",
    "Served",
    "Use",
    "compare",
    "examine",
    "from_records",
    "judge",
    "judge_pins",
    "open_built",
    "uses",
    "written",
]
