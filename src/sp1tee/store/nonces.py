"""Account nonces: the interface."""

from typing import Protocol


class Nonces(Protocol):
    """The next nonce of every account, as GetNonce answers it."""

    async def get(self, address: bytes) -> int:
        """Say which nonce comes next; 0 for an account never seen."""

    async def advance(self, address: bytes, to: int) -> None:
        """Move the next nonce up to at least `to`; it never moves down."""
