"""Does a proof prove this program and these public values?"""

from sp1tee.verify.proof.examining import examine, size_limit, unreadable
from sp1tee.verify.proof.program_key import (
    KEY_FILE_SIZE,
    ProgramKey,
    program_key,
    read_key_file,
    read_program_key,
)
from sp1tee.verify.proof.rules import RULES
from sp1tee.wire.verifier import Verifier

__all__ = [
    "KEY_FILE_SIZE",
    "RULES",
    "ProgramKey",
    "Verifier",
    "examine",
    "program_key",
    "read_key_file",
    "read_program_key",
    "size_limit",
    "unreadable",
]
