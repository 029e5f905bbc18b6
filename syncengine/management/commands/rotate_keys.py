from django.core.management.base import BaseCommand

from syncengine.actions.keys import reseal_all


class Command(BaseCommand):
    help = "Seal all secrets with the first of HEADRACE_ENCRYPTION_KEYS. Afterwards the older keys can be dropped."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(f"{reseal_all()} secrets sealed with the newest key.")
