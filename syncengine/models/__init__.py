from syncengine.models.company import Company
from syncengine.models.connection import Connection, LinkAttempt
from syncengine.models.dataset import (
    Attempt,
    Dataset,
    RecordChange,
    SourceRequest,
    StagedPage,
    StageTiming,
    ValidationIssue,
)
from syncengine.models.event import Event, RateBucket
from syncengine.models.integration import Integration
from syncengine.models.offline import ConnectorKey, ConnectorProcess, RelayedRequest
from syncengine.models.record import Record, RecordPageMarks
from syncengine.models.sync_setting import DataStatus, SyncSetting
from syncengine.models.worker import WorkerHeartbeat

__all__ = [
    "Attempt",
    "Company",
    "Connection",
    "ConnectorKey",
    "ConnectorProcess",
    "DataStatus",
    "Dataset",
    "Event",
    "Integration",
    "LinkAttempt",
    "RateBucket",
    "Record",
    "RecordChange",
    "RecordPageMarks",
    "RelayedRequest",
    "SourceRequest",
    "StageTiming",
    "StagedPage",
    "SyncSetting",
    "ValidationIssue",
    "WorkerHeartbeat",
]
