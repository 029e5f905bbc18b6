from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, encode_multipart

from pushops.models import PushOperation
from syncengine.models import Connection
from tests.portal.api.conftest import _own_quota, wire, wire_for
from tests.syncengine.conftest import _sandbox_server, lab
from tests.syncengine.lab import Lab

__all__ = ["_own_quota", "_sandbox_server", "lab", "wire", "wire_for"]

MISSING = "11111111-1111-4111-8111-111111111111"
# The contract's own two bodies (codat contract, section 13; its guide to creating data).
ACCOUNT = {"nominalCode": "4200123456", "name": "Codat Assets Account", "fullyQualifiedCategory": "Asset.Current"}
TOO_LONG = {
    "nominalCode": "350045006500",
    "name": "Excessive Length Account",
    "fullyQualifiedCategory": "Asset.Current",
}


def place(connection: Connection) -> str:
    return f"/companies/{connection.company_id}/connections/{connection.pk}"


def sent(lab: Lab) -> list[tuple[str, str]]:
    """What the platform was asked to write: (method, path)."""
    return [(one["method"], one["path"]) for one in lab.requests() if one["method"] != "GET"]


def nothing_was_done(lab):
    return (sent(lab), PushOperation.objects.count()) == ([], 0)


def form(**files):
    """Return the bytes of a form with these files."""
    return encode_multipart(BOUNDARY, files)


def pdf(name="receipt.pdf", content=b"%PDF-1.7 receipt"):
    return SimpleUploadedFile(name, content, "application/pdf")


@pytest.fixture
def linked(db: None, lab: Lab) -> Connection:
    return lab.connection()


@pytest.fixture
def push(wire: Any, linked: Connection) -> Any:
    """Send one write, and return the answer."""

    def go(method: str, path: str, body: Any = None, **options: Any) -> Any:
        return wire(method, f"{place(linked)}/push/{path}", body, **options)

    return go
