"""What tests of the tools share."""

from pathlib import Path

import pytest
from support.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("SP1TEE_NATIVE_CPU", raising=False)
    return Workshop(tmp_path)
