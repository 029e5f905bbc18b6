from pushops.models.push_attempt import PushAttempt
from pushops.models.push_operation import PushFile, PushOperation

__all__ = ["PushAttempt", "PushFile", "PushOperation"]
