"""`manage.py lock_data_type invoices`: from then on nobody changes its sync setting, on a page or over the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncengine.actions.sync_settings import lock_sync_setting
from syncengine.exceptions import UnknownDataType
from syncengine.models import Company


class Command(BaseCommand):
    help = "Lock the sync setting of a data type, or unlock it again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("data_type", help="key of a data type, e.g. invoices")
        parser.add_argument("--company", type=UUID, help="this company's setting instead of the default")
        parser.add_argument("--unlock", action="store_true")

    def handle(self, *args: Any, data_type: str, company: UUID | None, unlock: bool, **options: Any) -> None:
        found = Company.objects.filter(pk=company, deleted_at__isnull=True).first() if company else None
        if company and found is None:
            raise CommandError(f"No company was found with ID {company}")
        try:
            lock_sync_setting(found, data_type, locked=not unlock, actor="command")
        except UnknownDataType as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{data_type} is {'unlocked' if unlock else 'locked'}.")
