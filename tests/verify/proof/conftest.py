"""What tests of proofs share."""

import pytest
from support import snarks

from sp1tee.verify.proof import examining, onchain
from sp1tee.wire.modes import Mode


@pytest.fixture
def made_up_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up circuit in the place of the published one."""
    monkeypatch.setattr(onchain, "groth16_key", lambda _: snarks.key())
    digest = snarks.proof().vkey_hash
    monkeypatch.setattr(examining, "DIGESTS", {(Mode.GROTH16, snarks.VERSION): digest})
