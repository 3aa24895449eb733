"""Filters: which events a webhook wants, as a JSON object of conditions on the event's envelope.

The language is the Mongo-like one Convoy, Hookdeck and Outpost share; arrays and nulls follow MongoDB's query
rules. Three things are settled here: a path that reaches no value is missing, and null holds for it; values
are never coerced, so `"5"` is not 5 and `true` is not 1; `$contains` asks an array for that very member.

What a filter may cost is bounded when it is set, so that the longest time one may take for a payload follows from
the payload's size (`Filter.cost`): the number of conditions, each of which looks at a value once, and the
instructions of all patterns together, because RE2 may have to follow each of them at every byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import re2  # type: ignore[import-untyped]  # it has no types

MOST_CONDITIONS = 100
DEEPEST = 16  # objects in a filter, names in a path, lists and objects in a value: each at most this deep
LONGEST_PATTERN = 512
LONGEST_PATH = 1_024  # characters of one key
MOST_INSTRUCTIONS = 1_500  # of RE2, over all patterns of a filter; `\pL` alone has 1,200
_PATTERN_MEMORY = 128 * 1024  # of RE2, per pattern, of which it uses a third; its default is 8 MiB
_GIVEN_SHOWN = 60
_GREATEST_NUMBER = 1 << 64
# Measured, the worst payload for each: nanoseconds for each byte of it.
_CONDITION_COST, _INSTRUCTION_COST = 150, 4
DEAREST = MOST_CONDITIONS * _CONDITION_COST + MOST_INSTRUCTIONS * _INSTRUCTION_COST  # ns for each byte

_Check = Callable[[Mapping[str, Any]], str | None]  # of an envelope: the place that does not hold
_Test = Callable[[list[Any]], bool]  # of all values a path reaches
_Path = tuple[tuple[str, int | None], ...]  # names, and the array index each may also be


class FilterError(ValueError):
    """A filter that cannot be used: `place` says where in it, counted from its root (empty: the root itself)."""

    def __init__(self, place: str, expected: str, given: str) -> None:
        self.place = place
        self.expected = expected
        self.given = given if len(given) <= _GIVEN_SHOWN else given[: _GIVEN_SHOWN - 1] + "…"
        super().__init__(f"{place or 'the filter'}: expected {expected}, given {self.given}")


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter: immutable, to be kept and used for any number of events."""

    _check: _Check
    conditions: int
    patterns: int
    instructions: int

    def cost(self, size: int) -> int:
        """The longest that matching a payload of `size` bytes may take, in nanoseconds. Usually it takes a
        hundredth."""
        return size * (self.conditions * _CONDITION_COST + self.instructions * _INSTRUCTION_COST)

    def matches(self, envelope: Mapping[str, Any]) -> bool:
        """Whether every condition holds."""
        return self._check(envelope) is None

    def first_failure(self, envelope: Mapping[str, Any]) -> str | None:
        """Where the first condition stands that does not hold, as in `Data.Age.$gt`; None for a match."""
        return self._check(envelope)


def compile_filter(spec: object) -> Filter:
    """The filter that `spec`, a decoded JSON value, describes. Raises FilterError at its first fault."""
    compiler = _Compiler()
    check = compiler.condition(spec, (), "", 1)
    return Filter(check, compiler.conditions, compiler.patterns, compiler.instructions)


class _Compiler:
    def __init__(self) -> None:
        self.conditions = 0
        self.patterns = 0
        self.instructions = 0

    def condition(self, spec: object, path: _Path, place: str, depth: int) -> _Check:
        """What `spec` asks of the value at `path`, which at the root of a filter is the envelope."""
        if isinstance(spec, dict):
            return self._object(spec, path, place, depth)
        if not path:
            raise FilterError(place, "an object", _described(spec))
        return self._leaf(path, _eq, spec, place)

    def _object(self, spec: dict[str, object], path: _Path, place: str, depth: int) -> _Check:
        if not spec:
            raise FilterError(place, "at least one condition", "an empty object")
        if depth > DEEPEST:
            raise FilterError(place, f"at most {DEEPEST} levels", "more")
        if path and not _OPERATORS.keys().isdisjoint(spec):
            for key in spec:
                if not key.startswith("$"):
                    raise FilterError(_below(place, key), "operators only, as beside it", _described(key))
        return _all(tuple(self._entry(key, given, path, _below(place, key), depth) for key, given in spec.items()))

    def _entry(self, key: str, given: object, path: _Path, place: str, depth: int) -> _Check:
        if key == "$not":
            return _not(self.condition(given, path, place, depth + 1), place)
        if key in {"$and", "$or"}:
            branches = tuple(
                self.condition(branch, path, f"{place}[{i}]", depth + 1)
                for i, branch in enumerate(_list(given, place))
            )
            return _all(branches) if key == "$and" else _any(branches, place)
        if path and key == "$regex":
            return self._leaf(path, self._regex, given, place)
        if path and key in _OPERATORS:
            return self._leaf(path, _OPERATORS[key], given, place)
        if key.startswith("$"):
            allowed = ", ".join((*_LOGIC, *_OPERATORS) if path else ("a path", *_LOGIC))
            raise FilterError(place, f"one of {allowed}", _described(key))
        return self.condition(given, path + _path(key, place, DEEPEST - len(path)), place, depth + 1)

    def _leaf(self, path: _Path, operator: Callable[[Any, str], _Test], given: object, place: str) -> _Check:
        self.conditions += _looks(operator, given)
        if self.conditions > MOST_CONDITIONS:
            raise FilterError(place, f"at most {MOST_CONDITIONS} conditions", "more")
        holds = operator(given, place)
        return lambda envelope: None if holds(_reached(envelope, path)) else place

    def _regex(self, given: object, place: str) -> _Test:
        pattern = _pattern(given, place)
        self.patterns += 1
        self.instructions += pattern.programsize
        if self.instructions > MOST_INSTRUCTIONS:
            raise FilterError(place, f"patterns of at most {MOST_INSTRUCTIONS} RE2 instructions together", "more")
        search = pattern.search
        return lambda values: any(
            isinstance(value, str) and search(_utf8(value)) is not None for value in _spread(values)
        )


def _all(checks: tuple[_Check, ...]) -> _Check:
    if len(checks) == 1:
        return checks[0]

    def check(envelope: Mapping[str, Any]) -> str | None:
        for each in checks:
            failure = each(envelope)
            if failure is not None:
                return failure
        return None

    return check


def _looks(operator: Callable[[Any, str], _Test], given: object) -> int:
    """How often a condition looks at a value: once, but for each array or object of a list of wanted values."""
    if operator not in (_in, _NOT_IN) or not isinstance(given, list):
        return 1
    return max(1, sum(isinstance(each, (list, dict)) for each in given))


def _any(checks: tuple[_Check, ...], place: str) -> _Check:
    return lambda envelope: None if any(check(envelope) is None for check in checks) else place


def _not(check: _Check, place: str) -> _Check:
    return lambda envelope: place if check(envelope) is None else None


# --- Paths ------------------------------------------------------------------------------------------------

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _path(key: str, place: str, most: int) -> _Path:
    if len(key) > LONGEST_PATH:
        raise FilterError(place[:_GIVEN_SHOWN], f"a path of at most {LONGEST_PATH} characters", f"{len(key)}")
    names = key.split(".")
    if "" in names:
        raise FilterError(place, "a path of non-empty names", _described(key))
    if any(name.startswith("$") for name in names):
        raise FilterError(place, "a path, with operators in an object below it", _described(key))
    if len(names) > most:
        raise FilterError(place, f"a path of at most {DEEPEST} names", "more")
    return tuple((name, int(name) if _INDEX.fullmatch(name) else None) for name in names)


def _reached(envelope: Mapping[str, Any], path: _Path) -> list[Any]:
    """Every value at the end of `path`; none when it is missing."""
    values: list[Any] = [envelope]
    for name, index in path:
        values = [found for value in values for found in _step(value, name, index)]
        if index is not None and len(values) > 1:
            values = _each_once(values)
    return values


def _each_once(values: list[Any]) -> list[Any]:
    """An index may lead to a value in two ways, by its array and by its name; over many levels they would
    multiply."""
    return list({id(value): value for value in values}.values())


def _step(value: Any, name: str, index: int | None) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[name]] if name in value else []
    if not isinstance(value, list):
        return []
    within = [each[name] for each in value if isinstance(each, Mapping) and name in each]
    return [value[index], *within] if index is not None and index < len(value) else within


# --- Operators --------------------------------------------------------------------------------------------


def _eq(given: object, place: str) -> _Test:
    return _equal_to_any((_frozen(given, place),))


def _in(given: object, place: str) -> _Test:
    return _equal_to_any(tuple(_frozen(each, f"{place}[{i}]") for i, each in enumerate(_list(given, place))))


def _equal_to_any(wanted: tuple[Any, ...]) -> _Test:
    scalars = frozenset(_scalar(each) for each in wanted if not isinstance(each, (tuple, Mapping)))
    compounds = tuple(each for each in wanted if isinstance(each, (tuple, Mapping)))
    holds_for_missing = _scalar(None) in scalars

    def equal(value: Any) -> bool:
        if isinstance(value, (list, Mapping)):
            return any(_same(value, each) for each in compounds)
        return _scalar(value) in scalars

    return lambda values: any(map(equal, _spread(values))) if values else holds_for_missing


def _negated(operator: Callable[[object, str], _Test]) -> Callable[[object, str], _Test]:
    def negation(given: object, place: str) -> _Test:
        holds = operator(given, place)
        return lambda values: not holds(values)

    return negation


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[object, str], _Test]:
    def operator(given: object, place: str) -> _Test:
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise FilterError(place, "a number or a string", _described(given))
        kinds = str if isinstance(given, str) else (int, float)
        return lambda values: any(
            isinstance(value, kinds) and not isinstance(value, bool) and holds(value, given)
            for value in _spread(values)
        )

    return operator


def _textual(holds: Callable[[str, str], bool]) -> Callable[[object, str], _Test]:
    def operator(given: object, place: str) -> _Test:
        wanted = _string(given, place)
        return lambda values: any(isinstance(value, str) and holds(value, wanted) for value in _spread(values))

    return operator


def _exist(given: object, place: str) -> _Test:
    if not isinstance(given, bool):
        raise FilterError(place, "true or false", _described(given))
    return lambda values: bool(values) is given


def _contains(given: object, place: str) -> _Test:
    wanted = _frozen(given, place)

    def contains(value: Any) -> bool:
        if isinstance(value, list):
            return any(_same(member, wanted) for member in value)
        return isinstance(value, str) and isinstance(wanted, str) and wanted in value

    return lambda values: any(map(contains, values))


def _pattern(given: object, place: str) -> Any:
    """The compiled RE2 pattern."""
    pattern = _string(given, place)
    if len(pattern) > LONGEST_PATTERN:
        raise FilterError(place, f"at most {LONGEST_PATTERN} characters", f"{len(pattern)} characters")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _PATTERN_MEMORY
    try:
        # As bytes: for strings, this binding counts its offsets back into characters, which nobody reads.
        return re2.compile(_utf8(pattern), options)
    except re2.error as fault:
        raise FilterError(place, "an RE2 pattern", fault.args[0].decode(errors="replace")) from None


_NOT_IN = _negated(_in)
_LOGIC = ("$and", "$or", "$not")
_OPERATORS: Mapping[str, Callable[[Any, str], _Test]] = MappingProxyType(
    {
        "$eq": _eq,
        "$neq": _negated(_eq),
        "$gt": _ordered(lambda value, bound: value > bound),
        "$gte": _ordered(lambda value, bound: value >= bound),
        "$lt": _ordered(lambda value, bound: value < bound),
        "$lte": _ordered(lambda value, bound: value <= bound),
        "$in": _in,
        "$nin": _NOT_IN,
        "$exist": _exist,
        "$startsWith": _textual(str.startswith),
        "$endsWith": _textual(str.endswith),
        "$contains": _contains,
        "$regex": _pattern,  # compiled by the compiler, which counts its instructions
    }
)


# --- Values -----------------------------------------------------------------------------------------------


def _spread(values: list[Any]) -> Iterator[Any]:
    """The values, and the members of those that are arrays."""
    return chain(values, *(value for value in values if isinstance(value, list)))


def _scalar(value: Any) -> tuple[bool, Any]:
    """`value` as a key that tells true from 1."""
    return isinstance(value, bool), value


def _frozen(value: Any, place: str, depth: int = 1) -> Any:
    """A JSON value nobody can change: tuples for lists, read-only mappings for objects."""
    if isinstance(value, int) and not -_GREATEST_NUMBER < value < _GREATEST_NUMBER:
        raise FilterError(
            place, "numbers that fit into 64 bits", "a greater one"
        )  # many with one hash could be given
    if not isinstance(value, (list, dict)):
        return value
    if depth > DEEPEST:
        raise FilterError(place, f"at most {DEEPEST} levels", "more")
    if isinstance(value, list):
        return tuple(_frozen(each, f"{place}[{i}]", depth + 1) for i, each in enumerate(value))
    return MappingProxyType({key: _frozen(each, f"{place}.{key}", depth + 1) for key, each in value.items()})


def _same(value: Any, wanted: Any) -> bool:
    """Whether a JSON value equals a frozen one; looks no deeper than that one goes."""
    if isinstance(wanted, tuple):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(_same, value, wanted))
    if isinstance(wanted, Mapping):
        if not isinstance(value, Mapping) or value.keys() != wanted.keys():
            return False
        return all(_same(value[key], wanted[key]) for key in wanted)
    return not isinstance(value, (list, Mapping)) and _scalar(value) == _scalar(wanted)


def _string(given: object, place: str) -> str:
    if not isinstance(given, str):
        raise FilterError(place, "a string", _described(given))
    return given


def _list(given: object, place: str) -> list[object]:
    if not isinstance(given, list) or not given:
        raise FilterError(place, "a list of at least one", _described(given))
    return given


def _utf8(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _described(given: object) -> str:
    if isinstance(given, dict):
        return "an object"
    if isinstance(given, list):
        return "a list" if given else "an empty list"
    return json.dumps(given[:_GIVEN_SHOWN] if isinstance(given, str) else given, ensure_ascii=False, default=repr)
