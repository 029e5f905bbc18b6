"""The demo: three companies whose books are read from the sandbox platform, the way a person would set them up."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.db import close_old_connections

from portal.links import callback_url
from portal.registers import load_demos
from syncengine.actions.companies import create_company
from syncengine.actions.connections import create_connection
from syncengine.actions.datasets import queue_dataset
from syncengine.actions.integrations import save_integration
from syncengine.actions.linking import begin_linking, finish_linking
from syncengine.models import Company, Connection, Dataset, Integration
from syncengine.outbound import Session
from syncengine.sandbox.options import Options
from syncengine.states import DATASET_ACTIVE, ConnectionStatus, DatasetStatus

PLATFORM = "mqjo"
SIDES = (PLATFORM, "aiwb", "bksb")  # one sandbox: as an accounting platform, as a shop, as a bank
ACTOR = "demo"
# The business at the sandbox, by its id there, and the company here.
SYNCED = ("brightwater", "Brightwater Bakery")
DEAUTHORIZED = ("northgate", "Northgate Cycles")
PENDING = "Alder & Finch Studio"


class DemoIncomplete(Exception):
    """The demo could not be set up; the text says what is missing."""


def connect_sandbox() -> None:
    """Tell its three integrations where the sandbox answers and as whom we come. Safe to repeat."""
    usual = Options()
    client = {"client_id": usual.client_id, "client_secret": usual.client_secret}
    for integration in Integration.objects.filter(key__in=SIDES):
        if not integration.client or integration.settings.get("base_url") != settings.HEADRACE_SANDBOX_URL:
            save_integration(
                integration, settings={"base_url": settings.HEADRACE_SANDBOX_URL}, client=client, actor=ACTOR
            )


def load(control_key: str, say: Callable[[str], None], seconds: float = 180) -> None:
    """Set up the three companies that are missing, and wait until their books are here.

    control_key:  opens the sandbox's controls, where its owner withdraws a consent.
    Raises:       DemoIncomplete when the reads take longer than `seconds`; ConnectorError.
    """
    ends_at = time.monotonic() + seconds
    if synced := _new_company(SYNCED[1], "Linked, and read in full."):
        connection = create_connection(synced, PLATFORM, actor=ACTOR)
        link(connection, SYNCED[0])
    if deauthorized := _new_company(DEAUTHORIZED[1], "Its owner has withdrawn the consent at the platform."):
        withdrawn = create_connection(deauthorized, PLATFORM, actor=ACTOR)
        link(withdrawn, DEAUTHORIZED[0])
        _wait_for_reads(withdrawn, ends_at)
        _withdraw(DEAUTHORIZED[0], control_key)
        queue_dataset(withdrawn, "invoices", actor=ACTOR)
        _wait_for(lambda: _status(withdrawn) == ConnectionStatus.DEAUTHORIZED, "the refusal of its platform", ends_at)
        say(f"{withdrawn.company.name}: deauthorised at the platform.")
    if pending := _new_company(PENDING, "Waits for its owner to link it."):
        create_connection(pending, PLATFORM, actor=ACTOR)
        say(f"{pending.name}: waits to be linked.")
    if synced:
        _wait_for_reads(connection, ends_at)
        say(f"{synced.name}: linked, {_completed(connection)} data types read.")
        load_demos(connection)


def link(connection: Connection, business: str) -> None:
    """Go to the platform's consent page, allow access to `business`, and come back with the code."""
    begun = begin_linking(connection, redirect_uri=callback_url(), actor=ACTOR)
    page = urlsplit(begun.url)
    form = {**dict(parse_qsl(page.query)), "business": business, "decision": "allow"}
    with Session() as browser:
        browser.request("GET", begun.url)
        sent_back = browser.request("POST", f"{page.scheme}://{page.netloc}{page.path}", form=form, accept=(303,))
    answer = dict(parse_qsl(urlsplit(sent_back.headers["location"]).query))
    finish_linking(answer.pop("state"), answer, redirect_uri=callback_url())
    connection.refresh_from_db()


def _new_company(name: str, description: str) -> Company | None:
    if Company.objects.filter(name=name, deleted_at__isnull=True).exists():
        return None
    return create_company(name=name, description=description, tags={"demo": "yes"}, actor=ACTOR)


def _withdraw(business: str, control_key: str) -> None:
    url = f"{settings.HEADRACE_SANDBOX_URL}/_control/businesses/{business}/grants"
    with Session() as owner:
        owner.request("DELETE", url, headers={"X-Control-Key": control_key})


def _wait_for_reads(connection: Connection, ends_at: float) -> None:
    reads = Dataset.objects.filter(connection=connection)
    _wait_for(
        lambda: reads.exists() and not reads.filter(status__in=DATASET_ACTIVE).exists(),
        f"the first reads of {connection.company.name}",
        ends_at,
    )


def _wait_for(done: Callable[[], bool], what: str, ends_at: float) -> None:
    while not done():
        if time.monotonic() > ends_at:
            raise DemoIncomplete(f"Still waiting for {what}.")
        time.sleep(0.2)
        close_old_connections()


def _status(connection: Connection) -> str:
    return str(Connection.objects.values_list("status", flat=True).get(pk=connection.pk))


def _completed(connection: Connection) -> int:
    return Dataset.objects.filter(connection=connection, status=DatasetStatus.COMPLETE).count()
