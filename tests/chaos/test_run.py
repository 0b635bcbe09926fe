"""Fifty rounds of faults against real processes; SP1TEE_CHAOS_SEED chooses others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


def test_nothing_is_lost_doubled_or_left_behind_in_fifty_rounds(tmp_path: Path) -> None:
    seed = os.environ.get("SP1TEE_CHAOS_SEED", "1")
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--rounds", "50", "--seed", seed, "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "violations: 0" in done.stdout
