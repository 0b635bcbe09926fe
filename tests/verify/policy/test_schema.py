"""The policy's JSON schema says what the reader does."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.policies import FULL, LEAST

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "policy.v1.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_json(text: str) -> Any:
    """Write TOML's dates as text, as editors do before they validate."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


@pytest.mark.parametrize("text", [FULL, LEAST])
def test_it_accepts_policies(text: str) -> None:
    VALIDATOR.validate(as_json(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[quote]\n",
        LEAST + "[rtmr3]\napp-id = 1\n",
        LEAST + '[rtmr3]\napp_id = "9b78"\n',
        LEAST + '[quote]\ntcb_status = ["Fine"]\n',
        LEAST + "[quote]\ntcb_status = []\n",
        LEAST + "[cert]\nmin_scts = 11\n",
        LEAST + '[[waivers]]\ncheck = "a.b"\n',
    ],
)
def test_it_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(as_json(text))
