"""One epoch: processes are started, struck, stopped, and their books compared."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos import clock, evidence, ledger
from chaos.books import Books, violations
from chaos.disk import Disk
from chaos.faults import KINDS
from chaos.lab import Lab, NeverHappened, until
from chaos.ledger import Ledger, Told
from chaos.load import Load
from chaos.proofs import Marker, guest
from chaos.schedule import Epoch, Strike
from sp1tee.client import Program

ACCOUNTS: Final = 4
LEDGER: Final = "load.ledger"

_PROOF_SECONDS: Final = 40.0
_DRAIN_SECONDS: Final = 90.0
_SWEEP_SECONDS: Final = 30.0
_OPEN: Final = ("accepted", "queued", "leased", "held", "proved")
_CLOCK_KINDS: Final = frozenset({"clock-ahead", "clock-behind"})


@dataclass(slots=True)
class Outcome:
    """What came of an epoch.

    Attributes:
        struck: how often each kind of fault came.
        skipped: kinds that this machine cannot make, and what is missing.
        told: how many requests ended how.
        wrong: what must not be.
        seconds: how long it took.
    """

    struck: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    told: Counter[Told] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Run:
    """An epoch under way.

    Attributes:
        plan: what strikes.
        folder: where everything of it is.
        say: takes a line for people.
    """

    plan: Epoch
    folder: Path
    say: Callable[[str], None]
    outcome: Outcome = field(default_factory=Outcome)

    def run(self) -> Outcome:
        """Do it all; what must not be is in the outcome, whatever it is."""
        began = time.monotonic()
        self.folder.mkdir(parents=True)
        lab, marker = self._lab(), Marker.new()
        kept: Path | None = None
        try:
            with lab.service:
                self._strike(lab, marker)
                self._close(lab)
                self._compare(lab, marker)
        except Exception as error:  # noqa: BLE001 - the epochs behind this one say something, too
            self.outcome.wrong.append(f"the epoch broke off: {type(error).__name__}: {error}")
        finally:
            if self.outcome.wrong:
                kept = self.folder / "server.kept"
            lab.disk.unmount(kept)
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _lab(self) -> Lab:
        movable = self.plan.kinds & _CLOCK_KINDS and clock.compiler()
        moved = clock.Clock(self.folder / "clock") if movable else None
        if moved:
            moved.set(0)
        disk = Disk(self.folder / "server")
        return Lab(folder=self.folder, upstream=self.plan.upstream, disk=disk, clock=moved)

    def _strike(self, lab: Lab, marker: Marker) -> None:
        lab.open()
        books = Ledger(self.folder / LEDGER)
        lab.load = Load(
            lab.public_url,
            _program(self.folder),
            marker,
            books,
            accounts=ACCOUNTS,
            seed=self.plan.seed,
        )
        lab.load.start()
        try:
            for index, strikes in enumerate(self.plan.rounds):
                # What comes after something that went wrong says nothing.
                if not self.outcome.wrong:
                    self._round(lab, index, strikes)
        finally:
            lab.load.stop()
            books.close()

    def _round(self, lab: Lab, index: int, strikes: Iterable[Strike]) -> None:
        began = time.monotonic()
        able = [strike for strike in strikes if self._able(strike)]
        with ThreadPoolExecutor(max(1, len(able))) as pool:
            did = list(pool.map(lambda strike: _struck(lab, strike), able))
        newest = lab.load.next
        proved = lab.load.tally.proved_since(newest, _PROOF_SECONDS)
        wrong = [
            *(what for what, ok in did if not ok),
            *([] if proved else ["nothing was proved afterwards"]),
            *(f"{name} ended by itself" for name in lab.died()),
        ]
        self.outcome.struck.update(strike.kind for strike in able)
        self.outcome.wrong += [f"round {index}: {what}" for what in wrong]
        text = " + ".join(what for what, _ in did) or "nothing that this machine can do"
        self.say(
            f"epoch {self.plan.number:3} round {index:2}  {time.monotonic() - began:5.1f} s  {text}"
            f"{'' if not wrong else f'  WRONG: {wrong}'}"
        )

    def _able(self, strike: Strike) -> bool:
        if missing := KINDS[strike.kind].missing:
            self.outcome.skipped[strike.kind] = ", ".join(missing)
        return not missing

    def _close(self, lab: Lab) -> None:
        """Let everything come to its end, and end the processes as an operator would."""
        if lab.network is not None:
            lab.lift()
        self._see(lambda: not lab.requests_in(*_OPEN), "every request ended", _DRAIN_SECONDS)
        for worker in lab.workers.values():
            worker.stop()
        lab.server.stop()
        # What a crash left in the vault goes when the server is started again.
        lab.server.up()
        self._see(lambda: not _strays(lab), "the vault was swept", _SWEEP_SECONDS)
        lab.server.stop()

    def _see(self, true: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for something; without it the books show what there is instead."""
        try:
            until(true, what, seconds)
        except NeverHappened as missing:
            self.outcome.wrong.append(f"never happened: {missing}")

    def _compare(self, lab: Lab, marker: Marker) -> None:
        exits = {kept.name: kept.exits for kept in (lab.server, *lab.workers.values())}
        network = None
        if lab.network is not None:
            network = evidence.changes(lab.network_ledger())
            exits["network"] = [lab.network.stop()]
        asked = ledger.read(self.folder / LEDGER)
        self.outcome.told.update(one.told for one in asked)
        books = Books(
            asked=asked,
            kept=evidence.rows(lab.data),
            network=network,
            blobs=evidence.blobs(lab.data),
            files=evidence.files(lab.data),
            handed_in=evidence.handed_in(self.folder),
            exits=exits,
            complaints=evidence.complaints(self.folder),
            leaks=evidence.leaks(self.folder, marker.balances),
        )
        self.outcome.wrong += violations(books)


def _struck(lab: Lab, strike: Strike) -> tuple[str, bool]:
    """Strike; returns what happened, and whether that may be."""
    time.sleep(strike.after_s)
    try:
        did = KINDS[strike.kind].strike(lab, random.Random(strike.seed))
    except NeverHappened as missing:
        return f"{strike.kind}: never happened: {missing}", False
    return f"{strike.kind} ({did})", True


def _strays(lab: Lab) -> bool:
    return bool(evidence.files(lab.data) - evidence.blobs(lab.data).keys())


def _program(folder: Path) -> Program:
    path = folder / "solvency.elf"
    path.write_bytes(guest().elf)
    path.with_name("solvency.elf.vk").write_bytes(guest().vk or b"")
    return Program.read(path)
