"""Settings of a docker-compose file through which more than its services can act.

Each finder yields what it found; whether that is acceptable is the policy's to say.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from sp1tee.verify.checks import Rule
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.compose_file import ComposeFile, Service
from sp1tee.verify.compose.mounts import Mount, mounts
from sp1tee.verify.compose.ports import published_port
from sp1tee.verify.compose.yaml_tree import Entry, Listing, Node, Scalar, Table, text_of

HTTPS: Final = "443"
_DOCKER_SOCKETS: Final = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_AGENT_SOCKETS: Final = ("dstack.sock", "tappd.sock")
_CERTIFICATES: Final = "/etc/letsencrypt"
_TRUE: Final = ("true", "yes", "on", "y", "1")
_NAMESPACES: Final = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")
_HARMLESS_NETWORKS: Final = ("none", "bridge", "default")
_LOWERED: Final = re.compile(r"unconfined|disable|no-new-privileges[:=]false", re.IGNORECASE)
# What a path of the guest gives away besides itself.
_HOLDS: Final = (
    ("Docker's socket", "/var/run/docker.sock"),
    ("Docker's socket", "/run/docker.sock"),
    ("the guest agent's socket", "/var/run/dstack.sock"),
    ("the guest agent's socket", "/run/dstack.sock"),
    ("every volume of every service", "/var/lib/docker/volumes"),
    ("configuration that is not measured (user_config)", "/dstack"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something risky that was found.

    Attributes:
        subject: the service, or empty for the file as a whole.
        line: where.
        text: what, in a few words.
    """

    subject: str
    line: int
    text: str


Finder: TypeAlias = Callable[[ComposeFile], Iterator[Hit]]


def certificate_sources(file: ComposeFile) -> dict[str, str]:
    """Return what holds the certificate's private key, and which service writes it there.

    It is what is mounted at ``/etc/letsencrypt``, where dstack-ingress keeps its certificates. Of
    several services with such a mount those count whose image is called an ingress.
    """
    found = [
        (service, mount.source)
        for service in file.services
        for mount in mounts(file, service)
        if _within(mount.target, _CERTIFICATES) or _within(_CERTIFICATES, mount.target)
    ]
    ingress = [(service, source) for service, source in found if "ingress" in (service.image or "")]
    return {source: service.name for service, source in reversed(ingress or found)}


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _docker_socket(file: ComposeFile) -> Iterator[Hit]:
    yield from _sockets(file, _DOCKER_SOCKETS)
    for service, entry in _entries(file, "use_api_socket"):
        if _is_true(entry.value):
            yield Hit(service.name, entry.line, "use_api_socket")


def _agent_socket(file: ComposeFile) -> Iterator[Hit]:
    yield from _sockets(file, _AGENT_SOCKETS)


def _sockets(file: ComposeFile, names: tuple[str, ...]) -> Iterator[Hit]:
    for service, mount in _paths(file):
        if posixpath.basename(mount.source) in names:
            yield Hit(service.name, mount.line, f"mounts {mount.source}")


def _host_paths(file: ComposeFile) -> Iterator[Hit]:
    for service, mount in _paths(file):
        if posixpath.basename(mount.source) not in (*_DOCKER_SOCKETS, *_AGENT_SOCKETS):
            yield Hit(service.name, mount.line, f"mounts {mount.source}{_gives(mount.source)}")


def _gives(path: str) -> str:
    held = dict.fromkeys(what for what, at in _HOLDS if _within(at, path) or _within(path, at))
    return f", which holds {', '.join(held)}" if held else ""


def _paths(file: ComposeFile) -> Iterator[tuple[Service, Mount]]:
    for service in file.services:
        yield from ((service, mount) for mount in mounts(file, service) if mount.is_path)


def _privileged(file: ComposeFile) -> Iterator[Hit]:
    for service, entry in _entries(file, "privileged"):
        if _is_true(entry.value):
            yield Hit(service.name, entry.line, "privileged")
    for hook in ("post_start", "pre_stop"):
        for service, entry in _entries(file, hook):
            for item in _items(entry.value):
                if isinstance(item, Table) and _is_true(item.get("privileged")):
                    yield Hit(service.name, item.line, f"{hook} runs privileged")


def _capabilities(file: ComposeFile) -> Iterator[Hit]:
    yield from _listed(file, "cap_add", "adds the capability")
    for service, entry in _entries(file, "security_opt"):
        for item in _items(entry.value):
            if isinstance(item, Scalar) and _LOWERED.search(item.text):
                yield Hit(service.name, item.line, f"lowers confinement: {item.text[:80]}")


def _devices(file: ComposeFile) -> Iterator[Hit]:
    yield from _listed(file, "devices", "has the device")
    yield from _listed(file, "device_cgroup_rules", "may use devices")


def _namespaces(file: ComposeFile) -> Iterator[Hit]:
    for key in _NAMESPACES:
        for service, entry in _entries(file, key):
            text = text_of(entry.value)
            own = text in (_HARMLESS_NETWORKS if key == "network_mode" else ("private",))
            # An own IPC namespace may be one that others can join; joining is what counts.
            if text and not own and (key, text) != ("ipc", "shareable"):
                yield Hit(service.name, entry.line, f"{key}: {text[:80]}")
    for name, network in _section(file, "networks"):
        if "host" in (text_of(network.get("driver")), text_of(network.get("name"))):
            yield Hit("", network.line, f"network {name[:80]} is the guest's own")


def _certificate_volume(file: ComposeFile) -> Iterator[Hit]:
    held = certificate_sources(file)
    owners = set(held.values())
    for service in file.services:
        for mount in mounts(file, service):
            owner = _owner(held, mount, service.name)
            if owner != service.name:
                text = f"mounts {mount.source}, where {owner} keeps its certificate's private key"
                yield Hit(service.name, mount.line, text)
    for service, entry in _entries(file, "volumes_from"):
        for item in _items(entry.value):
            if text_of(item).removeprefix("service:").split(":")[0] in owners:
                yield Hit(service.name, item.line, f"has every volume of {text_of(item)[:80]}")


def _owner(held: dict[str, str], mount: Mount, name: str) -> str:
    """Return whose key is in a mount.

    A volume's full name begins with its project's, under which it can be mounted as well.
    """
    for source, owner in held.items():
        alike = not mount.is_path and mount.source.endswith(f"_{source}")
        if mount.source == source or alike:
            return owner
    return name


def _published_ports(file: ComposeFile) -> Iterator[Hit]:
    ingress = set(certificate_sources(file).values())
    for service, entry in _entries(file, "ports"):
        for item in _items(entry.value):
            port = published_port(item)
            if port and not (service.name in ingress and port == HTTPS):
                yield Hit(service.name, item.line, f"publishes {port}")


def _env_file(file: ComposeFile) -> Iterator[Hit]:
    for service, entry in _entries(file, "env_file"):
        yield Hit(service.name, entry.line, "has an env_file")
    for service, entry in _entries(file, "label_file"):
        yield Hit(service.name, entry.line, "has a label_file")


def _other_files(file: ComposeFile) -> Iterator[Hit]:
    if file.tree.get("include") is not None:
        yield Hit("", file.tree.entries["include"].line, "includes another file")
    for service, entry in _entries(file, "extends"):
        yield Hit(service.name, entry.line, "extends another service")


def _host_programs(file: ComposeFile) -> Iterator[Hit]:
    for service, entry in _entries(file, "provider"):
        yield Hit(service.name, entry.line, "is provided by a program of the guest")


def _build(file: ComposeFile) -> Iterator[Hit]:
    for service in file.services:
        if service.build is not None:
            yield Hit(service.name, service.settings.entries["build"].line, "is built in the guest")
        elif service.image is None:
            yield Hit(service.name, service.line, "names no image")


def _unmeasured_secrets(file: ComposeFile) -> Iterator[Hit]:
    for section in ("secrets", "configs"):
        for name, one in _section(file, section):
            for kind in ("environment", "file", "external"):
                if kind in one.entries:
                    line = one.entries[kind].line
                    yield Hit(f"{section}.{name[:80]}", line, f"comes from: {kind}")


def _section(file: ComposeFile, name: str) -> Iterator[tuple[str, Table]]:
    listed = file.tree.get(name)
    for key, entry in listed.entries.items() if isinstance(listed, Table) else ():
        if isinstance(entry.value, Table):
            yield key, entry.value


def _listed(file: ComposeFile, key: str, what: str) -> Iterator[Hit]:
    for service, entry in _entries(file, key):
        for item in _items(entry.value):
            text = text_of(item) or "(see the file)"
            yield Hit(service.name, item.line, f"{what} {text[:80]}")


def _entries(file: ComposeFile, key: str) -> Iterator[tuple[Service, Entry]]:
    for service in file.services:
        if service.settings.get(key) is not None:
            yield service, service.settings.entries[key]


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Listing) else (node,)


def _is_true(node: Node | None) -> bool:
    """Tell whether a value may come out as true: a variable may."""
    text = text_of(node).strip().lower()
    return text in _TRUE or "$" in text


FINDERS: Final[tuple[tuple[Rule, Finder], ...]] = (
    (rules.DOCKER_SOCKET, _docker_socket),
    (rules.GUEST_AGENT_SOCKET, _agent_socket),
    (rules.PRIVILEGED, _privileged),
    (rules.CAPABILITIES, _capabilities),
    (rules.DEVICES, _devices),
    (rules.HOST_NAMESPACES, _namespaces),
    (rules.HOST_PATHS, _host_paths),
    (rules.CERTIFICATE_VOLUME, _certificate_volume),
    (rules.PUBLISHED_PORTS, _published_ports),
    (rules.ENV_FILE, _env_file),
    (rules.OTHER_FILES, _other_files),
    (rules.HOST_PROGRAMS, _host_programs),
    (rules.BUILD, _build),
    (rules.UNMEASURED_SECRETS, _unmeasured_secrets),
)
"""Every rule about single settings, and what finds its breaches."""
