import os
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from portal import demo
from syncengine.exceptions import SyncEngineError


class Command(BaseCommand):
    help = "Set up the demo companies on the running sandbox platform; `make up` runs this on its first start."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo.connect_sandbox()
            demo.load(os.environ.get("SANDBOX_CONTROL_KEY", ""), self.stdout.write)
        except (demo.DemoIncomplete, SyncEngineError) as error:
            raise CommandError(str(error)) from error
