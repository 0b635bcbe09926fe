"""`python -m bench`: measure, print a table, write JSON.

Nothing here is a test: times are reported, also when they are bad, and never asserted.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench.figures import FIGURES
from bench.lab import Lab
from bench.report import Report

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = _arguments()
    console = Console(width=130)
    report = Report(arguments.out / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json", console)
    for name in arguments.groups or FIGURES:
        with tempfile.TemporaryDirectory(prefix="sp1tee-bench-") as folder:
            lab = Lab(Path(folder), quick=arguments.quick, long=arguments.long, console=console)
            report.measure(name, lab)
    report.tell()
    sys.exit(report.failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "groups", nargs="*", type=_name, help=f"what to measure, by default all of: {_known()}"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON file")
    parser.add_argument("--quick", action="store_true", help="shorter runs, noisier figures")
    parser.add_argument(
        "--long", action="store_true", help="prover: also compress the proof of 10 M cycles"
    )
    return parser.parse_args()


def _name(text: str) -> str:
    if text not in FIGURES:
        raise argparse.ArgumentTypeError(f"no such group: {text}; there are {_known()}")
    return text


def _known() -> str:
    return ", ".join(FIGURES)


if __name__ == "__main__":
    main()
