"""How a running host is verified."""

import shlex
from pathlib import Path

from sp1tee.sim.ingress.reader import POLICY
from sp1tee.sim.ingress.running import SimIngress


def command(running: SimIngress, folder: Path) -> list[str]:
    """Write the command that verifies a host with the policy in a folder."""
    resolvers = [f"--resolver={each}" for each in running.resolvers]
    connect = [f"--connect={each}:{running.port}" for each in running.served.chains]
    registries = [f"--registry={name}={url}" for name, url in running.registries.items()]
    return [
        *("sp1tee", "verify", "all", running.target),
        f"--policy={folder / POLICY}",
        *resolvers,
        *connect,
        f"--info={running.info_url}",
        f"--pccs={running.pccs_url}",
        *registries,
    ]


def facts(running: SimIngress, folder: Path) -> dict[str, object]:
    """Say where everything is, and how to verify it; each value is text or a list of texts."""
    return {
        "synthetic": "this host proves nothing",
        "host": running.target,
        "addresses": list(running.served.chains),
        "resolvers": list(running.resolvers),
        "info": running.info_url,
        "pccs": running.pccs_url,
        "registries": [f"{name}={url}" for name, url in running.registries.items()],
        "folder": str(folder),
        "verify": shlex.join(command(running, folder)),
    }
