"""What must hold of saved evidence before anything in it is judged."""

from typing import Final

from sp1tee.verify.checks import Rule

BUNDLE: Final = Rule(
    "evidence.bundle",
    "SP1TEE-V910",
    "The saved evidence is whole, as its collector left it",
    "Of a bundle that lacks a file, or has another one than it lists, nothing can be concluded.",
    waivable=False,
)
RULES: Final = (BUNDLE,)
