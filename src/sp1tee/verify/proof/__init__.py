"""Does a proof prove this program and these public values?"""

from sp1tee.verify.proof.examining import SIZE, examine, unreadable
from sp1tee.verify.proof.program_key import ProgramKey, read_program_key
from sp1tee.verify.proof.rules import RULES

__all__ = ["RULES", "SIZE", "ProgramKey", "examine", "read_program_key", "unreadable"]
