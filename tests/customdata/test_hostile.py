"""Hostile expressions: each ends in a value, a refusal by name or the sentinel, within 100 ms of CPU."""

from __future__ import annotations

import ast
import os
import time
from pathlib import Path

import psutil
import pytest

from customdata.exceptions import EvaluationFailed, ExpressionRefused
from customdata.expressions import Outcome, resolve
from customdata.paths import compile_path

CPU_MILLISECONDS = 100
MEMORY = 64 * 1024 * 1024
_DEEP: object = "x"
for _ in range(900):
    _DEEP = [_DEEP]
_BROAD = {f"m{n}": {f"k{m}": m for m in range(100)} for n in range(300)}
_DOCUMENTS = {
    "long list": list(range(200_000)),
    "list of lists": [list(range(300)) for _ in range(300)],
    "deep": _DEEP,
    "deep members": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": [{"a": 1}] * 500}}}}}}}},
    "broad": _BROAD,
    "long text": {"s": "a" * 1_000_000 + "!", "n": 10**390, "x": ["a" * 1000] * 1000},
    "same": [[{"v": list(range(50))}] * 300] * 50,
    "floats": {"nan": float("nan"), "inf": [float("inf")], "n": 1e308},
}
_NEST = 1024
PATHS = {
    "levels within levels": "$" + "..a" * 12,
    "levels of all": "$..*..*..*",
    "all of all levels": "$..*",
    "all levels, all of them": "$..[*, *, *, *, *, *, *, *]",
    "wildcards": "$" + "[*]" * 32,
    "many wildcards": "$[" + ",".join("*" * 200) + "]",
    "many wildcards, twice": "$[" + ",".join("*" * 100) + "][" + ",".join("*" * 100) + "]",
    "many roots": "$" + "[?$[?$[?$[?$[*]]]]]",
    "filters in filters": "$[?@[?@[?@[?@[?@[?@[?@ > 1]]]]]]]",
    "compares wholes": "$[?$ == $]",
    "compares wholes, nested": "$[?$[?$ == $]]",
    "compares all levels": "$..[?@ == $]",
    "counts everything": "$[?count($..*) > 1]",
    "counts in counts": "$[?count($[?count($..*) > 1]) > 1]",
    "huge slice": "$[0:9007199254740991:1]",
    "huge slice backwards": "$[9007199254740991:-9007199254740991:-1]",
    "slices": "$[" + ",".join([":"] * 200) + "]",
    "huge index": "$[9007199254740991]",
    "beyond integers": "$[" + "9" * 400 + "]",
    "regular expression": "$[?@ =~ '^(a+)+$']",
    "match": "$[?match(@, '(a+)+$')]",
    "search": "$[?search(@.s, '(a|a)*b')]",
    "script": "$[(@.length - 1)]",
    "python": "$[?__import__('os').system('id')]",
    "attribute": "$.__class__.__mro__",
    "attribute in a filter": "$[?@.__class__]",
    "arithmetic": "$.s * $.n",
    "substitution": "$.s.`sub(/a/, b)`",
    "parentheses": "$[?" + "(" * 200 + "@" + ")" * 200 + "]",
    "nots": "$[?" + "!" * 400 + "@]",
    "brackets": "$" + "[0]" * 50_000,
    "members": "$" + ".a" * 5_000,
    "brackets in brackets": "$" + "[?@" * 160,
    "open brackets": "[" * _NEST,
    "1,024 characters": "$." + "a" * 1022,
    "unfinished": "$['" + "\\" * 400,
    "half a pair": "$['\\ud800']",
    "NUL": "$['\x00']",
    "exponent": "$[?@ == 1e99999]",
    "long number": "$[?@ == " + "9" * 450 + "]",
    "or, often": "$[?" + "||".join(["@.a"] * 70) + "]",
    "and, often": "$[?" + "&&".join(["$..*"] * 2) + "]",
}
EXPRESSIONS = {
    "nots": "!" * (_NEST - 1) + "a",
    "references": "&" * _NEST,
    "literal in brackets": "`" + "[" * 511 + "]" * 511 + "`",
    "open literal": "`" + "[" * 1023,
    "flattened": "a" + "[]" * 511,
    "projections": "@" + "[*]" * 341,
    "values of values": "*" + ".*" * 511,
    "parentheses": "(" * 511 + "a" + ")" * 511,
    "lists": "[" * 511 + "a" + "]" * 511,
    "filters in filters": "@" + "[?@" * 200 + "]" * 200,
    "doubling": "[@,@]" + "|[@,@]" * 169,
    "doubling objects": "{a:@,b:@}" + "|{a:@,b:@}" * 100,
    "doubling, compared": "(" + "|".join(["[@,@]"] * 80) + ") == (" + "|".join(["[@,@]"] * 80) + ")",
    "doubling, searched": "contains([" + "|".join(["[@,@]"] * 70) + "], " + "|".join(["[@,@]"] * 70) + ")",
    "doubling, as text": "to_string(" + "|".join(["[@,@]"] * 100) + ")",
    "doubling, flattened": "@" + "|[@,@][]" * 120,
    "doubling texts": "s" + "|join('',[@,@])" * 60,
    "one long text": "join(s, [" + ",".join(["s"] * 480) + "])",
    "texts of texts": "to_string(" * 60 + "@" + ")" * 60,
    "reversed": "reverse(" * 39 + "s" + ")" * 39,
    "sorted texts": "x[*].[@,@,@,@,@,@,@,@,@,@][]|sort(@)",
    "sorted": "sort(@)",
    "sorted by": "sort_by(@, &sort_by(@, &@)[0])",
    "products": "@[*].[@[*].[@]][][]",
    "map of map": "map(&map(&map(&@, @), @), @)",
    "map of all": "[*][?length(to_string(@)) > `1`]",
    "merges": "merge(" + ",".join(["@"] * 300) + ")",
    "step 0": "@[::0]",
    "huge slice": "@[0:99999999999999999999999999]",
    "huge step": "@[::99999999999999999999]",
    "huge index": "@[" + "9" * 1000 + "]",
    "digits beyond reading": "@[" + "9" * 5000 + "]",
    "internal object": "&a",
    "internal object in an object": "{x: &a}",
    "internal object in a list": "[&a]",
    "internal object as text": "to_string(&a)",
    "internal object, piped": "&a | @",
    "NaN": "nan",
    "NaN in a list": "inf",
    "NaN, rounded": "ceil(nan)",
    "NaN, made": "to_number('nan')",
    "infinity, made": "to_number('1e400')",
    "infinity, literal": "`1e400`",
    "NaN, literal": "`NaN`",
    "sum of infinity": "sum([n, n])",
    "huge average": "avg([`1" + "0" * 400 + "`])",
    "python": "__import__('os')",
    "attribute": "s.__class__",
    "attribute of a list": "@.__class__.__mro__",
    "unknown function": "sub(s, 'a', 'b')",
    "too few": "length()",
    "wrong kind": "length(`1`)",
    "quotes": '"' * _NEST,
    "backslashes": "'" + "\\" * 1000,
    "backticks": "`" * _NEST,
    "NUL": "\x00",
    "half a pair": '"\\ud800"',
    "digits as a member": "1",
    "too long": "a" * 1025,
}


def _paths(name):
    try:
        found = compile_path(PATHS[name])
    except ExpressionRefused as refusal:
        reason = refusal.reason
        return lambda document: reason
    return lambda document: _outcome(found, document)


def _outcome(path, document):
    try:
        return path.find(document)
    except EvaluationFailed as failure:
        return failure.reason


@pytest.mark.parametrize("name", PATHS)
def test_a_hostile_path_ends_by_name_and_in_time(name):
    _compile_in_time(lambda: _paths(name))
    find = _paths(name)
    for document in _DOCUMENTS.values():
        _in_time(lambda document=document: find(document))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_hostile_expression_ends_in_an_outcome_and_in_time(name):
    _compile_in_time(lambda: resolve(EXPRESSIONS[name], None))
    for document in _DOCUMENTS.values():
        resolution = _in_time(lambda document=document: resolve(EXPRESSIONS[name], document))
        assert resolution.outcome in Outcome
        assert bool(resolution.reason) == (resolution.outcome == Outcome.INVALID)


def _compile_in_time(compile_):
    compile_path.cache_clear()
    _in_time(compile_)


def _in_time(work):
    """Run it once; the machine is shared, so a time that is over is measured twice more and the best one counts."""
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    for _ in range(3):
        started = time.thread_time()
        result = work()
        took = (time.thread_time() - started) * 1000
        if took <= CPU_MILLISECONDS:
            break
    assert took <= CPU_MILLISECONDS, f"{took:.0f} ms of CPU"
    assert process.memory_info().rss - before < MEMORY
    return result


def test_no_expression_module_evaluates_text_as_code():
    """What the modules of expressions may call is read from their source: no eval, exec, compile, getattr by a path."""
    root = Path(__file__).resolve().parents[2] / "customdata"
    modules = [*root.glob("path*.py"), *root.glob("expression*.py"), root / "budget.py", root / "lints.py"]
    called = {
        node.func.id
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"eval", "exec", "compile", "__import__", "setattr", "vars", "globals", "open"} == set()


@pytest.mark.parametrize(
    "path",
    [
        "$.expenseId",
        "$.expenseDetails.notes",
        "$.lines[*].modifiedDate",
        "$[*].currencyCode",
        "$.LineItems[*].LineItemID",
        "$['cost center']",
        "$..id",
        "$.addresses[?@.type == 'home'].city",
        "$.lines[-1:]",
        "$.a[0]['b', 'c']",
    ],
)
def test_what_people_write_is_not_refused(path):
    lines = [{"modifiedDate": "2026-01-01", "id": 3}] * 200
    document = {"expenseId": 1, "lines": lines, "addresses": [{"type": "home"}]}
    assert isinstance(compile_path(path).find(document), list)
