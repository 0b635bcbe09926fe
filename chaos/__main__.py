"""`python -m chaos`: strike, compare the books, print a line a round and a summary."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import stamina

from chaos.disk import enter_own_namespace
from chaos.epoch import Outcome, Run
from chaos.faults import KINDS
from chaos.schedule import EPOCH_ROUNDS, Epoch, epochs


def main(arguments: Sequence[str]) -> int:
    """Run it; returns 1 if anything was wrong."""
    options = _options(arguments)
    enter_own_namespace(arguments)
    # Whoever ends this run ends what it started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What is tried again is in the ledger when it matters.
    stamina.instrumentation.set_on_retry_hooks(())
    kinds = {name: KINDS[name] for name in options.only or KINDS}
    planned = list(epochs(options.seed, options.rounds, kinds))
    if options.replay is not None:
        planned = [epoch for epoch in planned if epoch.number == options.replay]
    print(f"seed {options.seed}, {sum(len(e.rounds) for e in planned)} rounds", flush=True)
    began = time.monotonic()
    outcomes = [_epoch(epoch, options) for epoch in planned]
    _tell(planned, outcomes, time.monotonic() - began)
    return int(any(outcome.wrong for outcome in outcomes))


def _epoch(epoch: Epoch, options: argparse.Namespace) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{options.seed}-{epoch.number}-", dir=options.out))
    outcome = Run(epoch, folder / "epoch", _say).run()
    kind = "upstream" if epoch.upstream else "stand-alone"
    told = ", ".join(f"{count} {name}" for name, count in sorted(outcome.told.items()))
    _say(f"epoch {epoch.number:3} {kind}: {outcome.seconds:.0f} s; requests: {told}")
    for wrong in outcome.wrong:
        _say(f"  WRONG: {wrong}")
    if outcome.wrong:
        only = f" --only {' '.join(options.only)}" if options.only else ""
        again = f"--seed {options.seed} --rounds {options.rounds}{only} --replay {epoch.number}"
        _say(f"  kept in {folder}; again: python -m chaos {again}")
    elif not options.keep:
        shutil.rmtree(folder)
    return outcome


def _tell(planned: Sequence[Epoch], outcomes: Sequence[Outcome], seconds: float) -> None:
    rounds = sum(len(epoch.rounds) for epoch in planned)
    struck = sum((outcome.struck for outcome in outcomes), Counter[str]())
    told = sum((outcome.told for outcome in outcomes), Counter[str]())
    skipped = {kind: why for outcome in outcomes for kind, why in outcome.skipped.items()}
    wrong = sum(len(outcome.wrong) for outcome in outcomes)
    _say(f"{rounds} rounds in {seconds:.0f} s, {seconds / max(rounds, 1):.2f} s a round")
    _say(f"requests: {', '.join(f'{count} {name}' for name, count in sorted(told.items()))}")
    _say(f"faults: {', '.join(f'{count} {kind}' for kind, count in sorted(struck.items()))}")
    for kind, why in sorted(skipped.items()):
        _say(f"skipped: {kind}, for want of {why}")
    _say(f"violations: {wrong}")


def _say(text: str) -> None:
    print(text, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2 * EPOCH_ROUNDS, help="how many in all")
    parser.add_argument("--seed", type=int, default=1, help="decides which faults come when")
    parser.add_argument("--only", nargs="+", choices=KINDS, help="kinds of faults; all by default")
    parser.add_argument("--replay", type=int, metavar="EPOCH", help="only this epoch of the run")
    parser.add_argument("--keep", action="store_true", help="keep what went well, too")
    parser.add_argument("--out", type=Path, help="folder for what is kept of failed epochs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
