"""When an attempt that failed is followed by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """delays:    seconds from each failure to the next attempt; with the first attempt there is one more than delays.
    statuses:  which answers are worth another try; None is all of them. No answer at all always is.
    patience:  the longest wait that a receiver may ask for, in seconds; None is twice the planned one.
    """

    delays: tuple[float, ...]
    statuses: frozenset[int] | None = None
    patience: float | None = None

    def worth_retrying(self, status_code: int | None) -> bool:
        return status_code is None or self.statuses is None or status_code in self.statuses

    def delay(self, step: int, retry_after: float | None = None) -> float | None:
        """Return how long to wait after the failure at `step`, counted from 0; None when the plan is used up.

        retry_after:  what the receiver asked for, obeyed between the planned wait and the plan's patience.
        """
        if step >= len(self.delays):
            return None
        planned = self.delays[step]
        longest = 2 * planned if self.patience is None else max(self.patience, planned)
        return planned if retry_after is None else min(max(retry_after, planned), longest)

    def ahead(self, step: int, next_at: datetime) -> list[datetime]:
        """Return when the attempts still planned will be, if each fails at once. The first is `next_at`."""
        times = [next_at]
        for delay in self.delays[step:]:
            times.append(times[-1] + timedelta(seconds=delay))
        return times


# Webhook consumers (contract, section 15.4): eight attempts within some 28 hours.
CONSUMER_PLAN = RetryPlan((5, 300, 1800, 7200, 18_000, 36_000, 36_000))
# Webhooks of alerting rules (contract, section 14): three more within two minutes, and only after what may pass. What
# a receiver asks for with Retry-After is obeyed, also where that takes longer.
RULE_PLAN = RetryPlan((10, 40, 60), frozenset({408, 420, 429, 460, 502, 503, 504, 522, 524}), patience=3600)
# E-mails: six attempts within some seven hours.
EMAIL_PLAN = RetryPlan((60, 300, 1800, 7200, 14_400))
ONCE = RetryPlan(())
