"""A complete host on loopback, for tests and rehearsals; synthetic, so it proves nothing.

    host = Host(at=now)                                # an honest one
    acting = attacked(host, ["relay"])                 # what an attacker makes of it
    served = build(acting)                             # every byte, without a socket
    folder = reader.files(host)                        # policy.toml and anchors that fit `host`
    bundle = saved.save(served)                        # the same as a saved bundle of evidence

    async with SimIngress(served) as running:          # every server, on free ports
        instructions.command(running, Path("folder"))  # the command line that verifies it

`Host` describes everything else that one may want: which guest, which machine, how old a
certificate. `ATTACKS` is a table of what a host may try, and of the rules that must catch it.
"""

from sp1tee.sim.ingress.attacks import ATTACKS, Attack, attacked
from sp1tee.sim.ingress.building import Served, build
from sp1tee.sim.ingress.host import ACCOUNT, ADDRESSES, NAME, Host, Twists
from sp1tee.sim.ingress.running import Ports, SimIngress, run_ingress

__all__ = [
    "ACCOUNT",
    "ADDRESSES",
    "ATTACKS",
    "NAME",
    "Attack",
    "Host",
    "Ports",
    "Served",
    "SimIngress",
    "Twists",
    "attacked",
    "build",
    "run_ingress",
]
