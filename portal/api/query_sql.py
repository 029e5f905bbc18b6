"""SQL that means the same on SQLite and PostgreSQL: members of JSON columns, and comparisons that are never unknown.

Numbers are compared exactly by PostgreSQL and to some fifteen significant digits by SQLite, which keeps a JSON number
with a fraction as a double.
"""

from __future__ import annotations

import string
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    DecimalField,
    F,
    Func,
    TextField,
    Value,
)

type Compiled = tuple[str, tuple[Any, ...]]

# In both, t is the text of the member and %% is one percent sign. A date that is not written in one of the wire's
# forms is no instant; a day that its month has not (31 April) is taken for the next month's.
_TICKS_ON_SQLITE = """
(SELECT CASE
    WHEN t GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND t >= '0001'
    THEN CAST(strftime('%%s', t) AS INTEGER) * 10000000
    WHEN t GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*' AND t >= '0001'
    THEN (
        CAST(strftime('%%s', substr(t, 1, 19)) AS INTEGER)
        - CASE WHEN zone IN ('', 'Z') THEN 0
               WHEN zone GLOB '[+-][01][0-9]:[0-5][0-9]' AND substr(zone, 2, 2) <= '14'
               THEN (substr(zone, 2, 2) * 3600 + substr(zone, 5, 2) * 60)
                    * CASE substr(zone, 1, 1) WHEN '-' THEN -1 ELSE 1 END END
    ) * 10000000 + CASE WHEN substr(t, 20, 1) = '.'
                        THEN CAST(round(CAST('0.' || substr(t, 21, 7) AS REAL) * 10000000) AS INTEGER) ELSE 0 END
END FROM (SELECT t, ltrim(substr(t, 20), '.0123456789') AS zone FROM (SELECT json_extract({column}, %s) AS t)))
"""
_TICKS_ON_POSTGRESQL = """
(SELECT CASE
    WHEN t ~ '^[0-9][0-9][0-9][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:T(?:[01][0-9]|2[0-4]):[0-5][0-9]'
             ':[0-5][0-9][.0-9]*(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?$' AND substr(t, 1, 4) <> '0000'
    THEN (
        ((substr(t, 1, 8) || '01')::date - DATE '1970-01-01' + substr(t, 9, 2)::integer - 1)::bigint * 86400
        + CASE WHEN length(t) = 10 THEN 0
               ELSE substr(t, 12, 2)::integer * 3600 + substr(t, 15, 2)::integer * 60 + substr(t, 18, 2)::integer END
        - CASE WHEN substr(right(t, 6), 1, 1) IN ('+', '-') AND length(t) > 19
               THEN extract(epoch FROM right(t, 6)::interval)::bigint ELSE 0 END
    ) * 10000000 + CASE WHEN substr(t, 20, 1) = '.'
                        THEN rpad('0' || substring(t FROM '[.]([0-9]*)'), 8, '0')::bigint ELSE 0 END
END FROM (SELECT {column} #>> %s::text[] AS t OFFSET 0) AS member)
"""
_ON_SQLITE = {
    "text": "(CASE WHEN json_type({column}, %s) = 'text' THEN json_extract({column}, %s) END)",
    "number": "(CASE WHEN json_type({column}, %s) IN ('integer', 'real') THEN json_extract({column}, %s) END)",
    "boolean": "(CASE json_type({column}, %s) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)",
    "date": _TICKS_ON_SQLITE,
}
_ON_POSTGRESQL = {
    "text": "(CASE WHEN jsonb_typeof({column} #> %s::text[]) = 'string' THEN {column} #>> %s::text[] END)",
    "number": "(CASE WHEN jsonb_typeof({column} #> %s::text[]) = 'number' THEN ({column} #>> %s::text[])::numeric END)",
    "boolean": "(CASE WHEN jsonb_typeof({column} #> %s::text[]) = 'boolean' "
    "THEN ({column} #>> %s::text[])::boolean END)",
    "date": _TICKS_ON_POSTGRESQL,
}
_FIELDS: dict[str, Any] = {"text": TextField, "number": DecimalField, "boolean": BooleanField, "date": BigIntegerField}


class JsonMember(Func):
    """A member inside a JSON column, as `kind` says: text, number, boolean or date (in ticks, see query_moments).

    NULL when it is absent, null or of another kind. The names in `path` are plain words of ours.
    """

    def __init__(self, column: str, path: tuple[str, ...], kind: str) -> None:
        super().__init__(F(column), output_field=_FIELDS[kind]())
        self.path = path
        self.kind = kind

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Compiled:
        return self._filled(compiler, _ON_SQLITE[self.kind], "$" + "".join(f'."{name}"' for name in self.path))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Compiled:
        return self._filled(compiler, _ON_POSTGRESQL[self.kind], list(self.path))

    def _filled(self, compiler: Any, template: str, path: Any) -> Compiled:
        column, params = compiler.compile(self.source_expressions[0])
        if params:
            raise ValueError("JsonMember reads a column, nothing else.")
        return template.format(column=column).strip(), (path,) * template.replace("%%", "").count("%s")


class JsonEntry(Func):
    """The text under a key that somebody chose freely, in a JSON column that is one flat object."""

    output_field = TextField()

    def __init__(self, column: str, key: str) -> None:
        super().__init__(F(column), Value(key))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # A path cannot hold every key, and would be compared with keys as they are escaped in the text.
        template = "(SELECT value FROM json_each(%(expressions)s AND type = 'text' LIMIT 1)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") WHERE key = ", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" ->> ", **context)


class DashedUuid(Func):
    """A UUID column as the wire writes it."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Compiled:
        column, params = compiler.compile(self.get_source_expressions()[0])
        parts = " || '-' || ".join(f"substr({column}, {at}, {size})" for at, size in _UUID_PARTS)
        return f"({parts})", tuple(params) * len(_UUID_PARTS)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::text", **context)


_UUID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


class InOrder(Func):
    """A text as lists are sorted by it: by code point, A to Z before the case of their letters."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="lower(%(expressions)s)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='lower((%(expressions)s)::text COLLATE "C")', **context)


class Number(Func):
    """A number, given as its digits, exactly as the database reads the same digits in JSON."""

    output_field = DecimalField()

    def __init__(self, digits: str) -> None:
        super().__init__(Value(digits))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS NUMERIC)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::numeric", **context)


class Compared(Func):
    """`left operator right`. Absent is like no value: only `!=` holds for it, as the opposite of `=`."""

    output_field = BooleanField()
    template = "(%(expressions)s)"

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        super().__init__(left, right)
        self.operator = operator

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, arg_joiner=_JOINERS_ON_SQLITE[self.operator], **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, arg_joiner=_JOINERS_ON_POSTGRESQL[self.operator], **context)


class DateCompared(Compared):
    """The same for a JsonMember that is a date. `earliest` and `latest` are days, "2026-01-31": what is
    written as a day before the one or after the other is earlier or later whatever its zone.

    PostgreSQL takes ten times as long to work out the exact instant as for the rest, so it is asked only between them.
    Nothing else looks like a day there: mapping stores real dates only.
    """

    def __init__(self, left: JsonMember, operator: str, right: Any, earliest: str, latest: str) -> None:
        super().__init__(left, operator, right)
        self.days = (earliest, latest)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Compiled:
        exact, params = super().as_postgresql(compiler, connection, **context)
        member: Any = self.get_source_expressions()[0]
        column, _ = compiler.compile(member.get_source_expressions()[0])
        text = f"{column} #>> %s::text[]"
        day = f"{text} LIKE '____-__-__%%' AND left({text}, 10) COLLATE \"C\""
        earlier, later = self.operator in ("<", "<=", "!="), self.operator in (">", ">=", "!=")
        sql = (
            f"(CASE WHEN {day} < %s AND {text} >= '0001' COLLATE \"C\" THEN {earlier} "
            f"WHEN {day} > %s AND {text} < ':' COLLATE \"C\" THEN {later} ELSE {exact} END)"
        )
        path = list(member.path)
        return sql, (path, path, self.days[0], path, path, path, self.days[1], path, *params)


_PLAIN_JOINERS = {operator: f" {operator} " for operator in ("=", ">", "<", ">=", "<=")}
_JOINERS_ON_SQLITE = _PLAIN_JOINERS | {"!=": " IS NOT ", "~": " REGEXP "}
_JOINERS_ON_POSTGRESQL = _PLAIN_JOINERS | {"!=": " IS DISTINCT FROM ", "~": " ~ "}


def pattern_of(text: str) -> str:
    """Return a regular expression that finds the text whatever the case of its letters, for both databases alike."""
    return "".join(map(_any_case, text))


def _any_case(sign: str) -> str:
    forms = sorted({form for form in (sign, sign.lower(), sign.upper()) if len(form) == 1})
    if len(forms) > 1:
        return f"[{''.join(forms)}]"
    return "\\" + sign if sign in string.punctuation else sign
