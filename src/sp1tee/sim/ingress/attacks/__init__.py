"""What a host may try: a table. Each must be caught by one of the rules that it names.

They can be combined; `attacked` applies them in the order in which they are named.
"""

from collections.abc import Iterable
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.sim.ingress.attacks import (
    applications,
    certificates,
    collateral,
    files,
    measurements,
    names,
    quotes,
)
from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.host import Host

ATTACKS: Final[dict[str, Attack]] = {
    attack.name: attack
    for room in (files, certificates, quotes, collateral, measurements, applications, names)
    for attack in room.ATTACKS
}
"""Every attack by its name."""


def attacked(host: Host, chosen: Iterable[str]) -> Host:
    """Make an attacking host of an honest one.

    Raises:
        ConfigError: there is no attack of that name.
    """
    for name in chosen:
        if name not in ATTACKS:
            raise ConfigError(
                f"There is no attack {name!r}.", advice="`--list-attacks` shows all of them."
            )
        host = ATTACKS[name].act(host)
    return host


__all__ = ["ATTACKS", "Attack", "attacked"]
