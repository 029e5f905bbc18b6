"""Names as the contract cleans them, tags within their limits, and what is recorded."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.actions.companies import MAX_NAME, _clean_name, create_company, delete_company, rename_company
from syncengine.exceptions import Refused
from syncengine.models import Company, Event
from tests.factories import make_company, make_connection

ALLOWED = "-'&@.,?! "


@given(st.text())
def test_a_clean_name_holds_letters_digits_and_a_few_signs_and_stays_clean(name):
    try:
        cleaned = _clean_name(name)
    except Refused:
        return
    assert 0 < len(cleaned) <= MAX_NAME
    assert all(sign.isalnum() or sign in ALLOWED or not sign.isascii() for sign in cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert _clean_name(cleaned) == cleaned


@given(st.text(string.ascii_letters + string.digits, min_size=1, max_size=MAX_NAME))
def test_a_plain_name_is_kept(name):
    assert _clean_name(name) == name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Brown &  Sons\tLtd. ", "Brown & Sons Ltd."),
        ("A_B<script>#1", "ABscript1"),
        ("Zoë's Café – Paris", "Zoë's Café Paris"),
        ("Who? Me! a@b.c, x-y", "Who? Me! a@b.c, x-y"),
        ("Nul\x00 and \x1b bell", "Nul and bell"),
    ],
)
def test_what_a_name_may_not_hold_is_taken_out(given, kept):
    assert _clean_name(given) == kept


@pytest.mark.django_db
class TestStored:
    def test_a_company_is_made_with_its_event(self):
        company = create_company(name=" Acme ", description=" d ", tags={"region": "UK"}, actor="user:7")
        stored = Company.objects.get()
        assert (stored.name, stored.description, stored.tags, stored.created_by) == (
            "Acme",
            "d",
            {"region": "UK"},
            "user:7",
        )
        event = Event.objects.get()
        assert (event.kind, event.company_id, event.actor, event.data) == (
            "company.created",
            company.pk,
            "user:7",
            {"name": "Acme"},
        )

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": "_#_"}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "Acme", "tags": {str(number): "v" for number in range(11)}}, "tags"),
            ({"name": "Acme", "tags": {"k": "v" * 101}}, "tags"),
            ({"name": "Acme", "tags": {"k": 7}}, "tags"),
        ],
    )
    def test_what_is_refused_names_its_field_and_leaves_nothing(self, given, field):
        with pytest.raises(Refused) as refusal:
            create_company(**given, actor="user:7")
        assert refusal.value.field == field
        assert (Company.objects.count(), Event.objects.count()) == (0, 0)

    def test_ten_tags_of_a_hundred_characters_are_kept(self):
        tags = {str(number): "v" * 100 for number in range(10)}
        assert create_company(name="Acme", tags=tags, actor="user:7").tags == tags

    def test_a_rename_is_recorded_and_the_same_name_is_none(self):
        company = make_company("Before")
        rename_company(company, name="After_", actor="user:7")
        rename_company(company, name=" After ", actor="user:7")
        assert Company.objects.get().name == "After"
        assert [(event.kind, event.data) for event in Event.objects.all()] == [
            ("company.renamed", {"before": "Before", "after": "After"})
        ]

    def test_a_deleted_company_takes_its_connections_along(self):
        connection = make_connection(secret={"access_token": "t"})
        delete_company(connection.company, actor="user:7")
        connection.refresh_from_db()
        assert (connection.deleted_at is not None, bytes(connection.credentials)) == (True, b"")
        assert Company.objects.get().deleted_at is not None
        assert list(Event.objects.order_by("id").values_list("kind", flat=True)) == [
            "connection.deleted",
            "company.deleted",
        ]
