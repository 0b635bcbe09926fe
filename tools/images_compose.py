"""What is deployed: the templates in `compose/`, with images by digest and a domain put in.

A template is not YAML: where an image belongs stands `@NAME@`, which begins no YAML. So nothing
is deployed by mistake, or passes `sp1tee compose check`, before the images have been put in.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TEMPLATES: Final = ("docker-compose", "docker-compose.ingress-1")
SUFFIX: Final = ".in.yml"
APP_COMPOSE: Final = "app-compose.json"
ENVIRONMENT: Final = ("CLOUDFLARE_API_TOKEN",)
"""The variables that the deployer may set without measurement."""

_DOMAIN: Final = "prover.example.org"
_GATEWAY: Final = "_.dstack-prod5.phala.network"
_IMAGE: Final = re.compile(r"@([A-Z]+)@")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is deployed.

    Attributes:
        domain: the host that requesters reach.
        gateway: what the domain is to point to, as dstack's ingress takes it.
    """

    domain: str = _DOMAIN
    gateway: str = _GATEWAY


def render(template: str, images: Mapping[str, str], place: Place) -> str:
    """Put images and a place into a template.

    Args:
        template: the text.
        images: by name, as they are to be pulled: with their digests.
        place: where it is deployed.

    Raises:
        KeyError: the template has an image that nobody named.
    """
    found = _IMAGE.sub(lambda match: images[match[1].lower()], template)
    return found.replace(_GATEWAY, place.gateway).replace(_DOMAIN, place.domain)


def app_compose(docker_compose: str, name: str = "sp1tee") -> bytes:
    """Return an app-compose.json with a docker-compose file inside, as Phala Cloud writes it.

    These bytes are what is measured: their SHA-256 is the compose hash.
    """
    content: dict[str, Any] = {
        "manifest_version": 2,
        "name": name,
        "runner": "docker-compose",
        "docker_compose_file": docker_compose,
        "kms_enabled": True,
        "gateway_enabled": True,
        "local_key_provider_enabled": False,
        "public_logs": False,
        "public_sysinfo": False,
        "public_tcbinfo": True,
        "allowed_envs": list(ENVIRONMENT),
        "no_instance_id": False,
        "secure_time": True,
    }
    return json.dumps(content, indent=4, sort_keys=True, ensure_ascii=False).encode()


def write_all(source: Path, out: Path, images: Mapping[str, str], place: Place) -> dict[Path, str]:
    """Write every compose file, and an app-compose.json of the first.

    Returns:
        What was written, with its SHA-256; that of app-compose.json is the compose hash.
    """
    files = {
        f"{name}.yml": render((source / f"{name}{SUFFIX}").read_text(), images, place).encode()
        for name in TEMPLATES
    }
    files[APP_COMPOSE] = app_compose(files[f"{TEMPLATES[0]}.yml"].decode())
    out.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, data in files.items():
        (out / name).write_bytes(data)
        written[out / name] = hashlib.sha256(data).hexdigest()
    return written
