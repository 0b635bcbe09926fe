"""Is it the application, the code, the image, the keys and the instance that the reader wants?"""

from collections.abc import Collection, Iterator

from sp1tee.verify.checks import Check, Rule
from sp1tee.verify.policy import Rtmr3Policy
from sp1tee.verify.rtmr3 import rules
from sp1tee.verify.rtmr3.examining import Rtmr3Facts
from sp1tee.verify.rtmr3.payloads import APP_ID_SIZE, Provider

_ELSEWHERE = "known from elsewhere, not copied from here"


def pins(facts: Rtmr3Facts, policy: Rtmr3Policy, *, required: bool) -> Iterator[Check]:
    """Compare what was measured with what the policy pins."""
    yield _app_id(facts, policy, required=required)
    yield _derived(facts)
    yield _compose_hash(facts, policy, required=required)
    yield _key_provider(facts, policy, required=required)
    yield _os_image_hash(facts, policy)
    yield _instance(facts, policy)


def _app_id(facts: Rtmr3Facts, policy: Rtmr3Policy, *, required: bool) -> Check:
    if policy.app_id is None:
        return _unpinned(
            rules.APP_ID,
            "Which application this should be was not said, so any would do.",
            f'[rtmr3]\napp_id = "{_hex(facts.app_id)}"',
            required=required,
        )
    return _compared(rules.APP_ID, "application", facts.app_id, [policy.app_id])


def _compose_hash(facts: Rtmr3Facts, policy: Rtmr3Policy, *, required: bool) -> Check:
    if not policy.compose_hash:
        return _unpinned(
            rules.COMPOSE_HASH,
            "Which app-compose.json this should run was not said.",
            f'[rtmr3]\ncompose_hash = ["{_hex(facts.compose_hash)}"]',
            required=required,
        )
    return _compared(rules.COMPOSE_HASH, "compose hash", facts.compose_hash, policy.compose_hash)


def _os_image_hash(facts: Rtmr3Facts, policy: Rtmr3Policy) -> Check:
    if not policy.os_image_hash:
        return rules.OS_IMAGE_HASH.skips(
            "Any image that the KMS accepts would do; what booted is judged by its measurements."
        )
    if facts.os_image_hash is None:
        return rules.OS_IMAGE_HASH.unevaluable(
            "The log has no os-image-hash: only a KMS names the image, since dstack 0.5.1.",
            expected=" or ".join(policy.os_image_hash),
            remedy="Leave rtmr3.os_image_hash out; the [os] section judges the image itself.",
        )
    return _compared(rules.OS_IMAGE_HASH, "image", facts.os_image_hash, policy.os_image_hash)


def _instance(facts: Rtmr3Facts, policy: Rtmr3Policy) -> Check:
    if not policy.instance_id:
        return rules.INSTANCE.skips("Any instance of the application would do.")
    return _compared(rules.INSTANCE, "instance", facts.instance_id, policy.instance_id)


def _key_provider(facts: Rtmr3Facts, policy: Rtmr3Policy, *, required: bool) -> Check:
    pin, found = policy.key_provider, facts.key_provider
    lines = f'[rtmr3.key_provider]\nname = "{found.name}"\nid = "{found.id.hex()}"' if found else ""
    if pin is None:
        said = f"Who should hand out its keys was not said; it is {_provider(found)}."
        return _unpinned(rules.KEY_PROVIDER, said, lines, required=required)
    if found is not None and found.id and found.name == pin.name and not pin.id:
        said = f"Any {pin.name} would do, and anyone can run one; it is {_provider(found)}."
        return _unpinned(rules.KEY_PROVIDER, said, lines, required=required)
    wanted = Provider(pin.name, bytes.fromhex(pin.id))
    if found != wanted:
        return rules.KEY_PROVIDER.fails(
            "Its keys come from another key provider.",
            expected=_provider(wanted),
            actual=_provider(found),
            remedy="Whoever runs that key provider knows the application's keys.",
        )
    return rules.KEY_PROVIDER.passes(
        f"Its keys come from the pinned {wanted.name}.", expected=_provider(wanted)
    )


def _derived(facts: Rtmr3Facts) -> Check:
    if facts.app_id is None or facts.compose_hash is None:
        return rules.DERIVED_APP_ID.unevaluable(
            "App id or compose hash was not measured.", remedy=f"See {rules.CHAIN.id}."
        )
    if facts.app_id == facts.compose_hash[:APP_ID_SIZE]:
        return rules.DERIVED_APP_ID.passes("The id is the beginning of the compose hash.")
    if facts.uses_kms or not all(chain.app_id_is_derived for chain in facts.fitting):
        return rules.DERIVED_APP_ID.skips(
            "The id was given at deployment; the compose hash alone says what runs."
        )
    return rules.DERIVED_APP_ID.fails(
        "The id is not the beginning of the compose hash, though there is no KMS.",
        expected=facts.compose_hash[:APP_ID_SIZE].hex(),
        actual=facts.app_id.hex(),
        remedy="Don't trust this guest: the published dstack would not have booted.",
    )


def _compared(rule: Rule, what: str, found: bytes | None, wanted: Collection[str]) -> Check:
    expected = " or ".join(wanted)
    if found is None:
        return rule.fails(
            f"No {what} was measured where it has to be.",
            expected=expected,
            actual="none measured",
            remedy=f"See {rules.CHAIN.id}: this guest did not boot as dstack does.",
        )
    if found.hex() not in wanted:
        return rule.fails(
            f"Another {what} was measured.",
            expected=expected,
            actual=found.hex() or "an empty one",
            remedy="Don't trust this guest with anything meant for the other one; if it was "
            "replaced on purpose, review it and pin the new value.",
        )
    return rule.passes(f"The {what} is the pinned one.", expected=expected, actual=found.hex())


def _unpinned(rule: Rule, summary: str, line: str, *, required: bool) -> Check:
    if not required:
        return rule.skips(summary)
    return rule.unevaluable(summary, remedy=f"Pin it in the policy, {_ELSEWHERE}:\n{line}")


def _provider(provider: Provider | None) -> str:
    if provider is None:
        return "nobody that was measured"
    return f"{provider.name} {provider.id.hex()}".strip()


def _hex(value: bytes | None) -> str:
    return "…" if value is None else value.hex()
