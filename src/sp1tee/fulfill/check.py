"""What a look at this machine found."""

from dataclasses import dataclass

from sp1tee.errors import Sp1teeError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether it is as it should be.
        text: what was found.
        advice: what to do if it is not ok.
        needed: whether nothing can be fulfilled without it.
    """

    name: str
    ok: bool
    text: str
    advice: str = ""
    needed: bool = True

    @classmethod
    def failed(cls, name: str, error: Sp1teeError) -> "Check":
        """Say that an error ended it."""
        return cls(name, ok=False, text=error.message, advice=error.advice)
