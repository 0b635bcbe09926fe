"""The unmodified Rust SDK gets its proof, and its own verifier accepts it.

Core and compressed proofs are real, SP1 made them; see support/proof_archive.py. PLONK and Groth16
proofs are mocks, which the SDK takes and does not verify.
"""

import pytest
from conformance.conftest import Ask
from conformance.matrix import MOCKED, PROVED, Row
from conformance.tasks import Tasks

pytestmark = [pytest.mark.e2e, pytest.mark.sdk]


def named(row: Row) -> str:
    return row.name


@pytest.mark.parametrize("row", PROVED, ids=named)
def test_the_sdk_gets_a_proof_and_verifies_it(row: Row, ask: Ask, tasks: Tasks) -> None:
    said = ask(row)
    assert said.code == 0, said
    assert f"version v6.1.0, public_values {tasks[row.task].public_values.hex()}" in said.out
    assert said.out.splitlines()[-1] == row.told


@pytest.mark.parametrize("row", MOCKED, ids=named)
def test_the_sdk_gets_a_mock_and_does_not_verify_it(row: Row, ask: Ask, tasks: Tasks) -> None:
    said = ask(row)
    assert said.code == 0, said
    assert f"version v6.1.0, public_values {tasks[row.task].public_values.hex()}" in said.out
    assert said.out.splitlines()[-1].startswith(row.told)
