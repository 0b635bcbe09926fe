"""The policy file as a JSON schema, for editors and for whoever generates policies."""

from typing import Any

from sp1tee.verify.policy.model import Policy


def policy_schema() -> dict[str, Any]:
    """Return the schema, without its dialect.

    The file must name its schema, though the model has a default for it; and while it is written,
    an editor validates TOML, whose dates are none to JSON's validators but text.
    """
    schema = Policy.model_json_schema(by_alias=True)
    return {**schema, "required": ["schema"]}
