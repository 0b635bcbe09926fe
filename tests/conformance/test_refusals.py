"""What the SDK's user reads when there is no proof: at once, not when the request is due."""

import pytest
from conformance.conftest import Ask
from conformance.matrix import REFUSED, Row
from support.native_programs import prover_program

pytestmark = [pytest.mark.e2e, pytest.mark.sdk]


def named(row: Row) -> str:
    return row.name


@pytest.mark.parametrize("row", REFUSED, ids=named)
def test_the_sdk_is_told_of(row: Row, ask: Ask) -> None:
    if row.native:
        prover_program()
    said = ask(row)
    assert said.code == 1, said
    assert row.told in said.err
    assert "proof in" not in said.out
