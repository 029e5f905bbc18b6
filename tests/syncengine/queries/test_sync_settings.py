import pytest

from syncengine.models import SyncSetting
from syncengine.queries.sync_settings import override_counts
from tests.syncengine.queries.helpers import NOON, make_company

pytestmark = pytest.mark.django_db


def test_overrides_are_counted_by_type_without_defaults_and_deleted_companies(django_assert_num_queries):
    for company in (None, make_company(), make_company(), make_company(deleted_at=NOON)):
        SyncSetting.objects.create(company=company, data_type="invoices")
    SyncSetting.objects.create(company=make_company(), data_type="bills")
    SyncSetting.objects.create(data_type="items")
    with django_assert_num_queries(1):
        assert override_counts() == {"invoices": 2, "bills": 1}
