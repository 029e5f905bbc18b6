import pytest

from syncengine.queries.integrations import IntegrationCard, integration_card, integration_cards
from syncengine.states import ConnectionStatus as C
from tests.syncengine.queries.helpers import (
    NOON,
    make_company,
    make_connection,
    make_integration,
    platform,
    use_platforms,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 3])
def test_cards_count_connections_by_state_in_two_queries(count, monkeypatch, django_assert_num_queries):
    books = platform("book")
    use_platforms(monkeypatch, books)
    for _ in range(count):
        make_connection()
        make_connection(status=C.DEAUTHORIZED)
        make_connection(deleted_at=NOON)
        make_connection(make_company(deleted_at=NOON))
    gone = make_integration("gone", "Gone")
    with django_assert_num_queries(2):
        cards = integration_cards()
    assert cards == [
        IntegrationCard(make_integration(), books, {C.DEAUTHORIZED: count, C.LINKED: count}),
        IntegrationCard(gone, None, {}),
    ]
    assert [list(card.connections) for card in cards] == [[C.DEAUTHORIZED, C.LINKED], []]
    assert cards[0].connection_count == 2 * count


def test_one_card_takes_one_query(monkeypatch, django_assert_num_queries):
    use_platforms(monkeypatch)
    connection = make_connection()
    make_connection(integration=make_integration("bank", "Bank"))
    with django_assert_num_queries(1):
        card = integration_card(connection.integration)
    assert card == IntegrationCard(connection.integration, None, {C.LINKED: 1})
