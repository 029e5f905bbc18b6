"""No generated request is answered by a fault, by a status nobody documented, or in a form nobody documented."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.conformance.conftest import World

EXAMPLES = 35
# The document describes dataStatus as the clients made from it read it.
SDK = "codat-sdk/python 6.0.0 1.0.0 3.0.0 codat-platform"
generated = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_our_own_document(own_schema, world):
    _judge(own_schema, world, "our own document")


def test_the_contracts_document(contract_schema, world):
    _judge(contract_schema, world, "the contract's document", agent=SDK)


def _judge(schema: Any, world: World, document: str, *, agent: str = "") -> None:
    failed = _failures(schema, world, document, agent)
    assert not failed, "\n\n".join(f"{operation}\n{words}" for operation, words in failed.items())


def _failures(schema: Any, world: World, document: str, agent: str) -> dict[str, str]:
    """Return what went wrong with each operation, {} when nothing did."""
    failed = {}
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @generated
        def try_(case: Any) -> None:
            world.try_(document, case, agent)

        try:
            try_()
        except (Exception, BaseExceptionGroup) as error:
            failed[operation.label] = "\n".join(str(part) for part in getattr(error, "exceptions", [error]))[:1500]
    return failed
