"""What is worth telling about an application's configuration."""

from collections.abc import Iterator

from sp1tee.verify.compose.app_compose import NAME, AppCompose, sha256_of
from sp1tee.verify.compose.compose_file import ComposeFile
from sp1tee.verify.facts import Basis, Fact, Json

_TEXT = 200
_LIST = 100


def facts_of(
    sha256: bytes, app: AppCompose, file: ComposeFile | None, *, attested: bool
) -> tuple[Fact, ...]:
    """Return facts; attested if the file's hash is in a verified quote, otherwise claimed."""
    basis, anchor = (Basis.ATTESTED, "RTMR3") if attested else (Basis.CLAIMED, NAME)
    values: dict[str, Json] = {
        "manifest_version": app.manifest_version[:_TEXT],
        "name": app.name[:_TEXT],
        "runner": app.runner[:_TEXT],
        "key_provider": str(app.key_provider),
        "key_provider_id": app.key_provider_id.hex()[: 2 * _TEXT],
        "gateway_enabled": app.gateway_enabled,
        "public_logs": app.public_logs,
        "public_sysinfo": app.public_sysinfo,
        "public_tcbinfo": app.public_tcbinfo,
        "allowed_envs": _texts(app.allowed_envs),
        "no_instance_id": app.no_instance_id,
        "secure_time": app.secure_time,
        "storage_fs": app.storage_fs and app.storage_fs[:_TEXT],
        "event_log_version": app.event_log_version,
        "restricted_ports": app.port_policy.get("restrict_mode") is True,
        "requirements": _texts(tuple(app.requirements)),
        "verity_volumes": len(app.verity_volumes),
        "unknown_fields": _texts(app.unknown),
        "services": _texts(tuple(s.name for s in file.services) if file is not None else ()),
    }
    told = (Fact(f"compose.{name}", value, basis, anchor) for name, value in values.items())
    return (*_hashes(sha256, app), *told)


def _hashes(sha256: bytes, app: AppCompose) -> Iterator[Fact]:
    """Yield the digests that a policy can pin."""
    yield Fact("compose.sha256", sha256.hex(), Basis.COMPUTED, NAME)
    if app.docker_compose_file is not None:
        inside = sha256_of(app.docker_compose_file)
        yield Fact("compose.docker_compose_sha256", inside, Basis.COMPUTED, NAME)
    if app.pre_launch_script:
        script = sha256_of(app.pre_launch_script)
        yield Fact("compose.pre_launch_script_sha256", script, Basis.COMPUTED, NAME)
    if app.init_scripts:
        scripts: list[Json] = [sha256_of(script) for script in app.init_scripts]
        yield Fact("compose.init_script_sha256", scripts, Basis.COMPUTED, NAME)


def _texts(values: tuple[str, ...]) -> list[Json]:
    return [value[:_TEXT] for value in values[:_LIST]]
