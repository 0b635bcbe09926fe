"""The root of the tree."""

from typing import ClassVar


class Sp1teeError(Exception):
    """Root of the tree.

    Attributes:
        code: stable identifier of this kind of error, e.g. ``SP1TEE-W001``.
        message: what happened, one sentence, no secret and no byte of an input.
        advice: what the reader can do about it; may be empty.
    """

    code: ClassVar[str] = "SP1TEE-X000"
    exit_code: ClassVar[int] = 5
    default_advice: ClassVar[str] = ""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = self.default_advice if advice is None else advice

    def __str__(self) -> str:
        return self.message
