import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.paths import parse_path, path_text, value_at

names = st.text(st.characters(exclude_characters='"', exclude_categories=("Cs",)), min_size=1, max_size=10)
paths = st.lists(st.one_of(names, st.integers(0, 99)), max_size=8).map(tuple)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (".", ()),
        ("id", ("id",)),
        ("customer.name", ("customer", "name")),
        ("addresses.0.city", ("addresses", 0, "city")),
        ('customer."first.name"', ("customer", "first.name")),
        ('"0"', ("0",)),
        ("2nd.@type.größe", ("2nd", "@type", "größe")),
    ],
)
def test_parse_path(text, steps):
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a.", 'a."', "a b", "a[0]", "$.a[*]", "{a}", '""', 'a"b', "a.*"])
def test_parse_path_refuses(text):
    with pytest.raises(ValueError, match="path"):
        parse_path(text)


@pytest.mark.parametrize("text", ["a" * 513, ".".join("a" * 33)])
def test_parse_path_refuses_what_is_too_long(text):
    with pytest.raises(ValueError, match="at most"):
        parse_path(text)


@given(paths)
def test_path_text_is_read_back_the_same(path):
    assert parse_path(path_text(path)) == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a", "b"), 1),
        (("a", "c"), None),
        (("a", "b", "c"), None),
        (("list", 1), "y"),
        (("list", 2), None),
        (("list", "x"), None),
        (("a", 0), None),
        (("nothing", "x"), None),
    ],
)
def test_value_at(path, value):
    assert value_at({"a": {"b": 1}, "list": ["x", "y"], "nothing": None}, path) == value
