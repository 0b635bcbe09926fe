"""Words that several checks share."""

from collections.abc import Iterable
from typing import Final

MANY: Final = 8
"""How many of a kind are told; a hostile answer may hold hundreds."""

ASK_OTHERS: Final = "Ask other resolvers: --resolver https://dns.google/dns-query"
NO_ANSWER: Final = "No resolver answered, so it is not known which CAA set counts."


def listed(items: Iterable[object], separator: str = "; ") -> str:
    """Join what is told, each once."""
    return separator.join(lines(items))


def lines(items: Iterable[object], most: int = MANY) -> tuple[str, ...]:
    """List what is told, each once, and how many more there are."""
    told = list(dict.fromkeys(map(str, items)))
    more = (f"and {len(told) - most} more",) if len(told) > most else ()
    return (*told[:most], *more)
