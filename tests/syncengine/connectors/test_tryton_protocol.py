"""What Tryton's answers mean, without a server: each answer below was seen from a real one, or is a hostile one."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from syncengine.connectors.base import HttpAnswer
from syncengine.connectors.tryton import protocol
from syncengine.exceptions import AuthExpired, BadAnswer, PermissionMissing, SourceRefused, SourceUnavailable


class Answering:
    """An Http that gives one answer and remembers what it was asked."""

    def __init__(self, status, body):
        self.status, self.body, self.asked = status, body, []

    def request(self, method, url, *, params=(), headers=None, json=None, form=None, accept=()):
        assert 200 <= self.status < 300 or self.status in accept
        self.asked.append((method, url, list(params), json))
        return HttpAnswer(self.status, {}, self.body, url)


def server(status, body):
    return protocol.Server("https://erp.example.com", "my books", Answering(status, body), {})


HTML = b"<!doctype html>\n<title>500</title><h1>Internal Server Error</h1>\n<p>&#39;nme&#39;</p>"


@pytest.mark.parametrize(
    ("method", "status", "body", "error", "upstream"),
    [
        ("GET", 401, b"<h1>Unauthorized</h1>", AuthExpired, "Unauthorized"),
        ("GET", 403, b"", PermissionMissing, ""),
        ("GET", 400, b'{"status":400,"message":"Zugriff verweigert"}', PermissionMissing, "Zugriff verweigert"),
        ("POST", 400, b'{"status":400,"message":"No.","description":""}', SourceRefused, "No."),
        ("GET", 404, b"<h1>Not Found</h1>", SourceRefused, "Not Found"),
        ("GET", 500, HTML, SourceUnavailable, "500 Internal Server Error 'nme'"),
        ("GET", 500, b"[1]", SourceUnavailable, "[1]"),
    ],
)
def test_refusals_have_a_name_and_the_platforms_words(method, status, body, error, upstream):
    asked = server(status, body)

    with pytest.raises(error) as refusal:
        protocol.ask(asked, method, asked.model_url("party.party"))
    assert (type(refusal.value), refusal.value.upstream, refusal.value.status_code) == (error, upstream, status)


def test_a_question_is_written_as_tryton_reads_it():
    asked = server(200, b'[{"id": 3, "name": "A", "party": {"id": 1, "name": "B"}}]')
    found = protocol.rows(asked, "party.party", ("name", "party.name"), domain=[["id", ">", 2]], limit=5)

    assert found == [{"id": 3, "name": "A", "party": {"id": 1, "name": "B"}}]
    assert asked.http.asked == [
        (
            "GET",
            "https://erp.example.com/my%20books/rest/model/party.party",
            [
                ("f", "name"),
                ("f", "party.name"),
                ("d", "W1siaWQiLCI-IiwyXV0="),
                ("o", "W1siaWQiLCJBU0MiXV0="),
                ("s", "5"),
            ],
            None,
        )
    ]


def test_a_field_left_out_is_a_right_not_given():
    with pytest.raises(PermissionMissing, match=r"may not read code of party\.party"):
        protocol.rows(server(200, b'[{"id": 3, "name": "A"}]'), "party.party", ("name", "code"))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b"null", b"[1]", b"[{}]", b'[{"id": "3"}]', b'[{"id": NaN}]', b"[" * 100_000, b"\xff\xfe"],
)
def test_anything_but_a_list_of_rows_is_a_bad_answer(body):
    with pytest.raises(BadAnswer):
        protocol.rows(server(200, body), "party.party", ())


@pytest.mark.parametrize("body", [b"null", b'""', b'"short"', b'{"key": "x"}', b'"\\u0000aaaaaaaaaaaaaaaaaaaaaa"'])
def test_anything_but_a_key_is_a_bad_answer(body):
    with pytest.raises(BadAnswer, match="Is it a Tryton server"):
        protocol.request_key(server(200, body), "ana")


def test_many_ids_are_asked_for_in_chunks_that_fit_a_url():
    asked = server(200, b"[]")
    ids = range(10_000_000, 10_000_000 + 2 * protocol.IDS_A_REQUEST + 1)

    assert protocol.rows_by(asked, "party.address", ("street",), "party", ids, has_active=True) == []
    assert len(asked.http.asked) == 3
    lengths = [len(url) + len(urlencode(params)) for _, url, params, _ in asked.http.asked]
    assert max(lengths) < 4000


def test_a_record_is_written_with_its_members_in_order_and_nothing_changed():
    record = {"b": "ä \\u0000", "a": 0.1, "id": 3, "c": [{"z": None, "y": "9007199254740993"}]}
    text, mended = protocol.as_json(record)

    assert text.decode() == '{"a":0.1,"b":"ä \\\\u0000","c":[{"y":"9007199254740993","z":null}],"id":3}'
    assert (json.loads(text), mended) == (record, False)


def test_characters_that_no_database_stores_are_taken_out():
    text, mended = protocol.as_json({"id": 1, "name": "a\x00b\ud800c", "lines": [{"x\x00": "\udfff"}]})

    assert json.loads(text) == {"id": 1, "name": "ab\ufffdc", "lines": [{"x": "\ufffd"}]}
    assert mended is True


def test_a_number_beyond_json_is_a_bad_answer():
    with pytest.raises(BadAnswer):
        protocol.as_json({"id": 1, "quantity": float("inf")})
