"""Accounts: of each the network keeps the next nonce, one for all methods."""

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.ledger import Call
from sp1tee.sim.network.policy import RefusalStatus
from sp1tee.sim.network.strict import Signed, SignedBody
from sp1tee.wire.signing import Address, checksum_address


class Accounts:
    """Nonces by account; an account that nobody has seen is at 0.

    Args:
        stale: status for a nonce that is not the account's next.
    """

    def __init__(self, stale: RefusalStatus) -> None:
        self._stale = stale
        self._next: dict[Address, int] = {}

    def nonce(self, account: Address) -> int:
        """Return an account's next nonce."""
        return self._next.get(account, 0)

    def check(self, signed: Signed[SignedBody]) -> None:
        """Refuse a call whose nonce is not exactly its signer's next."""
        expected, given = self.nonce(signed.signer), signed.body.nonce
        if given != expected:
            raise NetworkRefusal(
                "failed nonce verification: invalid nonce for sender "
                f"{checksum_address(signed.signer)} expected {expected}, got {given}",
                status=self._stale,
            )

    def use(self, signed: Signed[SignedBody]) -> Call:
        """Use up the nonce of a call that is accepted."""
        self.skip(signed.signer)
        return Call(signed.signer, signed.body.nonce, signed.digest)

    def skip(self, account: Address) -> None:
        """Use up an account's next nonce."""
        self._next[account] = self.nonce(account) + 1
