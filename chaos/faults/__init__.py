"""Every kind of fault, by name."""

from collections.abc import Mapping
from typing import Final

from chaos.faults import clock, database, disk, network, processes, provers, workers
from chaos.faults.kind import Kind

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for module in (processes, network, disk, database, clock, workers, provers)
    for kind in module.KINDS
}
