"""The services that the SDK asks: real processes; only the prover behind them is a stand-in."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from conformance.matrix import KEY, TOKEN
from support.native_programs import find_prover
from support.people import Task, sp1tee
from support.proof_archive import CORE, ProofArchive, false_proofs
from support.watching import watching

from sp1tee.client import read_key
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.signing import Signer, checksum_address

MAX_STDIN = 10_000


def native_environment() -> Mapping[str, str]:
    """Lets workers execute and verify with SP1's own programs, where they are built."""
    program = find_prover()
    return {"SP1TEE_PROVER": program} if program else {}


@dataclass
class Place:
    """A service below a folder, whose prover, if it is no mock, has real proofs of one task.

    Attributes:
        folder: of its own.
        task: that task.
        service: the processes.
        stack: what is ended with it.
    """

    folder: Path
    task: Task | None
    service: LocalService
    stack: ExitStack = field(repr=False)

    def works(self, server: Process, archive: ProofArchive, name: str = "fulfiller") -> Process:
        """Start a worker with the prover's stand-in; return when it asks for work."""
        self.stack.enter_context(archive.serving())
        flags = ("--prover", "sp1", "--sp1-socket", str(archive.path))
        worker = self.service.fulfill(server, *flags, name=name)
        self.service.wait_for(worker, server)
        return worker

    def mocks(self, server: Process) -> None:
        """Start a worker that makes mock proofs; return when it asks for work."""
        self.service.wait_for(self.service.fulfill(server), server)

    def archive(self, proofs: Mapping[int, bytes] | None = None, name: str = "gpu") -> ProofArchive:
        assert self.task
        return ProofArchive.of(self.task, self.folder / f"{name}.sock", proofs)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


def standalone(place: Place) -> Process:
    """No network behind it; its worker makes core and compressed proofs."""
    server = place.service.serve()
    place.works(server, place.archive())
    return server


def upstream(place: Place) -> Process:
    """The same in front of a strict network, which registers and settles every request."""
    server = _before_a_network(place)
    place.works(server, place.archive())
    return server


def upstream_mocks(place: Place) -> Process:
    """In front of such a network, with mock proofs."""
    server = _before_a_network(place, "--allow-mock")
    place.mocks(server)
    return server


def _before_a_network(place: Place, *flags: str) -> Process:
    operator = place.folder / "operator.key"
    assert sp1tee("keys", "new", "--out", str(operator)).returncode == 0
    address = to_hex(read_key(operator).address)
    network = place.service.network("--fulfiller", address, "--hosted-fulfiller", address)
    return place.service.serve(
        *("--network", "upstream", "--upstream-url", network.public_url),
        *("--fulfiller-key-file", str(operator), "--strategies", "hosted,reserved,auction"),
        *("--program-sources", f"s3://,{network.facts['artifacts']}/"),
        *flags,
    )


def mocks(place: Place) -> Process:
    """Its worker makes mock proofs."""
    server = place.service.serve("--allow-mock")
    place.mocks(server)
    return server


def guarded(place: Place) -> Process:
    """It serves one requester, with a token, and small inputs; it gives reasons in words.

    Its worker makes core proofs alone.
    """
    server = place.service.serve(
        *("--bearer-token-file", place.write("bearer.token", TOKEN)),
        *("--allow-requesters", checksum_address(Signer.from_hex(KEY).address)),
        *("--max-stdin-bytes", str(MAX_STDIN), "--failure-replies", "text"),
    )
    place.works(server, place.archive().only(CORE))
    return server


def liar(place: Place) -> Process:
    """Its prover hands out proofs that do not hold; it gives reasons in words."""
    server = place.service.serve("--max-attempts", "1", "--failure-replies", "text")
    place.works(server, place.archive(false_proofs()))
    return server


_ALL: Mapping[str, Callable[[Place], Process]] = {
    build.__name__: build for build in (standalone, upstream, mocks, upstream_mocks, guarded, liar)
}


def start(name: str, place: Place) -> Process:
    """Start the processes of the place that rows call so; its server."""
    return _ALL[name](place)


@contextmanager
def a_place(folder: Path, task: Task | None, secrets: Iterable[bytes] = ()) -> Iterator[Place]:
    """A service without processes yet. After the block no secret may be found in it."""
    folder.mkdir()
    service = LocalService(folder / "service", environment=native_environment())
    with ExitStack() as stack, service, watching(service) as watched:
        watched.extend(secrets)
        yield Place(folder, task, service, stack)
