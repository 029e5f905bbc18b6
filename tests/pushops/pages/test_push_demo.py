import pytest

from portal.registers import load_demos
from pushops.models import PushOperation
from syncengine.models import Connection

pytestmark = pytest.mark.django_db


def test_the_demo_writes_one_account_that_is_taken_and_one_that_is_refused(linked: Connection) -> None:
    load_demos(linked)
    made = [(one.body["name"], one.status, one.requested_by) for one in PushOperation.objects.order_by("requested_at")]
    assert made == [("Ovens and mixers", "Success", "demo"), ("Delivery vans", "Failed", "demo")]
