"""A query made once and asked with other values each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncengine.models import Company
from syncengine.queries.prepared import Prepared
from tests.factories import make_company

MOMENT = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def _made_since(name, moment):
    found = Company.objects.filter(name=name, deleted_at__isnull=True, created_at__gte=moment).order_by("created_at")
    return found.values_list("id", "name", "tags", "created_at", "deleted_at")


def test_it_finds_what_the_query_itself_finds(django_assert_num_queries):
    prepared = Prepared(_made_since, ("one", "another"), (MOMENT, MOMENT + timedelta(days=1)))
    for number, name in enumerate(("Acme", "Acme", "Other", "one", "100% O'Neill")):
        company = make_company(name, tags={"region": "uk", "n": number})
        Company.objects.filter(pk=company.pk).update(created_at=MOMENT + timedelta(hours=number))
    for name in ("Acme", "Other", "one", "another", "100% O'Neill", "' OR 1=1 --"):
        for moment in (MOMENT, MOMENT + timedelta(minutes=30), MOMENT + timedelta(days=1)):
            expected = list(_made_since(name, moment))
            with django_assert_num_queries(1):
                assert prepared(name, moment) == expected
