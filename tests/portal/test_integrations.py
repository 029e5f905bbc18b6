import pytest
from django.urls import reverse

from portal.models import Role
from syncengine.connectors.platforms import Limits, SettingField, TypeSupport
from syncengine.models import Integration
from syncengine.secrets import seal, unseal
from syncengine.states import ConnectionStatus
from tests.factories import make_connection, make_integration
from tests.portal.data_pages import HOSTILE, Page, get, platform, sign_in, use_platforms

pytestmark = pytest.mark.django_db
LIST = "/integrations/"
DETAIL = "/integrations/mqjo/"
ENABLED = "/integrations/mqjo/enabled/"
FIELDS = (
    SettingField("base_url", "Base URL", kind="url", default="https://books.test"),
    SettingField("client_id", "Client id"),
    SettingField("client_secret", "Client secret", kind="password"),
    SettingField("region", "Region", required=False),
)


class _Connector:
    def __init__(self, platform):
        self.platform = platform


@pytest.fixture(autouse=True)
def sandbox(monkeypatch):
    """The platform of the catalogue, as views and actions see it."""
    one = platform(
        client_fields=FIELDS,
        idle_days=60,
        limits=Limits(per_connection_minute=120),
        description="Books for tests.",
        types={
            "invoices": TypeSupport("invoices", "/v1/invoices", incremental=True, requires=("customers",)),
            "customers": TypeSupport("customers", "/v1/customers", incremental=True, reports_deletions=True),
        },
    )
    use_platforms(monkeypatch, one)
    monkeypatch.setattr("syncengine.actions.integrations.connector_for", lambda key: _Connector(one))
    return one


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_four_queries_and_counts_connections_by_state(count, django_assert_num_queries):
    client = sign_in()
    for _ in range(count):
        make_connection()
        make_connection(status=ConnectionStatus.DEAUTHORIZED)
    with django_assert_num_queries(4):  # session, user, counts, integrations
        page = get(client, LIST)
    for words in ("Sandbox", "mqjo", "Books for tests.", f"{count} Deauthorized", f"{count} Linked", "enabled"):
        assert words in page.text
    assert DETAIL in page.links()


def test_a_platform_without_connector_and_a_disabled_one_say_so():
    make_integration("gone", name="Gone")
    make_integration("mqjo", enabled=False)
    page = get(sign_in(), LIST)
    assert ("no connector" in page.text, "disabled" in page.text) == (True, True)
    assert "This release has no connector" in get(sign_in(Role.DEVELOPER), "/integrations/gone/").text


def test_an_empty_catalogue_says_so():
    assert "No platforms yet" in get(sign_in(), LIST).text


def test_the_detail_tells_what_the_platform_can_do():
    make_integration()
    page = get(sign_in(), DETAIL)
    for words in (
        "/v1/invoices",
        "told at once",
        "found by full reads",
        "after 60 days without use",
        "120 a minute per connection, no limit over all",
        "OAuth 2.0",
    ):
        assert words in page.text
    assert list(page.find("td", data_label="Requires")) != []


def test_the_redirect_address_can_be_copied(settings):
    settings.HEADRACE_PORTAL_URL = "https://portal.test"
    make_integration()
    page = get(sign_in(), DETAIL)
    assert page.find("input", value="https://portal.test" + reverse("link-callback"))


def test_saving_keeps_settings_open_and_secrets_sealed():
    integration = make_integration()
    client = sign_in()
    posted = {"base_url": "https://eu.books.test/", "client_id": "id-1", "client_secret": "s3cret", "region": ""}
    response = client.post(DETAIL, posted, follow=True)
    assert response.redirect_chain == [(DETAIL, 303)]
    integration.refresh_from_db()
    assert integration.settings == {"base_url": "https://eu.books.test", "region": ""}
    assert unseal(integration, "client") == {"client_id": "id-1", "client_secret": "s3cret"}
    assert b"s3cret" not in response.content
    assert b"id-1" not in response.content
    assert Page(response).find("input", name="base_url", value="https://eu.books.test")


def test_a_secret_left_blank_stays_as_it_is():
    integration = make_integration()
    integration.client = seal(integration, "client", {"client_id": "id-1", "client_secret": "old"})
    integration.save()
    client = sign_in()
    page = get(client, DETAIL)
    assert [field["placeholder"] for field in page.find("input", type="password")] == ["stored; leave blank to keep it"]
    assert client.post(DETAIL, {"base_url": "", "client_id": "id-2", "client_secret": ""}).status_code == 303
    integration.refresh_from_db()
    assert unseal(integration, "client") == {"client_id": "id-2", "client_secret": "old"}


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"client_id": "x", "client_secret": ""}, "Client secret is needed."),
        ({"client_id": "", "client_secret": "x"}, "Client id is needed."),
        (
            {"client_id": "x", "client_secret": "y", "base_url": "ftp://x"},
            "Base URL must begin with https:// or http://.",
        ),
        ({"client_id": "x" * 3000, "client_secret": "y"}, "at most 2000 characters"),
    ],
)
def test_bad_input_is_named_at_its_field_and_nothing_is_saved(posted, words):
    integration = make_integration()
    response = sign_in().post(DETAIL, posted)
    integration.refresh_from_db()
    assert (response.status_code, integration.settings, bytes(integration.client)) == (422, {}, b"")
    assert words in Page(response).text


def test_typed_secrets_do_not_come_back_with_the_errors():
    make_integration()
    response = sign_in().post(DETAIL, {"client_id": "", "client_secret": "typed-secret"})
    assert b"typed-secret" not in response.content


def test_secrets_under_a_lost_key_are_reported_and_can_be_entered_again():
    integration = make_integration()
    Integration.objects.filter(pk=integration.pk).update(client=b"nonsense that no key opens")
    assert "cannot be read with this deployment's encryption keys" in get(sign_in(), DETAIL).text


def test_enabling_and_disabling():
    integration = make_integration()
    client = sign_in()
    for enabled in ("0", "1"):
        response = client.post(ENABLED, {"enabled": enabled})
        integration.refresh_from_db()
        assert (response.status_code, response["Location"], integration.enabled) == (303, DETAIL, enabled == "1")
    response = client.post(ENABLED, {"enabled": "1"})
    assert response.status_code == 409
    assert "Sandbox is already enabled." in Page(response).text


def test_hostile_words_are_escaped(sandbox, monkeypatch):
    use_platforms(monkeypatch, platform(description=HOSTILE))
    make_integration(name=HOSTILE)
    for url in (LIST, DETAIL):
        response = sign_in(Role.DEVELOPER if url == LIST else Role.ADMINISTRATOR).get(url)
        assert b"<script>alert" not in response.content
        assert HOSTILE in Page(response).text


def test_only_developers_and_above_come_here(client):
    make_integration()
    analyst = sign_in(Role.ANALYST)
    for url in (LIST, DETAIL):
        assert (analyst.get(url).status_code, client.get(url).status_code) == (403, 302)
    assert (analyst.post(DETAIL, {}).status_code, analyst.post(ENABLED, {}).status_code) == (403, 403)
    assert sign_in().get("/integrations/nope/").status_code == 404
    assert sign_in(Role.DEVELOPER).get(ENABLED).status_code == 405
