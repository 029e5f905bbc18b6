from __future__ import annotations

import base64
import os

import pytest
from django.conf import settings as django_settings

from syncengine.actions.keys import reseal_all
from syncengine.models import Connection
from syncengine.secrets import SecretUnreadable, is_under_newest_key, seal, unseal
from tests.factories import make_connection

pytestmark = pytest.mark.django_db


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def test_what_is_stored_shows_nothing_and_opens_again():
    connection = make_connection(secret={"access_token": "canary-token"})
    stored = bytes(Connection.objects.get(pk=connection.pk).credentials)
    assert b"canary" not in stored
    assert unseal(Connection.objects.get(pk=connection.pk), "credentials") == {"access_token": "canary-token"}


def test_a_ciphertext_moved_to_another_row_or_column_does_not_open():
    mine, other = make_connection(secret={"key": "a"}), make_connection()
    other.credentials = mine.credentials
    with pytest.raises(SecretUnreadable):
        unseal(other, "credentials")
    mine.refresh_owner = seal(mine, "credentials", {"key": "a"})
    with pytest.raises(SecretUnreadable):
        unseal(mine, "refresh_owner")


def test_one_changed_byte_is_noticed():
    connection = make_connection(secret={"key": "a"})
    stored = bytearray(connection.credentials)
    for place in (0, 5, 20, len(stored) - 1):
        changed = bytearray(stored)
        changed[place] ^= 1
        connection.credentials = bytes(changed)
        with pytest.raises(SecretUnreadable):
            unseal(connection, "credentials")


def test_keys_rotate(settings):
    connection = make_connection(secret={"key": "a"})
    settings.HEADRACE_ENCRYPTION_KEYS = [new_key(), *settings.HEADRACE_ENCRYPTION_KEYS]
    assert unseal(connection, "credentials") == {"key": "a"}
    assert not is_under_newest_key(connection.credentials)
    assert is_under_newest_key(seal(connection, "credentials", {"key": "a"}))
    settings.HEADRACE_ENCRYPTION_KEYS = [new_key()]
    with pytest.raises(SecretUnreadable):
        unseal(connection, "credentials")


def test_the_key_is_not_the_secret_key():
    assert django_settings.SECRET_KEY not in django_settings.HEADRACE_ENCRYPTION_KEYS


def test_rotating_leaves_nothing_under_the_old_key(settings):
    old = settings.HEADRACE_ENCRYPTION_KEYS
    connections = [make_connection(secret={"key": str(n)}) for n in range(3)]
    settings.HEADRACE_ENCRYPTION_KEYS = [new_key(), *old]
    assert reseal_all() == 3
    assert reseal_all() == 0
    settings.HEADRACE_ENCRYPTION_KEYS = settings.HEADRACE_ENCRYPTION_KEYS[:1]
    found = [unseal(Connection.objects.get(pk=connection.pk), "credentials") for connection in connections]
    assert found == [{"key": "0"}, {"key": "1"}, {"key": "2"}]
