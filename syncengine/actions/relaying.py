"""What a connector process does at our door: shows itself, takes requests, hands answers in, says that it stops.

Everything here begins from one integration, that of the key which was shown: nothing of another is ever seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from syncengine.actions.offline import wake_waiting
from syncengine.exceptions import Refused
from syncengine.models import ConnectorProcess, Integration, RelayedRequest
from syncengine.outbound.frames import Question, decode_question, split_answer
from syncengine.secrets import SecretUnreadable, seal_bytes, unseal_bytes

SEEN_SECONDS = 5.0
MOST_PROCESSES = 20  # remembered of one integration
MOST_TAKEN = 16


class NobodyWaits(Refused):
    """The answer is late, was given before, or belongs to a request of somebody else."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who a connector process says that it is. Texts are cut, never refused."""

    run: UUID
    machine: str = ""
    version: str = ""
    platforms: Sequence[str] = ()


def show(integration: Integration, who: Introduction) -> ConnectorProcess:
    """Note that this process is there and, in the same transaction, wake what waits for it.

    Nothing is written when it showed itself a few seconds ago.
    """
    known = ConnectorProcess.objects.filter(integration=integration, run=who.run).first()
    moment = now()
    if known is not None and known.left_at is None and moment - known.seen_at < timedelta(seconds=SEEN_SECONDS):
        return known
    try:
        with transaction.atomic():
            return _noted(integration, who)
    except IntegrityError:  # it showed itself twice at the same time
        return ConnectorProcess.objects.get(integration=integration, run=who.run)


def _noted(integration: Integration, who: Introduction) -> ConnectorProcess:
    moment = now()
    process, is_new = ConnectorProcess.objects.update_or_create(
        integration=integration,
        run=who.run,
        defaults={"seen_at": moment, "left_at": None},
        create_defaults={
            "started_at": moment,
            "seen_at": moment,
            "machine": who.machine[:80],
            "version": who.version[:20],
            "platforms": [place[:200] for place in who.platforms[:20]],
        },
    )
    if is_new:
        kept = ConnectorProcess.objects.filter(integration=integration).order_by("-seen_at")[:MOST_PROCESSES]
        old = ConnectorProcess.objects.filter(integration=integration)
        old.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    wake_waiting(integration.pk)
    return process


def leave(integration: Integration, run: UUID) -> None:
    """Note that this process stops: nobody need wait to find out."""
    ConnectorProcess.objects.filter(integration=integration, run=run).update(left_at=now(), seen_at=now())


def is_waiting(integration: Integration) -> bool:
    """Say whether a request of this integration waits to be taken."""
    return _open(integration).exists()


def take(integration: Integration, process: ConnectorProcess, count: int) -> list[tuple[UUID, Question]]:
    """Take up to `count` requests, oldest first. Each is given to one process, and once."""
    taken = []
    for row in _open(integration).order_by("pk")[: min(count, MOST_TAKEN)]:
        try:
            question = decode_question(unseal_bytes(row, "question"))
        except SecretUnreadable:  # sealed with a key that this process of ours does not have yet
            continue
        if RelayedRequest.objects.filter(pk=row.pk, taken_at__isnull=True).update(taken_at=now(), taken_by=process):
            taken.append((row.pk, question))
    return taken


def answer(integration: Integration, run: UUID, request_id: UUID, frame: bytes) -> None:
    """Hand in what came of a request, once.

    Raises: NobodyWaits; frames.BadFrame when it is no answer, which leaves the request as it was.
    """
    split_answer(frame)
    row = RelayedRequest(pk=request_id)
    waiting = RelayedRequest.objects.filter(
        pk=request_id,
        integration=integration,
        taken_by__run=run,
        taken_by__integration=integration,
        answered_at__isnull=True,
        ends_at__gt=now(),
    )
    if not waiting.exists():
        raise NobodyWaits("Nobody waits for this answer any more.")
    # In one statement with the check, so that of two answers one counts.
    still = RelayedRequest.objects.filter(pk=request_id, answered_at__isnull=True)
    if not still.update(answered_at=now(), answer=seal_bytes(row, "answer", frame)):
        raise NobodyWaits("Nobody waits for this answer any more.")


def _open(integration: Integration) -> QuerySet[RelayedRequest]:
    return RelayedRequest.objects.filter(integration=integration, taken_at__isnull=True, ends_at__gt=now())
