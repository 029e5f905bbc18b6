"""Files of records, from the real sandbox through the real way out: listed, looked at, downloaded, and as PDFs."""

from __future__ import annotations

import json
import re
import struct
import zlib

import pytest

from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.platforms import features
from syncengine.connectors.registry import connector_for
from syncengine.connectors.rest_files import file_name
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import BadAnswer, ManifestError, NotSupported, SourceRefused
from syncengine.sandbox.options import Options
from syncengine.sandbox.platform import Platform as SandboxPlatform
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD, PlainHttp, make_connector, make_manifest
from tests.syncengine.connectors.pushing import linked_to

WITH_FILES = ("bills", "customers", "directCosts", "directIncomes", "invoices", "purchaseOrders", "suppliers")
FILES = """
[types.customers.attachments]
endpoint = "{endpoint}/{record_id}/files"
download = "/files/{record_id}/{attachment_id}"
key = "no"
"""


@pytest.fixture
def linked(lab):
    linked = linked_to(lab)
    yield linked
    linked.http.close()


@pytest.mark.parametrize("data_type", WITH_FILES)
def test_the_files_of_a_record_are_listed_looked_at_and_downloaded(linked, data_type):
    record_id = list(linked.read(data_type))[2]
    context = {"settings": linked.settings, "http": linked.http}
    files = linked.connector.attachments(data_type, record_id, **context)
    assert [(file.name, file.content_type, file.include_when_sent) for file in files] == [
        ("scan-3.pdf", "application/pdf", True),
        ("photo-3.png", "image/png", False),
    ]
    for file, opens_with in zip(files, (b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n"), strict=True):
        assert linked.connector.attachment(data_type, record_id, file.id, **context) == file
        content = linked.connector.download(data_type, record_id, file.id, **context)
        assert content == File(content.content, file.content_type, file.name)
        assert (len(content.content), content.content[: len(opens_with)]) == (file.file_size, opens_with)
        assert linked.connector.download(data_type, record_id, file.id, **context) == content


def test_one_file_in_full(linked):
    [first] = linked.connector.attachments("invoices", "inv_00000001", settings=linked.settings, http=linked.http)
    assert first == Attachment(
        id="fil_00000001_1",
        name="scan-2.pdf",
        content_type="application/pdf",
        file_size=first.file_size,
        date_created="2026-10-31T00:00:00Z",
        include_when_sent=True,
        source_modified_at=first.source_modified_at,
    )
    assert first.source_modified_at.isoformat() == "2026-10-31T00:00:00+00:00"


@pytest.mark.parametrize(
    ("data_type", "record_id", "words"),
    [
        ("invoices", "inv_00000003", b"(Invoice INV-000004)"),
        ("purchaseOrders", "por_00000003", b"(Purchase order PO-00004)"),
    ],
)
def test_a_document_is_had_as_a_pdf_that_readers_can_open(linked, data_type, record_id, words):
    file = linked.connector.pdf(data_type, record_id, settings=linked.settings, http=linked.http)
    assert (file.content_type, file.name.endswith(".pdf"), words in file.content) == ("application/pdf", True, True)
    assert pdf_objects(file.content) == [b"/Catalog", b"/Pages", b"/Font", b"/Title", b"/Page", b"/Length"]


def pdf_objects(content):
    """Walk the table at the end of a PDF to each object, and return the first word of each."""
    table = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", content)[1])
    count = int(re.match(rb"xref\n0 (\d+)\n0000000000 65535 f \n", content[table:])[1])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n \n", content[table:])]
    assert len(places) == count - 1
    found = []
    for number, place in enumerate(places, 1):
        head, _, rest = content[place:].partition(b"\n")
        assert head == b"%d 0 obj" % number
        length = re.match(rb"<< /Length (\d+) >>\nstream\n", rest)
        if length:
            assert rest[length.end() + int(length[1]) :].startswith(b"\nendstream\nendobj\n")
        found.append(re.search(rb"/Type (/\w+)|(/Title|/Length)", rest)[0].split()[-1])
    return found


def test_the_picture_is_a_png_that_unpacks_to_its_size(linked):
    context = {"settings": linked.settings, "http": linked.http}
    content = linked.connector.download("suppliers", "sup_00000005", "fil_00000005_2", **context).content
    chunks, at = {}, 8
    while at < len(content):
        [size] = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        assert struct.pack(">I", zlib.crc32(kind + data)) == content[at + 8 + size : at + 12 + size]
        chunks[kind] = data
        at += 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)


def test_what_is_not_there_is_refused_with_404(linked):
    context = {"settings": linked.settings, "http": linked.http}
    connector = linked.connector
    asked = [
        lambda: connector.attachments("invoices", "inv_99999999", **context),
        lambda: connector.attachment("invoices", "inv_00000001", "fil_x", **context),
        lambda: connector.download("invoices", "inv_00000001", "fil_00000001_2", **context),
        lambda: connector.pdf("invoices", "inv_99999999", **context),
        lambda: connector.attachments("invoices", "..", **context),
        lambda: connector.attachments("invoices", "", **context),
        lambda: connector.download("invoices", "inv_00000001", "..", **context),
        lambda: connector.attachments("invoices", "inv_00000001/../../customers/cus_00000001", **context),
    ]
    for ask in asked:
        with pytest.raises(SourceRefused) as refusal:
            ask()
        assert refusal.value.status_code == 404
    assert not [request for request in linked.lab.requests("/customers") if request["status"] == 200]


@pytest.mark.parametrize("data_type", ["items", "journals", "company"])
def test_types_without_files_say_so_and_ask_nothing(linked, data_type):
    for ask in (linked.connector.attachments, linked.connector.pdf):
        with pytest.raises(NotSupported):
            ask(data_type, "x", settings=linked.settings, http=linked.http)
    assert linked.lab.requests("/api/") == []


def test_a_file_larger_than_the_limit_is_refused(linked, settings):
    settings.HEADRACE_MAX_FILE_BYTES = 100
    with pytest.raises(BadAnswer, match="larger than 100 bytes"):
        linked.connector.download(
            "invoices", "inv_00000001", "fil_00000001_1", settings=linked.settings, http=linked.http
        )


def test_what_is_no_pdf_is_not_passed_on_as_one(linked):
    linked.lab.fault("html")
    with pytest.raises(BadAnswer, match="not a PDF"):
        linked.connector.pdf("invoices", "inv_00000001", settings=linked.settings, http=linked.http)


def test_another_platform_with_the_same_seed_has_the_same_files(linked):
    papers = []
    for platform in (SandboxPlatform(Options()), SandboxPlatform(Options())):
        shelf = platform.shop.shelf("brightwater", "bills")
        papers.append([(paper.name, paper.content) for paper in platform.shop.attached.papers("brightwater", shelf, 5)])
    assert papers[0] == papers[1]
    context = {"settings": linked.settings, "http": linked.http}
    files = linked.connector.attachments("bills", "bil_00000005", **context)
    assert [(f.name, linked.connector.download("bills", "bil_00000005", f.id, **context).content) for f in files] == (
        papers[0]
    )


# --- the manifest's section


def test_a_platform_without_an_address_for_one_file_has_it_picked_from_the_list(httpserver):
    httpserver.expect_request("/api/customers/c 1/files").respond_with_json([{"no": 7}, {"no": 8}])
    connector = make_connector(HEAD, CUSTOMERS, FILES)
    context = {"settings": {"base_url": httpserver.url_for("").rstrip("/")}, "http": PlainHttp()}
    assert connector.attachment("customers", "c 1", "8", **context) == Attachment("8")
    with pytest.raises(SourceRefused) as refusal:
        connector.attachment("customers", "c 1", "9", **context)
    assert refusal.value.status_code == 404


@pytest.mark.parametrize("answer", ['{"no": 1}', "[5]", '[{"no": null}]', "[{}]", "<html>"])
def test_a_list_of_files_that_makes_no_sense_is_a_bad_answer(httpserver, answer):
    httpserver.expect_request("/api/customers/1/files").respond_with_data(answer, content_type="application/json")
    connector = make_connector(HEAD, CUSTOMERS, FILES)
    with pytest.raises(BadAnswer):
        connector.attachments("customers", "1", settings={"base_url": httpserver.url_for("")}, http=PlainHttp())


@pytest.mark.parametrize(
    ("was", "becomes", "key", "problem"),
    [
        ('key = "no"', "", "key", "is missing"),
        ('key = "no"', 'key = "no"\nrecord = "x"', "record", "did you mean records?"),
        ('download = "/files', 'download = "files', "download", "must begin with one /"),
        ("/{attachment_id}", "", "download", "must hold {attachment_id}"),
        ("{record_id}/files", "{attachment_id}/files", "endpoint", "cannot hold {attachment_id}"),
        ("{record_id}/files", "{record/files", "endpoint", "brace"),
        ("{record_id}/files", "{town}/files", "endpoint", "is no setting of this platform"),
        ('key = "no"', 'key = "no"\nfields = { nam = "x" }', "fields.nam", "did you mean name?"),
        ('key = "no"', 'key = "no"\none = "/f/{record_id}"', "one", "must hold {attachment_id}"),
    ],
)
def test_a_fault_in_the_section_names_file_and_key(was, becomes, key, problem):
    with pytest.raises(ManifestError) as fault:
        make_manifest(HEAD, CUSTOMERS, FILES.replace(was, becomes, 1))
    assert (fault.value.file, fault.value.key) == ("demo.toml", f"types.customers.attachments.{key}")
    assert problem in fault.value.problem


def test_record_ids_stand_in_no_other_address():
    with pytest.raises(ManifestError, match="is no setting of this platform"):
        make_manifest(HEAD, CUSTOMERS.replace('"/customers"', '"/customers/{record_id}"'))
    with pytest.raises(ManifestError, match=r"pdf: must hold \{record_id\}"):
        make_manifest(HEAD, CUSTOMERS.replace('key = "id"', 'key = "id"\npdf = "/pdf"'))
    with pytest.raises(ManifestError, match=r"attachments: is true, but the manifest has no \[attachments\]"):
        make_manifest(HEAD, CUSTOMERS.replace('key = "id"', 'key = "id"\nattachments = true'))


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf; size=3", "a.pdf"),
        (r'attachment; filename="..\\..\/etc\"x"', "_.._etc_x"),
        ('attachment; filename="../../etc/passwd"', "_.._etc_passwd"),
        ("inline", ""),
        ("", ""),
        ('filename="' + "x" * 2000, ""),
    ],
)
def test_a_files_name_is_a_bare_name(disposition, name):
    assert file_name(disposition) == name


def test_the_features_of_every_type_are_the_contracts_words_in_its_order():
    platform = connector_for("mqjo").platform
    files = ("DownloadAttachment", "GetAttachment", "GetAttachments")
    assert {name for name in DATA_TYPES if "GetAttachments" in features(platform, name)} == {
        *WITH_FILES,
        "billCreditNotes",
        "transfers",
    }
    assert [name for name in DATA_TYPES if "GetAsPdf" in features(platform, name)] == ["invoices", "purchaseOrders"]
    assert set(files) <= set(features(platform, "invoices"))
    assert features(platform, "taxRates") == ("Get",)
    assert features(platform, "commerce-orders") == ()
    assert json.dumps(features(connector_for("aiwb").platform, "commerce-orders")) == '["Get"]'
