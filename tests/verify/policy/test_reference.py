"""What the documents say of the policy file is what the model does."""

import re
from pathlib import Path

import pytest

from sp1tee.verify.policy import Policy
from sp1tee.verify.policy.reading import LoadedPolicy, examine_policy
from sp1tee.verify.policy.reference import sections

DOCUMENT = Path(__file__).parents[3] / "docs" / "policy.md"
TEXT = DOCUMENT.read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_policy(example: str) -> None:
    whole = example if "schema = " in example else f'schema = "sp1tee.policy.v1"\n{example}'
    assert isinstance(examine_policy(whole.encode(), Path("policy.toml")), LoadedPolicy)


def test_every_section_has_its_table() -> None:
    assert set(sections()) == set(re.findall(r"^<!-- policy: (\S+) -->$", TEXT, re.MULTILINE))


def test_every_key_is_described() -> None:
    tables = {name: cls for name, cls in Policy.model_fields.items() if name in sections()}
    assert set(tables) == {name for name in sections() if "." not in name}
    for rows in sections().values():
        assert rows
        assert all(row.text.endswith(".") and row.kind for row in rows)
