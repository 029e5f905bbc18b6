import re
from pathlib import Path

import pytest

from syncengine.connectors.fields import Field
from syncengine.connectors.manifest import load_manifest, parse_manifest
from syncengine.connectors.manifest_files import AttachmentsManifest
from syncengine.connectors.manifest_parts import (
    Auth,
    Deleted,
    Incremental,
    Months,
    Paging,
    Stamp,
    TypeManifest,
)
from syncengine.connectors.platforms import Limits, Platform, SettingField, TypeSupport
from syncengine.connectors.registry import MANIFESTS
from syncengine.exceptions import ManifestError
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD, make_manifest

DOCS = Path(__file__).parents[3] / "docs" / "manifests.md"

WHOLE = """
key = "demo"
name = "Demo Books"
source_type = "Accounting"
description = "Books."
base_url = "{base_url}/api"
test = "/company"
mapping_version = "7"
idle_days = 60
overlap_minutes = 5
zone = "Europe/London"

[headers]
X-Tenant = "{tenant}"

[limits]
per_connection_minute = 60
per_integration_minute = 1000

[auth]
kind = "oauth2"
authorize_url = "{base_url}/authorize"
token_url = "{base_url}/token"
revoke_url = "{base_url}/revoke"
scopes = ["read", "offline"]
client_auth = "post"
pkce = false
authorize_params = { prompt = "consent", max_age = 0 }
expires_in = 1800

[[connection_fields]]
name = "base_url"
label = "Address"
kind = "url"
default = "https://books.example"

[[connection_fields]]
name = "tenant"
label = "Tenant"
help = "As it stands in the address bar."
required = false

[paging]
style = "page"
param = "page"
first = 0
size_param = "size"
size = 100
max_size = 500
pages = "meta.pages"

[incremental]
param = "since"
reports_deletions = true

[attachments]
endpoint = "/elsewhere/{record_id}"
download = "{endpoint}/{record_id}/{attachment_id}"
records = "files"
key = "no"
fields = { name = "label" }

[types.invoices]
endpoint = "/{tenant}/invoices"
records = "data.items"
key = ["book", "id"]
modified = "changed"
modified_as = "unix"
deleted = { from = "state", equals = ["gone"] }
query = { expand = "lines", archived = true }
not_before = { param = "from", format = "date" }
requires = ["customers"]
pdf = "{endpoint}/{record_id}.pdf"
attachments = { endpoint = "/files/{record_id}" }
paging = { size = 50 }
incremental = { header = "If-Modified-Since", format = "http-date", query = { deleted = "1" } }

[types.invoices.fields]
totalAmount = "total"

[types.profitAndLoss]
endpoint = "/pl"
single = true
months = { param = "months", default = 24 }

[types.profitAndLoss.fields]
currency = { constant = "EUR" }
"""


def test_a_whole_manifest():
    manifest = make_manifest(WHOLE)

    assert manifest.auth == Auth(
        "oauth2",
        "{base_url}/authorize",
        "{base_url}/token",
        "{base_url}/revoke",
        ("read", "offline"),
        "post",
        False,
        {"prompt": "consent", "max_age": "0"},
        1800,
    )
    assert manifest.types["invoices"] == TypeManifest(
        data_type="invoices",
        endpoint="/{tenant}/invoices",
        fields={"totalAmount": Field("path", (("total",),), "decimal")},
        key=(("book",), ("id",)),
        records=("data", "items"),
        modified=("changed",),
        modified_as="unix",
        deleted=Deleted(("state",), frozenset({"gone"})),
        query={"expand": "lines", "archived": "true"},
        paging=Paging("page", "page", 0, "size", 50, 500, pages=("meta", "pages")),
        incremental=Incremental(Stamp(header="If-Modified-Since", format="http-date"), False, {"deleted": "1"}),
        not_before=Stamp("from", "", "date"),
        requires=("customers",),
        attachments=AttachmentsManifest(
            "/files/{record_id}",
            "/{tenant}/invoices/{record_id}/{attachment_id}",
            ("no",),
            {"name": Field("path", (("label",),), "text")},
            records=("files",),
        ),
        pdf="/{tenant}/invoices/{record_id}.pdf",
    )
    assert manifest.types["profitAndLoss"] == TypeManifest(
        data_type="profitAndLoss",
        endpoint="/pl",
        fields={"currency": Field("constant", constant="EUR")},
        single=True,
        months=Months("months", 24),
    )
    assert (manifest.test, manifest.zone, manifest.headers) == ("/company", "Europe/London", {"X-Tenant": "{tenant}"})
    assert manifest.defaults == {"base_url": "https://books.example"}


def test_what_the_catalogue_shows_of_a_manifest():
    assert make_manifest(WHOLE).platform == Platform(
        key="demo",
        name="Demo Books",
        source_type="Accounting",
        auth="oauth2",
        types={
            "invoices": TypeSupport(
                "invoices", "/{tenant}/invoices", True, False, requires=("customers",), attachments=True, pdf=True
            ),
            "profitAndLoss": TypeSupport("profitAndLoss", "/pl"),
        },
        limits=Limits(60, 1000),
        idle_days=60,
        overlap_minutes=5,
        connection_fields=(
            SettingField("base_url", "Address", kind="url", default="https://books.example"),
            SettingField("tenant", "Tenant", "As it stands in the address bar.", required=False),
        ),
        client_fields=(
            SettingField("client_id", "Client ID"),
            SettingField("client_secret", "Client secret", kind="password"),
        ),
        description="Books.",
        mapping_version="7",
    )


TYPE = "types.customers"
FIELDS = f"{TYPE}.fields"
INVOICES = """
[types.invoices]
endpoint = "/invoices"
key = "id"
[types.invoices.fields]
"""

FAULTS = [
    # (what is replaced, by what, key at fault, words of the problem)
    ('key = "demo"', 'key = "dem0"', "key", "four lower-case letters"),
    ('key = "demo"\nname', "name", "key", "is missing"),
    ('name = "Demo Books"', "name = 5", "name", "must be a text, not a whole number"),
    ('name = "Demo Books"', 'name = " "', "name", "must not be empty"),
    ('name = "Demo Books"', 'nam = "Demo"\nname = "x"', "nam", "is not a known key (did you mean name?)"),
    ('"Accounting"', '"Acounting"', "source_type", "(did you mean Accounting?)"),
    ('"{base_url}/api"', '"{base_ur}/api"', "base_url", "(did you mean base_url?)"),
    ('"{base_url}/api"', '"{base url}/api"', "base_url", "brace"),
    ('kind = "none"', 'kind = "oauth"', "auth.kind", "(did you mean oauth2?)"),
    ('kind = "none"', 'kind = "oauth2"', "auth.authorize_url", "is missing"),
    ('kind = "none"', 'kind = "none"\ntoken_url = "x"', "auth.token_url", "is not a known key"),
    ("[auth]", "[limits]\nper_connection_minute = -1\n[auth]", "limits.per_connection_minute", "between 0"),
    ("[auth]", "[limits]\nper_minute = 1\n[auth]", "limits.per_minute", "is not a known key"),
    ('kind = "url"', 'kind = "urls"', "connection_fields[0].kind", "(did you mean url?)"),
    ('label = "Address"', "", "connection_fields[0].label", "is missing"),
    ('name = "base_url"', 'name = "base-url"', "connection_fields[0].name", "plain name"),
    ("[auth]", '[[connection_fields]]\nname="base_url"\nlabel="B"\n[auth]', "connection_fields", "used twice"),
    ("[auth]", 'connection_fields = "x"\n[auth]', "connection_fields[0].connection_fields", "is not a known key"),
    ("[auth]", "[headers]\nX = 1.5\n[auth]", "headers.X", "must be a text, not a number with a fraction"),
    ("[types.customers]", "[types.customer]", "types.customer", "is not a data type (did you mean customers?)"),
    ('endpoint = "/customers"', 'endpoint = "customers"', f"{TYPE}.endpoint", "must begin with one /"),
    ('endpoint = "/customers"', 'endpoint = "//evil"', f"{TYPE}.endpoint", "must begin with one /"),
    ('endpoint = "/customers"', 'endpoint = "/c?a=1"', f"{TYPE}.endpoint", "no query"),
    ('endpoint = "/customers"', 'endpoint = "/{town}"', f"{TYPE}.endpoint", "is no setting of this platform"),
    ('endpoint = "/customers"', 'endpoin = "/c"', f"{TYPE}.endpoint", "is missing"),
    ('key = "id"', "", f"{TYPE}.key", "is missing"),
    ('key = "id"', "key = []", f"{TYPE}.key", "at least one member"),
    ('key = "id"', "key = 5", f"{TYPE}.key", "must be a text"),
    ('key = "id"', 'key = "a..b"', f"{TYPE}.key", "a member's name is expected at character 3"),
    ('records = "data"', 'records = "data.0"', f"{TYPE}.records", "only hold members' names"),
    ('records = "data"', "single = 1", f"{TYPE}.single", "must be true or false"),
    ('records = "data"', 'record = "data"', f"{TYPE}.record", "(did you mean records?)"),
    ('records = "data"', 'modified_as = "iso"', f"{TYPE}.modified_as", "is not one of date"),
    ('records = "data"', "deleted = { from = 'a' }", f"{TYPE}.deleted.equals", "at least one word"),
    ('records = "data"', 'requires = ["custmers"]', f"{TYPE}.requires", "(did you mean customers?)"),
    ('records = "data"', "requires = [1]", f"{TYPE}.requires", "item 1 must be a text"),
    ('records = "data"', "months = { default = 3 }", f"{TYPE}.months.param", "is missing"),
    ('records = "data"', "not_before = { header = 'x' }", f"{TYPE}.not_before.param", "is missing"),
    ('records = "data"', "not_before = { param = 'x', format = 'iso8601' }", f"{TYPE}.not_before.format", "iso"),
    ('records = "data"', "incremental = { param = 'a', header = 'b' }", f"{TYPE}.incremental.param", "exactly one"),
    ('records = "data"', "incremental = true", f"{TYPE}.incremental", "must be a table"),
    ('records = "data"', "paging = { style = 'pages' }", f"{TYPE}.paging.style", "(did you mean page?)"),
    ('records = "data"', "paging = { style = 'page' }", f"{TYPE}.paging.param", "is missing"),
    ('records = "data"', "paging = { style = 'cursor', param = 'c' }", f"{TYPE}.paging.next", "exactly one"),
    ('records = "data"', "paging = { style='page', param='p', size_param='s' }", f"{TYPE}.paging.size", "is missing"),
    ('records = "data"', "paging = { style='page', param='p', stop='short' }", f"{TYPE}.paging.size", "is missing"),
    ('records = "data"', "paging = { style='page', param='p', size = 0 }", f"{TYPE}.paging.size", "between 1"),
    ('records = "data"', "single = true\npaging = { style = 'none' }", f"{TYPE}.paging", "is not paged"),
    ('customerName = "name"', "", f"{FIELDS}", "is missing"),
    ('customerName = "name"', 'custmerName = "name"', f"{FIELDS}.custmerName", "(did you mean customerName?)"),
    ('customerName = "name"', "customerName = 5", f"{FIELDS}.customerName", "must be a path or a table"),
    ('customerName = "name"', 'customerName = "a b"', f"{FIELDS}.customerName", "a dot is expected at character 2"),
    ('customerName = "name"', "customerName = {}", f"{FIELDS}.customerName", "says nothing of where"),
    ('customerName = "name"', "customerName = { from='a', constant='b' }", f"{FIELDS}.customerName", "exactly one"),
    ('customerName = "name"', "customerName = { from='a', form='b' }", f"{FIELDS}.customerName.form", "mean from?"),
    ('customerName = "name"', "customerName = { from=[] }", f"{FIELDS}.customerName.from", "at least one path"),
    ('customerName = "name"', "customerName = { from='a', as='date' }", f"{FIELDS}.customerName.as", "is not one of"),
    ('customerName = "name"', "customerName = { from='a', negate=true }", f"{FIELDS}.customerName.negate", "amounts"),
    ('customerName = "name"', "customerName = { from='a', zone='UTC' }", f"{FIELDS}.customerName.zone", "dates"),
    ('customerName = "name"', "customerName = { from='a', default=1 }", f"{FIELDS}.customerName.default", "a text"),
    (
        'customerName = "name"',
        "customerName = { from='a', otherwise='x' }",
        f"{FIELDS}.customerName.otherwise",
        "words",
    ),
    ('customerName = "name"', "customerName = { sum=['a'] }", f"{FIELDS}.customerName.sum", "amounts only"),
    ('customerName = "name"', "customerName = { object={x='y'} }", f"{FIELDS}.customerName", "is not an object"),
    ('customerName = "name"', "customerName = { each='y' }", f"{FIELDS}.customerName", "is not a list"),
    ('customerName = "name"', "customerName = { list=['y'] }", f"{FIELDS}.customerName", "is not a list"),
    ('customerName = "name"', "addresses = 'a'", f"{FIELDS}.addresses", "needs each or list"),
    ('customerName = "name"', "addresses = { each='a' }", f"{FIELDS}.addresses.object", "holds objects"),
    (
        'customerName = "name"',
        "addresses = { each='a', object={ town='b' } }",
        f"{FIELDS}.addresses.object.town",
        "the standard model's Address has no such member",
    ),
    (
        'customerName = "name"',
        "addresses = { each='a', object={ type='b' }, repeat={ city='c' } }",
        f"{FIELDS}.addresses.repeat.city",
        "a list of the same object",
    ),
    (
        'customerName = "name"',
        "addresses = { list=[{ object={ type={ constant='Home' } } }] }",
        f'{FIELDS}.addresses."list[0]".object.type.constant',
        "'Home' is not one of Unknown, Billing, Delivery",
    ),
    ('"Active"', '"Actve"', f"{FIELDS}.status.constant", "(did you mean Active?)"),
    ('{ constant = "Active" }', "{ from='s', words={ a='Activ' } }", f"{FIELDS}.status.words.a", "mean Active?"),
    (
        '{ constant = "Active" }',
        "{ from='s', words={ a='Active' }, otherwise='None' }",
        f"{FIELDS}.status.otherwise",
        "is not one of",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "problem"), FAULTS)
def test_a_fault_names_file_and_key(old, new, key, problem):
    text = (HEAD + CUSTOMERS).replace(old, new, 1)
    if problem == "is missing" and key == FIELDS:
        text = text[: text.index("[types.customers.fields]")]

    with pytest.raises(ManifestError) as fault:
        parse_manifest(text, "demo.toml")

    assert (fault.value.file, fault.value.key) == ("demo.toml", key)
    assert problem in fault.value.problem
    assert str(fault.value) == f"demo.toml: {key}: {fault.value.problem}"


@pytest.mark.parametrize(
    ("fields", "key", "problem"),
    [
        ("issueDate = { from='a', zone='Mars' }", "issueDate.zone", "is not a time zone"),
        ("issueDate = { from='a', as='day', zone='UTC' }", "issueDate.zone", "dates with times only"),
        ("totalAmount = { sum=[] }", "totalAmount.sum", "at least one path"),
        ("totalAmount = { sum=['-a..b'] }", "totalAmount.sum", "is not a path"),
        ("totalAmount = { constant='12' }", "totalAmount.constant", "must be a number, not a text"),
        ("customerRef = 'a'", "customerRef", "needs object"),
        ("customerRef = { from=['a','b'], object={ id='c' } }", "customerRef.from", "one path only"),
        ("customerRef = { object={} }", "customerRef.object", "at least one member"),
    ],
)
def test_a_fault_in_the_fields_of_invoices(fields, key, problem):
    with pytest.raises(ManifestError) as fault:
        make_manifest(HEAD, INVOICES, fields)

    assert fault.value.key == f"types.invoices.fields.{key}"
    assert problem in fault.value.problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [("key = ", "is not TOML"), ("", "is missing")],
)
def test_what_is_no_manifest_at_all(text, problem):
    with pytest.raises(ManifestError, match=problem):
        parse_manifest(text, "demo.toml")


def test_default_paging_and_incremental_are_checked_though_no_type_uses_them():
    with pytest.raises(ManifestError) as paging:
        make_manifest(HEAD, "[paging]\nstyle = 'link'\nsizes = 1", CUSTOMERS)
    with pytest.raises(ManifestError) as incremental:
        make_manifest(HEAD, "[incremental]\nformat = 'iso'", CUSTOMERS)

    assert (paging.value.key, incremental.value.key) == ("paging.sizes", "incremental.param")


def test_a_type_may_switch_the_default_incremental_off():
    default = "[incremental]\nparam = 'since'"

    on = make_manifest(HEAD, default, CUSTOMERS)
    off = make_manifest(HEAD, default, CUSTOMERS.replace("records", "incremental = false\nrecords"))

    assert on.types["customers"].incremental == Incremental(Stamp("since"))
    assert off.types["customers"].incremental is None


def test_a_password_may_not_travel_in_an_address():
    secret = '[[connection_fields]]\nname = "pin"\nlabel = "PIN"\nkind = "password"\n[auth]'

    with pytest.raises(ManifestError, match=r"\{pin\} is no setting"):
        make_manifest(HEAD.replace("[auth]", secret), CUSTOMERS.replace("/customers", "/customers/{pin}"))


def test_oauth2_needs_a_client_id_among_its_own_client_fields():
    text = WHOLE.replace(
        "[[connection_fields]]", '[[client_fields]]\nname = "app"\nlabel = "App"\n[[connection_fields]]', 1
    )

    with pytest.raises(ManifestError, match="client_fields: must name client_id"):
        make_manifest(text)


def test_load_manifest_wants_the_file_named_after_the_key(tmp_path):
    wrong = tmp_path / "other.toml"
    wrong.write_text(HEAD + CUSTOMERS)
    right = tmp_path / "demo.toml"
    right.write_text(HEAD + CUSTOMERS)

    assert load_manifest(right) == make_manifest()
    with pytest.raises(ManifestError, match=r"other\.toml: key: is 'demo', but the file is named other\.toml"):
        load_manifest(wrong)


def test_load_manifest_refuses_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "demo.toml"
    path.write_bytes(b"key = '\xff'")

    with pytest.raises(ManifestError, match="is not UTF-8 text: byte 7"):
        load_manifest(path)


def test_the_manifest_in_the_documentation_holds():
    example = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[1]

    assert parse_manifest(example, "demo.toml").platform.name == "Demo Books"


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("*.toml")), ids=lambda path: path.name)
def test_every_manifest_of_ours_holds(path):
    assert load_manifest(path).key == path.stem
