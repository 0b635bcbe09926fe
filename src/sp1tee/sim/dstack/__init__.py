"""A dstack guest agent on a Unix socket, for tests and trials. Its guest is synthetic.

    agent = SimAgent(Host(at=now), Path("dstack.sock"))     # dstack 0.4 and later
    SimAgent(host, path, generation="tappd")                # the older methods
    SimAgent(of_application(host, b"A" * 20), path)         # another application's keys
    SimAgent(host, path, misbehave="slow")                  # see MISBEHAVIOURS

    async with agent: ...                                   # it answers

Keys follow from the host's seed and the application alone, quotes are those of `sim.ingress`: they
verify against `host.intel.root_der`, and prove nothing.
"""

from sp1tee.sim.dstack.agent import Generation, of_application
from sp1tee.sim.dstack.misbehaviours import MISBEHAVIOURS, Misbehaviour
from sp1tee.sim.dstack.running import SimAgent, run_agent

__all__ = ["MISBEHAVIOURS", "Generation", "Misbehaviour", "SimAgent", "of_application", "run_agent"]
