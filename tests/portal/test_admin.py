from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from syncengine.models import Attempt, LinkAttempt, RecordChange, SourceRequest, StageTiming, ValidationIssue
from tests.factories import (
    PASSWORD,
    make_company,
    make_connection,
    make_dataset,
    make_integration,
    make_record,
    make_user,
)

OURS = [model for label in ("portal", "syncengine") for model in apps.get_app_config(label).get_models()]
EDITABLE = {"portal.User": {"add", "change", "delete", "view"}, "syncengine.Company": {"change", "view"}}
SECRET = "sekrit-token-value"


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(make_user("root@example.com", is_staff=True, is_superuser=True))
    return client


def fill(count: int) -> None:
    """One row of most models, `count` times."""
    for place in range(count):
        connection = make_connection(
            make_company(f"C{place}"),
            integration=make_integration(f"ab{place}z", name=f"P{place}"),
            secret={"t": SECRET},
        )
        make_record(connection, f"r{place}")
        dataset = make_dataset(connection)
        LinkAttempt.objects.create(
            connection=connection, state_hash=f"h{place}", expires_at=now(), pending=SECRET.encode()
        )
        Attempt.objects.create(dataset=dataset, fence=1, worker="w", started_at=now())
        StageTiming.objects.create(dataset=dataset, stage="fetch", started_at=now())
        SourceRequest.objects.create(dataset=dataset, sequence=1, sent_at=now(), method="GET", url="https://x.example/")
        ValidationIssue.objects.create(dataset=dataset, stage="map", severity="error", rule_id="r", message="m")
        RecordChange.objects.create(dataset=dataset, record_id=place, source_id="s", kind="changed")


def test_every_model_is_registered() -> None:
    assert [model._meta.label for model in OURS if model not in admin.site._registry] == []


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_only_what_breaks_no_invariant_can_be_changed(model: Any, root: Client) -> None:
    request = root.get("/admin/").wsgi_request
    allowed = admin.site._registry[model].get_model_perms(request)
    assert {right for right, may in allowed.items() if may} == EDITABLE.get(model._meta.label, {"view"})


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_lists_and_pages_open_and_show_no_secret(model: Any, root: Client) -> None:
    fill(1)
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    response = root.get(reverse(f"{base}_changelist"))
    assert response.status_code == 200
    row = model.objects.first()
    if row is not None:
        one = root.get(reverse(f"{base}_change", args=[row.pk]))
        assert one.status_code == 200
        text = one.content.decode()
        assert SECRET not in text
        assert PASSWORD not in text
        assert 'name="credentials"' not in text
        assert "state_hash" not in text


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_lists_take_the_same_queries_whatever_their_length(
    model: Any, count: int, root: Client, django_assert_max_num_queries: Any
) -> None:
    fill(count)
    with django_assert_max_num_queries(7):
        root.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))


def test_passwords_are_not_shown_even_hashed(root: Client) -> None:
    user = make_user("bo@example.com")
    response = root.get(reverse("admin:portal_user_change", args=[user.pk]))
    assert user.password not in response.content.decode()


def test_a_user_can_be_added(root: Client) -> None:
    data = {"email": "New@Example.com", "name": "New", "role": "analyst", "usable_password": "true"}
    response = root.post(reverse("admin:portal_user_add"), {**data, "password1": PASSWORD, "password2": PASSWORD})
    assert response.status_code == 302
    assert Client().post("/sign-in/", {"email": "new@example.com", "password": PASSWORD}).status_code == 302


def test_the_admin_is_for_staff(ana: Client) -> None:
    assert ana.get("/admin/").status_code == 302


def test_the_queue_is_there_to_look_at_only(root: Client) -> None:
    request = root.get(reverse("admin:index")).wsgi_request
    # With Redis as the queue there are no queued tasks in the database to look at.
    for name in ("Schedule", "Failure", "Success", *(() if settings.REDIS_URL else ("OrmQ",))):
        rights = admin.site._registry[apps.get_model("django_q", name)].get_model_perms(request)
        assert rights == {"add": False, "change": False, "delete": False, "view": True}
        assert root.get(reverse(f"admin:django_q_{name.lower()}_changelist")).status_code == 200
