"""`python -m fuzz`: try targets, print a table, keep what is found; exit code 1 if something is."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from fuzz import corpus, report
from fuzz.campaign import Campaign, Plan
from fuzz.minimising import minimise
from fuzz.target import Target
from fuzz.targets import TARGETS

INPUTS = 1_000_000
SECONDS = 1500
AT_ONCE = 2
FINDINGS = Path(__file__).parent / "findings"


def main() -> None:
    """Do what the command line says."""
    arguments = _arguments()
    names = arguments.targets or list(TARGETS)
    if arguments.replay is not None:
        _replay(TARGETS[names[0]], arguments.replay)
        return
    with tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-") as room:
        plan = Plan(
            arguments.inputs,
            arguments.seconds,
            arguments.at_once,
            arguments.seed,
            Path(room),
            arguments.findings,
        )
        began = time.monotonic()
        outcomes = Campaign(names, plan).run()
        report.tell(Console(width=130), outcomes, plan, time.monotonic() - began)
        if arguments.keep:
            for name in names:
                minimise(TARGETS[name], plan.room / name / "corpus", corpus.FOLDER)
    sys.exit(any(outcome.findings for outcome in outcomes))


def _replay(target: Target, path: Path) -> None:
    """Try one input, which shows its traceback if it is a finding."""
    taken = target.try_one(path.read_bytes())
    sys.stdout.write(f"{target.name} {'takes' if taken else 'refuses'} it.\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.partition(":")[0])
    parser.add_argument("targets", nargs="*", type=_target, help="names; all without one")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="of all targets together")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for all targets together")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="targets side by side")
    parser.add_argument("--seed", type=int, default=random.getrandbits(31), help="of chance")
    parser.add_argument("--findings", type=Path, default=FINDINGS, help="folder for them")
    parser.add_argument("--keep", action="store_true", help="keep what reached new code")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try one input of one target")
    return parser.parse_args()


def _target(name: str) -> str:
    if name not in TARGETS:
        raise argparse.ArgumentTypeError(f"no such target; there are {', '.join(TARGETS)}")
    return name


if __name__ == "__main__":
    main()
