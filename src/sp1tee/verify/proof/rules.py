"""What has to hold about a proof."""

from typing import Final

from sp1tee.verify.checks import Rule

FORM: Final = Rule(
    "proof.form",
    "SP1TEE-V800",
    "The file is an SP1 proof of a known version",
    "What cannot be read proves nothing.",
    waivable=False,
)
GENUINE: Final = Rule(
    "proof.genuine",
    "SP1TEE-V801",
    "The proof is no mock",
    "A mock has the form and the claims of a proof and proves nothing.",
    waivable=False,
)
PROGRAM: Final = Rule(
    "proof.program",
    "SP1TEE-V802",
    "The proof is of this program",
    "A valid proof of another program says nothing about this one.",
    waivable=False,
)
PUBLIC_VALUES: Final = Rule(
    "proof.public-values",
    "SP1TEE-V803",
    "The proof carries these public values",
    "The same program proves anything about other values.",
    waivable=False,
)
COMMITMENT: Final = Rule(
    "proof.commitment",
    "SP1TEE-V804",
    "The proof commits to the public values that it carries",
    "Only their digest is proved; the values beside it could have been exchanged.",
    waivable=False,
)
EXIT_CODE: Final = Rule(
    "proof.exit-code",
    "SP1TEE-V805",
    "The proof says that the program ran to its end",
    "A run that panicked can be proved too; its public values mean nothing.",
)
COMPLETE: Final = Rule(
    "proof.complete",
    "SP1TEE-V806",
    "The proof says that it covers the whole run",
    "A proof of some of the shards leaves out what the others did.",
    waivable=False,
)
CIRCUITS: Final = Rule(
    "proof.circuits",
    "SP1TEE-V807",
    "The proof names SP1's released circuits",
    "Whoever chooses the circuits chooses what is proved.",
    waivable=False,
)
CRYPTOGRAPHY: Final = Rule(
    "proof.cryptography",
    "SP1TEE-V808",
    "The proof is valid: what it says is so",
    "Everything else is read from the proof, and whoever can write a file can write it so.",
    waivable=False,
)

RULES: Final[tuple[Rule, ...]] = (
    *(FORM, GENUINE, PROGRAM, PUBLIC_VALUES, COMMITMENT, EXIT_CODE, COMPLETE, CIRCUITS),
    CRYPTOGRAPHY,
)
