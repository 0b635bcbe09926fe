"""Rules about the whole: what was decided, and what was collected."""

from typing import Final

from sp1tee.verify.checks import Rule

DECIDED: Final = Rule(
    "policy.decided",
    "SP1TEE-V901",
    "The policy says what is acceptable",
    "Without a decision nothing can pass: a default is nobody's demand.",
    waivable=False,
)
SAME_GUEST: Final = Rule(
    "evidence.same-guest",
    "SP1TEE-V902",
    "The guest that answered Info is the one that was quoted",
    "A gateway may ask any instance of an application; another one's answer says nothing about "
    "the instance that was quoted.",
)
RULES: Final = (DECIDED, SAME_GUEST)
