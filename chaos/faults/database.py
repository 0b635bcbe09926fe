"""What a crash leaves of the database."""

import random
from typing import Final

from chaos import wal
from chaos.faults.kind import Kind, Strike, on_the_ground
from chaos.lab import Lab
from sp1tee.store.master_key import DATABASE


def _after_a_crash(tear: Strike) -> Strike:
    @on_the_ground
    def strike(lab: Lab, rng: random.Random) -> str:
        with lab.server.hands:
            lab.server.kill()
            torn = tear(lab, rng)
            lab.server.up()
        return torn

    return strike


def _tail(lab: Lab, rng: random.Random) -> str:
    return wal.tear_tail(lab.data / f"{DATABASE}-wal", rng)


def _page(lab: Lab, rng: random.Random) -> str:
    return wal.tear_page(lab.data / DATABASE, lab.data / f"{DATABASE}-wal", rng)


def _index(lab: Lab, rng: random.Random) -> str:
    """Garble the log's index, which a crash may leave in any state."""
    shared = lab.data / f"{DATABASE}-shm"
    shared.write_bytes(rng.randbytes(shared.stat().st_size))
    return "the log's index is noise"


KINDS: Final = (
    Kind("log-torn", _after_a_crash(_tail)),
    Kind("page-torn", _after_a_crash(_page)),
    Kind("log-index-torn", _after_a_crash(_index)),
)
