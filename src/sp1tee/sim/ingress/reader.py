"""What a reader of a host's evidence has: a policy that fits, and anchors to believe in.

It is made from an honest host. Verifying an attacked one with it must not pass.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from sp1tee.sim.ingress import guest
from sp1tee.sim.ingress.events import replay
from sp1tee.sim.ingress.host import DEV, OLD, RELEASE, Host
from sp1tee.sim.ingress.webpki import WebPki
from sp1tee.sim.pki import DAY

POLICY: Final = "policy.toml"
DENIED: Final = "INTEL-SA-99999"
"""An advisory that the policy refuses, whatever the status."""
RECOVERY: Final = 20
"""The TCB recovery that the policy asks for."""
_ALLOWED: Final = ("guest-agent-socket",)


def files(host: Host) -> dict[str, bytes]:
    """Make a folder for a reader: names and contents."""
    web = WebPki(host.seed)
    return {
        POLICY: policy(host).encode(),
        "ca.pem": web.root.certificate.public_bytes(Encoding.PEM),
        "intel-root.der": host.intel.root_der,
        "ct-logs.json": web.log_list(),
        "os-images.json": os_images(host),
        "docker-compose.yml": host.docker_compose.encode(),
    }


def policy(host: Host) -> str:
    """Write the policy that pins everything about a host."""
    booted, told = guest.start(host), host.booted
    provider, identity = told.provider
    sections: Mapping[str, Mapping[str, object]] = {
        "anchors": {
            "tls_roots": "ca.pem",
            "quote_root": "intel-root.der",
            "ct_logs": "ct-logs.json",
            "os_images": "os-images.json",
        },
        "cert": {"hosts": [host.name], "not_before": _day(host.issued - DAY)},
        "quote": {
            "deny_advisories": [DENIED],
            "min_tcb_evaluation_data_number": RECOVERY,
            "platforms": [host.machine.ppid.hex()],
        },
        "rtmr3": {
            "app_id": told.app_id.hex(),
            "compose_hash": [booted.compose_hash.hex()],
            "instance_id": [told.instance_id.hex()],
            "os_image_hash": [told.os.hash.hex()],
        },
        "rtmr3.key_provider": {"name": provider, "id": identity},
        "compose": {
            "docker_compose": "docker-compose.yml",
            "allowed_envs": [],
            "allow": list(_ALLOWED),
        },
        "os": {"images": [told.os.name]},
        "caa": {"require_dnssec": True, "min_resolvers": len(host.addresses)},
        "digests": {"require_registry": True},
    }
    head = 'schema = "sp1tee.policy.v1"\nname = "A synthetic host, which proves nothing"\n'
    return "# Pins a synthetic host.\n" + head + "".join(map(_section, sections.items()))


def os_images(host: Host) -> bytes:
    """Write the table of OS images: the release, the developer's and the old one."""
    hardware = host.booted.hardware
    rows = []
    for image in (RELEASE, DEV, OLD):
        log = image.events(hardware)
        rows.append(
            {
                "name": image.name,
                "dev": image.dev,
                "os_image_hash": image.hash.hex(),
                "mrtd": [image.mr_td.hex()],
                "rtmr1": [replay(log, 1).hex()],
                "rtmr2": replay(log, 2).hex(),
                "source": "sp1tee sim ingress",
            }
        )
    return json.dumps({"schema": "sp1tee.os-images.v1", "images": rows}, indent=1).encode()


def _section(item: tuple[str, Mapping[str, object]]) -> str:
    name, values = item
    lines = (f"{key} = {_toml(value)}" for key, value in values.items())
    return f"\n[{name}]\n" + "".join(f"{line}\n" for line in lines)


def _toml(value: object) -> str:
    """Write a text, number, truth, list or date; JSON's form of the first four is TOML's."""
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()
