"""The words of a push operation's state, and its moves."""

from django.db.models import TextChoices


class PushStatus(TextChoices):
    """The wire's words (codat contract, 13.3)."""

    PENDING = "Pending"
    SUCCESS = "Success"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"


PUSH_MOVES: dict[str, frozenset[str]] = {
    PushStatus.PENDING: frozenset({PushStatus.SUCCESS, PushStatus.FAILED, PushStatus.TIMED_OUT}),
    PushStatus.SUCCESS: frozenset(),
    PushStatus.FAILED: frozenset(),
    PushStatus.TIMED_OUT: frozenset(),
}
PUSH_ENDS = frozenset(status for status, moves in PUSH_MOVES.items() if not moves)


class Phase(TextChoices):
    """How far the work has got, whatever the status says: TimedOut ends the wait, not what the platform is doing.

    WAITING:  nothing was sent, or surely nothing of it was done.
    SENDING:  a request is on its way or was cut off; whoever goes on must find out first what became of it.
    SENT:     it was sent, nobody knows what became of it, and no machine can find out any more.
    SETTLED:  nothing is left to be done or to be found out.
    """

    WAITING = "Waiting"
    SENDING = "Sending"
    SENT = "Sent"
    SETTLED = "Settled"


class Attention(TextChoices):
    """Why a person should look at an operation.

    OUTCOME_UNKNOWN:  the platform may or may not have done it; an operator looks there and settles it.
    LATE_SUCCESS:     the platform did it after the deadline, when the caller had been told TimedOut.
    """

    NONE = ""
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    LATE_SUCCESS = "LateSuccess"


class AttemptOutcome(TextChoices):
    """What one attempt came to.

    NOT_SENT:   the platform saw nothing of it, or said that it did nothing: it may be tried again.
    REJECTED:   the platform, or the check of its copy's age, refused it for good.
    UNKNOWN:    it was sent, and no answer said what became of it.
    FOUND, NOT_FOUND: the platform was searched for what an earlier attempt had written.
    LATE_*:     as the word says, after the operation had timed out.
    SETTLED:    an operator said what happened.
    """

    SUCCEEDED = "Succeeded"
    REJECTED = "Rejected"
    NOT_SENT = "NotSent"
    UNKNOWN = "Unknown"
    FOUND = "Found"
    NOT_FOUND = "NotFound"
    LATE_SUCCESS = "LateSuccess"
    LATE_FAILURE = "LateFailure"
    WORKER_LOST = "WorkerLost"
    SETTLED = "Settled"
