"""Queries that every request asks: Django makes their SQL once, and only the values change.

To put a query together takes Django several times as long as the database needs to answer one by a key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet


class _Made(NamedTuple):
    """`places` tells for each parameter of the SQL which value goes there, None for a constant of the query's own."""

    compiler: Any
    sql: str
    parameters: Sequence[Any]
    places: Sequence[int | None]
    converters: Any


class Prepared:
    """A query asked again and again.

    build:    makes the query, of tuples (`values_list`), from the values; its shape must not depend on them.
    samples:  two different values for each parameter of `build`, of the kind that will be asked with.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *samples: tuple[Any, Any]) -> None:
        self._build, self._samples = build, samples
        self._made: dict[str, _Made] = {}

    def __call__(self, *values: Any) -> list[tuple[Any, ...]]:
        made = self._made.get(connection.vendor) or self._make()
        adapted = [_adapted(value) for value in values]
        filled = [
            constant if place is None else adapted[place]
            for constant, place in zip(made.parameters, made.places, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(made.sql, filled)
            rows = cursor.fetchall()
        return [tuple(row) for row in made.compiler.apply_converters(rows, made.converters)]

    def _make(self) -> _Made:
        usual = [first for first, _ in self._samples]
        compiler, sql, parameters = self._compiled(usual)
        places: list[int | None] = [None] * len(parameters)
        for number, (_, other) in enumerate(self._samples):
            _, _, changed = self._compiled([*usual[:number], other, *usual[number + 1 :]])
            for at, (one, another) in enumerate(zip(parameters, changed, strict=True)):
                if one != another:
                    places[at] = number
        columns = [column for column, *_ in chain(compiler.select[: compiler.col_count])]
        made = _Made(compiler, sql, parameters, places, compiler.get_converters(columns))
        self._made[connection.vendor] = made
        return made

    def _compiled(self, values: Sequence[Any]) -> tuple[Any, str, Sequence[Any]]:
        compiler = self._build(*values).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        return compiler, sql, parameters


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
