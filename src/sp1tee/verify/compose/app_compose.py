"""app-compose.json: what dstack measures as the application (dstack-types `AppCompose`).

The measured thing is the raw file, whatever its author's serialiser made of it: its hash is never
taken of anything but the bytes. The fields are read as strictly as dstack's guest reads them, since
a field of another type means that this file cannot be what booted.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias, TypeVar

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import from_hex, read_object

SIZE: Final = 256 * 1024
"""How many bytes the file may have: dstack's own limit since 0.5.5."""

NAME: Final = "app-compose.json"
COMPOSE_RUNNERS: Final = ("docker-compose", "nerdctl-compose")
"""Runners that run `docker_compose_file`; the third, ``bash``, runs `bash_script`."""

_KNOWN: Final = frozenset({
    *("manifest_version", "name", "runner", "snapshotter", "docker_compose_file", "bash_script"),
    *("init_script", "pre_launch_script", "features", "docker_config", "public_logs"),
    *("public_sysinfo", "public_tcbinfo", "kms_enabled", "gateway_enabled", "tproxy_enabled"),
    *("local_key_provider_enabled", "key_provider", "key_provider_id", "allowed_envs"),
    *("no_instance_id", "secure_time", "storage_fs", "swap_size", "event_log_version"),
    *("port_policy", "requirements", "verity_volumes"),
    # What deployment tools add, and no guest reads: Phala Cloud's, and a salt for other hashes.
    *("default_gateway_domain", "salt", "version"),
})  # fmt: skip

Table: TypeAlias = Mapping[str, Json]
_T = TypeVar("_T")


class KeyProvider(IntEnum):
    """Who hands the guest its keys; the numbers are those inside ``mr_config_id``."""

    NONE = 0
    LOCAL = 1
    KMS = 2
    TPM = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class AppCompose:
    """The fields of app-compose.json; those that are missing have the guest's defaults.

    Attributes:
        manifest_version: as text; a number in old files.
        name: the deployer's name for it.
        runner: what runs: ``docker-compose``, ``nerdctl-compose`` or ``bash``.
        docker_compose_file: the docker-compose file, as one text.
        bash_script: what the runner ``bash`` runs.
        init_scripts: what runs as root early in the boot.
        pre_launch_script: what runs as root before the containers are started.
        features: deprecated switches.
        docker_config: registry settings of guests before 0.5.5.
        public_logs: whether anybody may read the containers' logs.
        public_sysinfo: whether anybody may read the guest's load.
        public_tcbinfo: whether the guest tells anybody its measurements.
        gateway_enabled: whether the gateway forwards to the guest.
        key_provider: who hands out keys, the old switches considered.
        key_provider_id: which one of them; empty: any.
        allowed_envs: variables that the deployer may set without measurement.
        no_instance_id: whether instances cannot be told apart.
        secure_time: whether the guest waits for authenticated time.
        storage_fs: the disk's file system; None: the image's own.
        event_log_version: how RTMR3's events are digested.
        port_policy: which ports the gateway may forward.
        requirements: what the guest demands of its platform.
        verity_volumes: measured read-only volumes.
        unknown: names of fields that this reader has no meaning for.
    """

    manifest_version: str
    name: str
    runner: str
    docker_compose_file: str | None
    bash_script: str | None
    init_scripts: tuple[str, ...]
    pre_launch_script: str | None
    features: tuple[str, ...]
    docker_config: Table
    public_logs: bool
    public_sysinfo: bool
    public_tcbinfo: bool
    gateway_enabled: bool
    key_provider: KeyProvider
    key_provider_id: bytes
    allowed_envs: tuple[str, ...]
    no_instance_id: bool
    secure_time: bool
    storage_fs: str | None
    event_log_version: int
    port_policy: Table
    requirements: Table
    verity_volumes: tuple[Table, ...]
    unknown: tuple[str, ...]

    @property
    def gpu_policy(self) -> Table:
        """What the guest demands of its GPUs."""
        policy = self.requirements.get("gpu_policy")
        return policy if isinstance(policy, dict) else {}


def sha256_of(text: str) -> str:
    """Return the digest, in hex, by which a text in the file is pinned."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_app_compose(raw: bytes) -> AppCompose:
    """Read app-compose.json.

    Args:
        raw: the file, byte for byte.

    Raises:
        EvidenceTooLarge: it is larger than dstack takes.
        EvidenceMalformed: it is no JSON object without duplicate keys, or a field has a type that
            no guest would have booted with.
    """
    fields = _Fields(read_object(raw, NAME, limit=SIZE))
    return AppCompose(
        manifest_version=fields.version(),
        name=fields.text("name") or "",
        runner=fields.text("runner") or "",
        docker_compose_file=fields.text("docker_compose_file"),
        bash_script=fields.text("bash_script"),
        init_scripts=fields.scripts("init_script"),
        pre_launch_script=fields.text("pre_launch_script"),
        features=fields.texts("features"),
        docker_config=fields.table("docker_config"),
        public_logs=fields.flag("public_logs", default=False),
        public_sysinfo=fields.flag("public_sysinfo", default=False),
        public_tcbinfo=fields.flag("public_tcbinfo", default=True),
        gateway_enabled=fields.gateway(),
        key_provider=fields.key_provider(),
        key_provider_id=from_hex(fields.text("key_provider_id") or "", f"{NAME}'s key_provider_id"),
        allowed_envs=fields.texts("allowed_envs"),
        no_instance_id=fields.flag("no_instance_id", default=False),
        secure_time=fields.flag("secure_time", default=True),
        storage_fs=fields.text("storage_fs"),
        event_log_version=fields.number("event_log_version", default=1),
        port_policy=fields.table("port_policy"),
        requirements=fields.requirements(),
        verity_volumes=fields.tables("verity_volumes"),
        unknown=fields.unknown(),
    )


class _Fields:
    """The file's object, field by field."""

    def __init__(self, values: dict[str, Json]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        return self._typed(name, str, None)

    def flag(self, name: str, *, default: bool) -> bool:
        return self._typed(name, bool, default)

    def number(self, name: str, *, default: int) -> int:
        value = self._typed(name, int, default)
        if isinstance(value, bool):
            raise self._wrong(name)
        return value

    def table(self, name: str) -> Table:
        return self._typed(name, dict, {})

    def tables(self, name: str) -> tuple[Table, ...]:
        values: list[Json] = self._typed(name, list, [])
        tables = tuple(value for value in values if isinstance(value, dict))
        if len(tables) != len(values):
            raise self._wrong(name)
        return tables

    def texts(self, name: str) -> tuple[str, ...]:
        values: list[Json] = self._typed(name, list, [])
        texts = tuple(value for value in values if isinstance(value, str))
        if len(texts) != len(values):
            raise self._wrong(name)
        return texts

    def scripts(self, name: str) -> tuple[str, ...]:
        one = self._values.get(name)
        return (one,) if isinstance(one, str) else self.texts(name)

    def version(self) -> str:
        value = self._values.get("manifest_version")
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise self._wrong("manifest_version")

    def gateway(self) -> bool:
        switches = (
            self.flag(name, default=False) for name in ("gateway_enabled", "tproxy_enabled")
        )
        return any([*switches, "tproxy-net" in self.texts("features")])

    def key_provider(self) -> KeyProvider:
        name = self.text("key_provider")
        if name is not None:
            try:
                return KeyProvider[name.upper()]
            except KeyError:
                raise self._wrong("key_provider") from None
        if self.flag("kms_enabled", default=False):
            return KeyProvider.KMS
        local = self.flag("local_key_provider_enabled", default=False)
        return KeyProvider.LOCAL if local else KeyProvider.NONE

    def requirements(self) -> Table:
        found = self.table("requirements")
        if not isinstance(found.get("gpu_policy", {}), dict):
            raise self._wrong("requirements")
        return found

    def unknown(self) -> tuple[str, ...]:
        return tuple(name for name in self._values if name not in _KNOWN)

    def _typed(self, name: str, kind: type[_T], default: Json) -> _T:
        value = self._values.get(name)
        value = default if value is None else value
        if value is None or isinstance(value, kind):
            return value  # type: ignore[return-value]
        raise self._wrong(name)

    @staticmethod
    def _wrong(name: str) -> EvidenceMalformed:
        return EvidenceMalformed(
            f"{NAME}'s {name} is not what a dstack guest takes.",
            advice="A guest with this file would not have booted: get the one that was deployed.",
        )
