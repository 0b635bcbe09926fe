"""Rules about the fields of app-compose.json."""

from collections.abc import Iterator
from typing import Final

from sp1tee.verify.checks import Check, Rule
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.acceptance import accepted, allow_line
from sp1tee.verify.compose.app_compose import COMPOSE_RUNNERS, AppCompose, KeyProvider, sha256_of
from sp1tee.verify.compose.script import remarkable
from sp1tee.verify.policy import ComposePolicy

UNMEASURED: Final = (
    "What is not in it: user_config and the values of variables. Neither can be seen in evidence; "
    "see what reads them."
)
_KNOWN_FEATURES: Final = ("kms", "tproxy-net")
_GPU_RISKS: Final = (
    ("attest_gpu", False, "does not attest its GPUs"),
    ("allow_devtools", True, "takes GPUs in developer mode"),
    ("allow_debug", True, "takes GPUs that can be debugged"),
    ("allow_insecure_boot", True, "takes GPUs without secure boot"),
)


def judge_fields(app: AppCompose, policy: ComposePolicy) -> Iterator[Check]:
    """Judge everything but the docker-compose file and what depends on it."""
    yield _runner(app, policy)
    yield _pre_launch_script(app, policy)
    yield from _init_scripts(app, policy)
    for rule, risk, harmless in _risks(app):
        yield _judge(rule, risk, harmless, policy)


def _judge(rule: Rule, risk: str, harmless: str, policy: ComposePolicy) -> Check:
    if not risk:
        return rule.passes(harmless)
    if accepted(policy, rule, ""):
        return rule.passes(f"Accepted by the policy: {risk}")
    return rule.refuses(risk, remedy=allow_line(rule))


def _risks(app: AppCompose) -> Iterator[tuple[Rule, str, str]]:
    """Yield each rule with what is risky, empty if nothing is, and what is said then."""
    logs = "public_logs is true: anybody may read the containers' logs." if app.public_logs else ""
    yield rules.PUBLIC_LOGS, logs, "public_logs is false."
    yield rules.KEY_PROVIDER, _key_provider(app), _key_management(app)
    same = "no_instance_id is true: instances cannot be told apart." if app.no_instance_id else ""
    yield rules.INSTANCE_ID, same, "Every instance has an id."
    clock = "" if app.secure_time else "secure_time is false: the host sets the clock."
    yield rules.SECURE_TIME, clock, "The guest waits for authenticated time."
    yield rules.GPU_POLICY, _gpu_policy(app), "Nothing lowers what is demanded of GPUs."
    yield rules.FEATURES, _unknown(app), "Every setting is known."
    yield rules.REGISTRY, _registry(app), "No registry is set for the whole guest."


def _runner(app: AppCompose, policy: ComposePolicy) -> Check:
    if app.runner in COMPOSE_RUNNERS and app.bash_script is None:
        return rules.RUNNER.passes(f"The runner is {app.runner}.", actual=app.runner)
    what = (
        "A bash_script is there beside the docker-compose file."
        if app.runner in COMPOSE_RUNNERS
        else f"The runner is {app.runner[:40]!r}: the docker-compose file is not what runs."
    )
    if accepted(policy, rules.RUNNER, ""):
        return rules.RUNNER.passes(f"Accepted by the policy: {what}")
    return rules.RUNNER.refuses(
        what,
        expected=" or ".join(COMPOSE_RUNNERS),
        actual=app.runner[:40],
        details=() if app.bash_script is None else remarkable(app.bash_script),
        remedy=f"Review the script. {allow_line(rules.RUNNER)}",
    )


def _pre_launch_script(app: AppCompose, policy: ComposePolicy) -> Check:
    rule, pin = rules.PRE_LAUNCH_SCRIPT, policy.pre_launch_script_sha256
    if not app.pre_launch_script:
        if pin is None:
            return rule.passes("There is no pre_launch_script.")
        return rule.fails("The script is missing.", expected=pin, actual="no pre_launch_script")
    digest = sha256_of(app.pre_launch_script)
    told = (*remarkable(app.pre_launch_script), UNMEASURED)
    if pin is not None:
        return _pinned(rule, digest, (pin,), told)
    return _unpinned(rule, digest, told, policy, f'pre_launch_script_sha256 = "{digest}"')


def _init_scripts(app: AppCompose, policy: ComposePolicy) -> Iterator[Check]:
    rule, pins = rules.INIT_SCRIPT, policy.init_script_sha256
    if not app.init_scripts:
        yield rule.passes("There is no init_script.")
    for script in app.init_scripts:
        digest = sha256_of(script)
        if pins:
            yield _pinned(rule, digest, pins, remarkable(script))
        else:
            line = f'init_script_sha256 = ["{digest}"]'
            yield _unpinned(rule, digest, remarkable(script), policy, line)


def _pinned(rule: Rule, digest: str, pins: tuple[str, ...], told: tuple[str, ...]) -> Check:
    expected = " or ".join(pins)
    if digest in pins:
        return rule.passes("The script is the pinned one.", expected=expected, details=told)
    return rule.fails(
        "The script is another one than the pinned.",
        expected=expected,
        actual=digest,
        details=told,
        remedy="Review the script in app-compose.json, and pin it if it is acceptable.",
    )


def _unpinned(
    rule: Rule, digest: str, told: tuple[str, ...], policy: ComposePolicy, line: str
) -> Check:
    if accepted(policy, rule, ""):
        return rule.passes("Accepted by the policy, whatever it does.", actual=digest, details=told)
    return rule.refuses(
        "A script runs as root that nobody has pinned.",
        actual=digest,
        details=told,
        remedy=f"Review it in app-compose.json, and pin it: [compose] {line}",
    )


def _key_provider(app: AppCompose) -> str:
    match app.key_provider:
        case KeyProvider.KMS:
            return ""
        case KeyProvider.NONE:
            return "There is no key provider: keys are made anew at every boot."
        case _:
            return f"The key provider is {app.key_provider}: keys are bound to one machine."


def _key_management(app: AppCompose) -> str:
    if app.key_provider_id:
        return f"Keys come from one key management service, {app.key_provider_id.hex()[:160]}."
    return (
        "Keys come from a key management service; which one is for the event key-provider to say."
    )


def _gpu_policy(app: AppCompose) -> str:
    found = [what for name, risky, what in _GPU_RISKS if app.gpu_policy.get(name) is risky]
    return f"The guest {', '.join(found)}." if found else ""


def _unknown(app: AppCompose) -> str:
    features = [f"feature {name}" for name in app.features if name not in _KNOWN_FEATURES]
    names = [*app.unknown, *features]
    shown = ", ".join(name[:60] for name in names[:20])
    return f"Unknown: {shown}{', …' if len(names) > 20 else ''}." if names else ""  # noqa: PLR2004


def _registry(app: AppCompose) -> str:
    registry = app.docker_config.get("registry")
    return f"docker_config sets the registry {str(registry)[:100]}." if registry else ""
