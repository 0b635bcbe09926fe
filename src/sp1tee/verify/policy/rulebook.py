"""Every rule there is, of all rooms: for what speaks about rules rather than evidence."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from sp1tee.verify.checks import Rule

_ROOMS: Final = Path(__file__).parent.parent


@cache
def rules() -> tuple[Rule, ...]:
    """Return the `RULES` of every room. It imports them all, which takes a while."""
    names = sorted(path.parent.name for path in _ROOMS.glob("*/rules.py"))
    modules = [import_module(f"sp1tee.verify.{name}.rules") for name in names]
    return tuple(rule for module in modules for rule in module.RULES)
