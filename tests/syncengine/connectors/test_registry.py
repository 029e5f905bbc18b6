import pytest

from syncengine.connectors.registry import (
    MANIFESTS,
    PYTHON_CONNECTORS,
    UnknownPlatform,
    connector_for,
    platforms,
    read_manifests,
)
from syncengine.connectors.rest import RestConnector
from syncengine.exceptions import ManifestError, Refused
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD


def test_every_manifest_and_python_connector_is_a_platform():
    assert set(platforms()) == {path.stem for path in MANIFESTS.glob("*.toml")} | set(PYTHON_CONNECTORS)
    assert {key: platform.key for key, platform in platforms().items()} == {key: key for key in platforms()}


def test_platforms_stand_in_the_order_of_their_names():
    names = [platform.name.lower() for platform in platforms().values()]

    assert names == sorted(names)


@pytest.mark.parametrize("key", sorted(platforms()))
def test_connector_for_each_platform(key):
    assert connector_for(key).platform == platforms()[key]


def test_an_unknown_platform_is_refused():
    with pytest.raises(UnknownPlatform, match="'mqj' is not a platform we can read") as refusal:
        connector_for("mqj")

    assert isinstance(refusal.value, Refused)
    assert (refusal.value.field, refusal.value.platform_key) == ("platform_key", "mqj")


def test_read_manifests(tmp_path):
    (tmp_path / "demo.toml").write_text(HEAD + CUSTOMERS)
    (tmp_path / "notes.txt").write_text("not a manifest")

    found = read_manifests(tmp_path)

    assert {key: type(connector) for key, connector in found.items()} == {"demo": RestConnector}
    (tmp_path / "evil.toml").write_text("key =")
    with pytest.raises(ManifestError, match=r"evil\.toml"):
        read_manifests(tmp_path)
