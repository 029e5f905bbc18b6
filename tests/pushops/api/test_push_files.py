"""Files sent to be attached to a record at the platform: one in a form, and nothing else."""

from __future__ import annotations

import pytest
from django.test.client import MULTIPART_CONTENT

from pushops.models import PushOperation
from tests.portal.api.answers import members_at_fault, refused, told
from tests.pushops.api.conftest import form, nothing_was_done, pdf, place, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(wire, linked):
    def go(data, content_type=MULTIPART_CONTENT, path="bills/bil_00000000/attachments", **headers):
        sent_with = {"Authorization": wire.authorization, **headers}
        place_ = f"/api{place(linked)}/push/{path}"
        return wire.client.generic("POST", place_, data, content_type=content_type, headers=sent_with)

    return go


def test_a_file_is_attached(upload, wire, linked, lab):
    answer = told(upload(form(file=pdf())))
    operation = PushOperation.objects.get()
    [change] = answer["changes"]
    assert change == {
        "type": "AttachmentUploaded",
        "recordRef": {"id": "bil_00000000", "dataType": "bills"},
        "attachmentId": operation.attachment_id,
    }
    assert (answer["status"], answer["statusCode"], "data" in answer) == ("Success", 200, False)
    assert sent(lab) == [("POST", "/api/v1/bills/bil_00000000/files")]
    stored = lab.control("GET", "writes")[-1]
    assert stored["path"].endswith("/files")
    again = told(upload(form(file=pdf()), path="invoices/inv_00000000/attachment"))
    assert (again["status"], again["dataType"]) == ("Success", "invoices")


NO_FILE = [
    (form(), MULTIPART_CONTENT),
    (form(file="just text"), MULTIPART_CONTENT),
    (form(other=pdf()), MULTIPART_CONTENT),
    (form(file=[pdf(), pdf("second.pdf")]), MULTIPART_CONTENT),
    (form(file=pdf(), other=pdf()), MULTIPART_CONTENT),
    (form(file=pdf(content=b"")), MULTIPART_CONTENT),
    (form(file=pdf()), "multipart/form-data"),
    (form(file=pdf()), "multipart/form-data; boundary=other"),
    (form(file=pdf())[:60], MULTIPART_CONTENT),
    (b"", MULTIPART_CONTENT),
    (b'{"file": "x"}', "application/json"),
    (b"%PDF-1.7", "application/pdf"),
    (b"file=x", "application/x-www-form-urlencoded"),
    (b"x", ""),
    (form(file=pdf()), "multipart/form-data; boundary=" + "x" * 5000),
]


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=["bare", "with a key"])
def test_a_form_without_just_one_file_is_refused_by_name(upload, lab, key):
    for place_, (data, content_type) in enumerate(NO_FILE):
        response = upload(data, content_type, **{name: f"{text}{place_}" for name, text in key.items()})
        assert (refused(response)[0], members_at_fault(response)) == (400, ["file"]), (data, content_type)
    assert nothing_was_done(lab)


def test_a_file_that_is_too_large_is_a_413(upload, lab, settings):
    settings.HEADRACE_MAX_FILE_BYTES = 1000
    assert refused(upload(form(file=pdf(content=b"x" * 1001))))[0] == 413
    assert refused(upload(form(file=pdf(content=b"x" * 100_000))))[0] == 413
    assert nothing_was_done(lab)


def test_the_name_of_a_file_is_no_path(upload, lab):
    assert told(upload(form(file=pdf("../../etc/passwd"))))["status"] == "Success"
    assert PushOperation.objects.get().file.name == "passwd"
