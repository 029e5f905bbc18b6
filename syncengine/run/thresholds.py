"""How many bad records a read may hold before all of it is refused."""

from django.conf import settings


def too_many(bad: int, total: int) -> bool:
    """True when more than HEADRACE_INVALID_SHARE of the records are bad; one bad record among several never is."""
    allowed: float = max(total * settings.HEADRACE_INVALID_SHARE, 1 if total > 1 else 0)
    return bad > allowed
