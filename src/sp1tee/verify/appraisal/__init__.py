"""Appraisal of a whole bundle of evidence (RFC 9334 §3): every room, on what others bore out."""

from sp1tee.verify.appraisal.appraising import NOTHING, ROOMS, Appraisal
from sp1tee.verify.appraisal.files import appraise, trusted, verify_bundle
from sp1tee.verify.appraisal.parts import Parts
from sp1tee.verify.appraisal.rules import RULES
from sp1tee.verify.appraisal.trust import Trust

__all__ = [
    "NOTHING",
    "ROOMS",
    "RULES",
    "Appraisal",
    "Parts",
    "Trust",
    "appraise",
    "trusted",
    "verify_bundle",
]
