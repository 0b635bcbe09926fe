"""A private input goes into a service; nothing that it wrote or says may show it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sp1tee.sim import canary
from sp1tee.sim.processes import LocalService
from support.lookout import lookout_of


@contextmanager
def watching(service: LocalService) -> Iterator[list[bytes]]:
    """Take secrets; afterwards stop the service, and look for them in its folder and its answers."""
    lookout = lookout_of(service)
    yield lookout.secrets
    lookout.look()
    for process in reversed(service.processes):
        process.stop()
    # What is known to be there must be found: ids of artifacts stand in the database.
    report = canary.search([service.folder], lookout.secrets, controls=[b"artifact_"])
    assert report.hits == ()
    assert report.missed_controls == ()
