"""What an expression would find before it is saved, over the newest kept records of every connection."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from customdata.queries.previews import connections_of, preview_expression
from customdata.raw_records import Keeper
from syncengine.plans import KEEPS_RAW
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_record

pytestmark = pytest.mark.django_db


def keep(connection, *texts):
    dataset = make_dataset(connection, "customers", status="Complete", settings_used={KEEPS_RAW: True})
    for number, text in enumerate(texts):
        make_record(connection, str(number), "customers")
        Keeper().keep(dataset, [(str(number), text)], [])


@pytest.mark.parametrize("count", [1, 3])
def test_each_connection_counts_its_newest_records_in_one_query(django_assert_num_queries, count):
    connections = [make_connection(make_company(f"C{number}")) for number in range(count)]
    for connection in connections:
        keep(connection, b'{"n":0}', b'{"n":"x"}', b'{"n":null}', b"{}")
    empty = make_connection(make_company("Empty"))
    with django_assert_num_queries(1):
        preview = preview_expression("n", [*connections, empty], "customers", records=3)
    for part in preview.connections[:-1]:
        assert [resolution.outcome for resolution in part.resolutions] == ["missing", "null", "resolved"]
        assert (part.coverage.resolved, part.coverage.null, part.coverage.missing) == (1, 1, 1)
    assert preview.connections[-1].resolutions == []
    assert (preview.coverage.evaluated, preview.coverage.kinds) == (3 * count, {"string": count})


def test_what_does_not_compile_is_invalid_on_every_record():
    connection = make_connection()
    keep(connection, b"{}", b"{}")
    coverage = preview_expression("$.n", [connection], "customers").coverage
    assert (coverage.invalid, coverage.reason) == (2, "JMESPath has no $; write n. (at character 1)")


def test_an_integrations_mapping_holds_for_its_living_connections():
    mine = make_connection()
    make_connection(make_company("Deleted"), deleted_at=now())
    make_connection(make_company("Elsewhere"), integration=make_integration("gbol", name="Xero"))
    make_connection(make_company("Gone", deleted_at=now()))
    assert list(connections_of(mine.integration)) == [mine]
