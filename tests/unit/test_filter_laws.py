"""Filters: the laws that hold between operators, against an oracle."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from outrider.domain.filters import compile_filter

NAMES = ("a", "b", "0")
SCALARS: st.SearchStrategy[Any] = st.sampled_from([None, True, False, 0, 1, 2, 1.0, "", "0", "1", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)
ENVELOPES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(".".join)
LEAVES = (
    st.tuples(st.just("$eq"), VALUES)
    | st.tuples(st.just("$gt"), st.sampled_from([0, 1, "0"]))
    | st.tuples(st.just("$exist"), st.booleans())
)
CONDITIONS = st.builds(lambda path, leaf: {path: dict([leaf])}, PATHS, LEAVES)
AND_OR = st.sampled_from(["$and", "$or"])
SPECS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(lambda branches, name: {name: branches}, st.lists(inner, min_size=1, max_size=3), AND_OR)
        | st.builds(lambda branch: {"$not": branch}, inner)
    ),
    max_leaves=5,
)


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values: numbers as floats, keys sorted."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(float(value))
    if isinstance(value, list):
        return f"[{','.join(canonical(each) for each in value)}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{canonical(value[key])}" for key in sorted(value)) + "}"
    return json.dumps(value)


def reached(value: Any, names: list[str]) -> list[Any]:
    if not names:
        return [value]
    found: list[Any] = []
    if isinstance(value, dict) and names[0] in value:
        found += reached(value[names[0]], names[1:])
    if isinstance(value, list):
        for position, each in enumerate(value):
            if str(position) == names[0]:
                found += reached(each, names[1:])
            if isinstance(each, dict):
                found += reached(each, names)
    return found


def oracle(spec: dict[str, Any], envelope: dict[str, Any]) -> bool:
    [(key, given)] = spec.items()
    if key == "$not":
        return not oracle(given, envelope)
    if key in {"$and", "$or"}:
        return (all if key == "$and" else any)([oracle(each, envelope) for each in given])
    [(operator, operand)] = given.items()
    whole = reached(envelope, key.split("."))
    if operator == "$exist":
        return (whole != []) == operand
    values = whole + [member for value in whole if isinstance(value, list) for member in value]
    if operator == "$eq":
        return canonical(operand) in [canonical(value) for value in values or [None]]
    kinds = {str} if isinstance(operand, str) else {int, float}
    return any(type(value) in kinds and value > operand for value in values)


def holds(spec: object, envelope: dict[str, Any]) -> bool:
    return compile_filter(spec).matches(envelope)


@given(SPECS, ENVELOPES)
@example({"a": {"$eq": 1}}, {"a": [True, 1.0]})
@example({"a.0.b": {"$eq": "x"}}, {"a": [{"0": {"b": "x"}}]})
def test_agrees_with_the_oracle(spec: dict[str, Any], envelope: dict[str, Any]) -> None:
    assert holds(spec, envelope) == oracle(spec, envelope)


@given(st.lists(SPECS, min_size=1, max_size=3), ENVELOPES)
def test_logic_is_that_of_python(specs: list[dict[str, Any]], envelope: dict[str, Any]) -> None:
    each = [holds(spec, envelope) for spec in specs]
    assert holds({"$and": specs}, envelope) == all(each)
    assert holds({"$or": specs}, envelope) == any(each)
    assert holds({"$not": specs[0]}, envelope) != each[0]
    assert holds({"$not": {"$or": specs}}, envelope) == holds(
        {"$and": [{"$not": spec} for spec in specs]}, envelope
    )


@given(PATHS, st.lists(VALUES, min_size=1, max_size=3), ENVELOPES)
def test_operators_of_equality_agree(path: str, wanted: list[Any], envelope: dict[str, Any]) -> None:
    equal = [holds({path: {"$eq": value}}, envelope) for value in wanted]
    assert [holds({path: {"$neq": value}}, envelope) for value in wanted] == [not each for each in equal]
    assert holds({path: {"$in": wanted}}, envelope) == any(equal)
    assert holds({path: {"$nin": wanted}}, envelope) == (not any(equal))
    assert holds({path: {"$or": [{"$eq": value} for value in wanted]}}, envelope) == any(equal)
    for value, each in zip(wanted, equal, strict=True):
        assert isinstance(value, dict) or holds({path: value}, envelope) == each


@given(PATHS, ENVELOPES)
def test_only_existence_tells_null_from_missing(path: str, envelope: dict[str, Any]) -> None:
    if holds({path: {"$exist": False}}, envelope):
        assert holds({path: None}, envelope)
        assert not any(holds({path: {op: 0}}, envelope) for op in ("$gt", "$gte", "$lt", "$lte"))


@given(PATHS, SCALARS, ENVELOPES)
def test_nested_and_dotted_paths_are_the_same(path: str, wanted: Any, envelope: dict[str, Any]) -> None:
    spec: Any = wanted
    for name in reversed(path.split(".")):
        spec = {name: spec}
    assert compile_filter(spec).first_failure(envelope) == compile_filter({path: wanted}).first_failure(envelope)
