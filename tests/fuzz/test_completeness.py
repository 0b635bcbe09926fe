"""Nothing that reads bytes from outside is forgotten."""

from collections import Counter
from pathlib import Path

from fuzz.targets import TARGETS

from .classified import WITHOUT

SOURCE = Path(__file__).parents[2] / "src" / "sp1tee"
APART = {"cli", "sim", "errors", "store", "guests", "__main__"}


def modules() -> set[str]:
    names = set()
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[0] not in APART and "pb" not in parts:
            names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names - {""}


def covered() -> set[str]:
    return {module for target in TARGETS.values() for module in target.covers}


def test_every_module_has_a_target_or_says_why_it_needs_none() -> None:
    assert modules() - covered() - frozenset().union(*WITHOUT) == set()


def test_nothing_is_classified_that_does_not_exist() -> None:
    assert (covered() | frozenset().union(*WITHOUT)) - modules() == set()


def test_no_module_is_in_two_classes() -> None:
    counted = Counter(module for group in (covered(), *WITHOUT) for module in group)
    assert [module for module, times in counted.items() if times > 1] == []


def test_every_corpus_belongs_to_a_target() -> None:
    folder = Path(__file__).parents[2] / "fuzz" / "corpus"
    assert {path.name for path in folder.iterdir()} - set(TARGETS) == set()


def test_the_corpus_is_small() -> None:
    folder = Path(__file__).parents[2] / "fuzz" / "corpus"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 2 << 20
