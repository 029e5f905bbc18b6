"""The platforms over the wire: what they can, and where their images are."""

from __future__ import annotations

from xml.etree.ElementTree import parse

import pytest
from django.contrib.staticfiles import finders

from portal.api.branding import IMAGES
from syncengine.actions.integrations import install_integrations
from syncengine.connectors.platforms import FEATURES
from syncengine.connectors.registry import platforms
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Integration
from tests.factories import make_integration
from tests.portal.api.answers import refused, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue(db):
    install_integrations()


def keys(wire, asked=""):
    return [row["key"] for row in told(wire.get(f"/integrations{asked}"))["results"]]


def test_an_integration_has_every_member(wire, catalogue, settings):
    settings.HEADRACE_PORTAL_URL = "https://hub.example"
    body = told(wire.get("/integrations/MQJO"))
    row = Integration.objects.get(key="mqjo")
    features = body.pop("datatypeFeatures")
    assert body == {
        "key": "mqjo",
        "logoUrl": "https://hub.example/static/img/platforms/mqjo-full.svg",
        "name": "Sandbox",
        "enabled": True,
        "sourceId": str(row.source_id),
        "sourceType": "Accounting",
        "integrationId": str(row.pk),
        "isOfflineConnector": False,
        "isBeta": False,
    }
    types = platforms()["mqjo"].types
    assert [entry["dataType"] for entry in features] == sorted(types)
    for entry in features:
        assert entry["datatype"] == entry["dataType"] in DATA_TYPES
        assert entry["supportedFeatures"] == [
            {"featureType": feature, "featureState": "Release"} for feature in types[entry["dataType"]].features
        ]
        assert set(types[entry["dataType"]].features) <= set(FEATURES)


def test_one_that_is_reached_through_a_connector_says_so_and_is_found_by_it(wire, catalogue):
    Integration.objects.filter(key="mqjo").update(is_offline=True)
    assert told(wire.get("/integrations/mqjo"))["isOfflineConnector"] is True
    assert keys(wire, "?query=isOfflineConnector=true") == ["mqjo"]


def test_the_list_is_filtered_ordered_and_paged(wire, catalogue):
    Integration.objects.filter(key="gbol").update(enabled=False)
    every = list(Integration.objects.order_by("name", "key").values_list("key", flat=True))
    assert keys(wire) == every
    assert keys(wire, "?orderBy=-name") == every[::-1]
    accounting = keys(wire, "?query=sourceType=Accounting%26%26enabled=true")
    assert ("mqjo" in accounting, "gbol" in accounting, "aiwb" in accounting) == (True, False, False)
    assert keys(wire, "?page=2&pageSize=1") == every[1:2]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_two_queries(wire, django_assert_num_queries, count):
    for key in ("mqjo", "gbol", "tryt")[:count]:
        make_integration(key, name=key)
    wire.get("/integrations")
    with django_assert_num_queries(2):  # key, integrations
        assert len(keys(wire)) == count


def test_every_platform_has_images_among_our_static_files(wire, catalogue):
    make_integration("zzzz", name="A Stranger")
    for key in Integration.objects.values_list("key", flat=True):
        body = told(wire.get(f"/integrations/{key}/branding"))
        images = [*body["logo"].values(), *body["button"].values()]
        assert (set(body["logo"]), set(body["button"]), len(images)) == ({"full", "square"}, {"default", "hover"}, 4)
        for image in images:
            file = finders.find(image["image"]["src"].removeprefix("http://127.0.0.1:8000/static/"))
            assert parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
            assert image["image"]["alt"]
    assert "/platform-full.svg" in told(wire.get("/integrations/zzzz"))["logoUrl"]
    assert len(IMAGES) == 4


@pytest.mark.parametrize(("key", "told_as"), [("zzzz", "zzzz"), ("%F0%9F%98%80", "😀"), ("mqjo%20", "mqjo ")])
@pytest.mark.parametrize("more", ["", "/branding"])
def test_an_unknown_platform_is_not_found(wire, catalogue, key, told_as, more):
    response = wire.get(f"/integrations/{key}{more}")
    assert refused(response) == (404, f"No integration was found with key {told_as}")
