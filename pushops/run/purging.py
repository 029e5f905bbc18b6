"""What is dropped after the keeping of the read history: attempts with their exchanges, and files."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from pushops.models import PushAttempt, PushFile
from pushops.states import Phase

PIECE = 1000


def purge_pushes() -> None:
    """Drop a piece of what is past its keeping. The operations themselves stay: they say what was written."""
    history_ends = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS)
    old = PushAttempt.objects.filter(ended_at__lt=history_ends).order_by("ended_at")
    PushAttempt.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:PIECE])).delete()
    files = PushFile.objects.filter(operation__completed_at__lt=history_ends).exclude(operation__phase=Phase.SENDING)
    PushFile.objects.filter(pk__in=list(files.values_list("pk", flat=True)[:PIECE])).delete()
