from django.core.management.base import BaseCommand

from syncengine.actions.integrations import install_integrations
from syncengine.actions.sync_settings import install_sync_settings


class Command(BaseCommand):
    help = "Write the catalogue into the database: integrations and default sync settings. Safe to repeat."

    def handle(self, *args: object, **options: object) -> None:
        install_integrations()
        install_sync_settings()
