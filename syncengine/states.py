"""The words of every state and the moves between them. `transitions.move` is the only code that follows them."""

from django.db.models import TextChoices


class ConnectionStatus(TextChoices):
    PENDING_AUTH = "PendingAuth"
    LINKED = "Linked"
    UNLINKED = "Unlinked"
    DEAUTHORIZED = "Deauthorized"


CONNECTION_MOVES: dict[str, frozenset[str]] = {
    ConnectionStatus.PENDING_AUTH: frozenset({ConnectionStatus.LINKED}),
    ConnectionStatus.LINKED: frozenset({ConnectionStatus.UNLINKED, ConnectionStatus.DEAUTHORIZED}),
    ConnectionStatus.UNLINKED: frozenset({ConnectionStatus.LINKED}),
    ConnectionStatus.DEAUTHORIZED: frozenset({ConnectionStatus.LINKED, ConnectionStatus.UNLINKED}),
}


class DatasetStatus(TextChoices):
    """The 21 words of the wire (codat contract, 8.1)."""

    INITIAL = "Initial"
    QUEUED = "Queued"
    FETCHING = "Fetching"
    MAP_QUEUED = "MapQueued"
    MAPPING = "Mapping"
    VALIDATION_QUEUED = "ValidationQueued"
    VALIDATING = "Validating"
    PROCESSING_QUEUED = "ProcessingQueued"
    PROCESSING = "Processing"
    COMPLETE = "Complete"
    FETCH_ERROR = "FetchError"
    MAP_ERROR = "MapError"
    VALIDATION_ERROR = "ValidationError"
    PROCESSING_ERROR = "ProcessingError"
    INTERNAL_ERROR = "InternalError"
    AUTH_ERROR = "AuthError"
    RATE_LIMIT_ERROR = "RateLimitError"
    PERMISSIONS_ERROR = "PermissionsError"
    PREREQUISITE_NOT_MET = "PrerequisiteNotMet"
    NOT_SUPPORTED = "NotSupported"
    CANCELLED = "Cancelled"


S = DatasetStatus
_ANY_TIME = {S.CANCELLED, S.INTERNAL_ERROR}
_AT_THE_SOURCE = {
    S.FETCH_ERROR,
    S.AUTH_ERROR,
    S.RATE_LIMIT_ERROR,
    S.PERMISSIONS_ERROR,
    S.PREREQUISITE_NOT_MET,
    S.NOT_SUPPORTED,
}

# MapQueued, ValidationQueued and ProcessingQueued are where a dataset waits between two stages when the worker that
# held it was told to stop; an undisturbed one passes straight from stage to stage.
DATASET_MOVES: dict[str, frozenset[str]] = {
    S.INITIAL: frozenset({S.QUEUED}),
    S.QUEUED: frozenset({S.FETCHING, S.NOT_SUPPORTED, S.AUTH_ERROR, S.PREREQUISITE_NOT_MET} | _ANY_TIME),
    S.FETCHING: frozenset({S.MAP_QUEUED, S.MAPPING} | _AT_THE_SOURCE | _ANY_TIME),
    S.MAP_QUEUED: frozenset({S.MAPPING} | _ANY_TIME),
    S.MAPPING: frozenset({S.VALIDATION_QUEUED, S.VALIDATING, S.MAP_ERROR} | _ANY_TIME),
    S.VALIDATION_QUEUED: frozenset({S.VALIDATING} | _ANY_TIME),
    S.VALIDATING: frozenset({S.PROCESSING_QUEUED, S.PROCESSING, S.VALIDATION_ERROR} | _ANY_TIME),
    S.PROCESSING_QUEUED: frozenset({S.PROCESSING} | _ANY_TIME),
    S.PROCESSING: frozenset({S.COMPLETE, S.PROCESSING_ERROR} | _ANY_TIME),
    **{
        end: frozenset()
        for end in (
            S.COMPLETE,
            S.MAP_ERROR,
            S.VALIDATION_ERROR,
            S.PROCESSING_ERROR,
            *sorted(_AT_THE_SOURCE),
            *sorted(_ANY_TIME),
        )
    },
}
DATASET_ENDS = frozenset(status for status, moves in DATASET_MOVES.items() if not moves)
DATASET_ACTIVE = frozenset(DATASET_MOVES) - DATASET_ENDS
DATASET_ERRORS = DATASET_ENDS - {S.COMPLETE, S.CANCELLED}


class Stage(TextChoices):
    """The four pieces of work inside one read, as the stage bar shows them."""

    FETCH = "fetch"
    MAP = "map"
    VALIDATE = "validate"
    PROCESS = "process"


class Responsible(TextChoices):
    """Who must act when something failed."""

    CUSTOMER = "customer"
    OPERATOR = "operator"
    PLATFORM = "platform"
    US = "us"
    NOBODY = ""


class ReadMode(TextChoices):
    FULL = "full"
    INCREMENTAL = "incremental"


class Trigger(TextChoices):
    """What asked for a dataset."""

    SCHEDULE = "schedule"
    USER = "user"
    API = "api"
    FIRST_LINK = "first-link"
    RETRY = "retry"
    PUSH = "push"
