import sys

from django.core.management.base import BaseCommand

from syncengine.cluster import Cluster


class Command(BaseCommand):
    help = "Run one worker cluster in the foreground. SIGTERM ends it after the tasks in hand; exit code 70: restart."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        sys.exit(Cluster().run())
