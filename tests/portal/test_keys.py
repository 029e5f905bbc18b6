"""Secrets: how they look, what counts as one, and what is read out of an Authorization header."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.keys import KEY_PREFIX, TOKEN_PREFIX, hash_of, header_of, hint_of, is_well_formed, new_secret, secret_of

KEY = "hrk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG2gJFF6"


def basic(text: str | bytes) -> str:
    return "Basic " + b64encode(text.encode() if isinstance(text, str) else text).decode()


def test_a_secret_is_long_random_and_recognisable() -> None:
    made = {new_secret(KEY_PREFIX) for _ in range(1000)}
    assert len(made) == 1000
    assert {(len(one), one[:4], one[4:].isalnum()) for one in made} == {(53, "hrk_", True)}
    assert 62**43 > 2**256
    assert len(hash_of(KEY)) == 64
    assert hint_of(KEY) == f"{KEY[:8]}…{KEY[-4:]}"
    assert new_secret(TOKEN_PREFIX).startswith("hrt_")


@pytest.mark.parametrize("place", range(53))
def test_every_changed_character_is_noticed_without_a_query(place: int) -> None:
    other = "0" if KEY[place] != "0" else "1"
    assert is_well_formed(KEY)
    assert not is_well_formed(KEY[:place] + other + KEY[place + 1 :])


UNDERSTOOD = [
    header_of(KEY),
    basic(f"{KEY}:"),
    basic(f":{KEY}"),
    basic(f"anybody:{KEY}"),
    f"Bearer {KEY}",
    f"bearer {KEY}",
    f"BEARER   {KEY}  ",
    header_of(KEY).replace("Basic", "bAsIc"),
]
HOSTILE = [
    "",
    " ",
    "\0",
    "Basic",
    "Basic ",
    "Bearer",
    "Basic !!!",
    "Basic ====",
    "Basic é",
    "Basic \ud800",
    "Bearer \udcff",
    "Bearer " + "x" * 100_000,
    KEY,
    f"Basic {KEY}",
    f"Digest {KEY}",
    f"Bearer {KEY}\0",
    f"Bearer {KEY}é",
    f"Bearer {KEY}, Bearer {KEY}",
    f"{header_of(KEY)}, {header_of(KEY)}",
    header_of(KEY)[:-3],
    basic("x" * 100_000),
    basic("é" * 20),
    basic(b"\xff\xfe" * 20),
]


@pytest.mark.parametrize("place", range(len(UNDERSTOOD)))
def test_forms_of_the_header_that_are_understood(place: int) -> None:
    assert secret_of(UNDERSTOOD[place]) == KEY


@pytest.mark.parametrize("place", range(len(HOSTILE)))
def test_hostile_headers_hold_no_secret_and_raise_nothing(place: int) -> None:
    assert not is_well_formed(secret_of(HOSTILE[place]))


@given(st.text(max_size=600) | st.text(max_size=600).map(lambda text: f"Basic {text}"))
def test_nothing_that_is_sent_raises(header: str) -> None:
    assert is_well_formed(secret_of(header)) in (True, False)


def test_what_clients_send_is_the_key_alone() -> None:
    assert header_of(KEY) == f"Basic {b64encode(KEY.encode()).decode()}"
