"""Times as reports write them."""

from datetime import UTC, datetime


def rfc3339(at: int | datetime) -> str:
    """Write a time in UTC for people: Unix seconds, or a date and time that are in UTC."""
    moment = datetime.fromtimestamp(at, UTC) if isinstance(at, int) else at
    return moment.isoformat().replace("+00:00", "Z")
