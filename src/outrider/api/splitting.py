"""Taking a large JSON array apart, without building what is in it.

Sixteen megabytes of `[{},{},…]` are 800 MB of objects and nine seconds. So a large request is cut into its events
first: what is too much is refused once it is seen, and each event is decoded by itself. Written to run on the
workbench: no step holds the interpreter for long. Only brackets, quotes and commas are looked at; whatever else is
wrong with the text is found when the pieces are decoded.
"""

from __future__ import annotations

import re

from outrider.app import wellformed

WINDOW = 256 * 1024  # bytes that one call of the scanner looks at
DEEPEST = 2 * wellformed.DEEPEST  # brackets inside each other; what is deeper than allowed is refused anyway
_OPENING, _COMMA, _QUOTE = b"[{", ord(","), ord('"')
_ARRAY, _ARRAY_END = b"[]"
_SPACE = re.compile(rb"[ \t\r\n]*+")
# Possessive: nothing is ever tried twice, so the time is linear. A string that goes beyond the window does not
# match.
_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_DEEP = re.compile(rb'(?:[^"\[\]{}]++|' + _TEXT + rb")*+", re.DOTALL)
_SHALLOW = re.compile(rb'(?:[^"\[\]{},]++|' + _TEXT + rb")*+", re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class NotClosed(ValueError):
    """The text ends too early, or goes on after its end."""


class TooDeep(ValueError):
    """Nested beyond what anybody may send."""


class TooMany(ValueError):
    """More elements than asked for."""


class TooLong(ValueError):
    """A value is longer than asked for; of an array, `args[0]` is the element's index."""


def split(view: memoryview, at: int, most: int, longest: int) -> tuple[list[memoryview], int]:
    """The elements of the JSON array that begins at `at`, at most `most` of at most `longest` bytes each, and where
    it ends.

    Raises NotClosed, TooDeep, TooMany, TooLong.
    """
    if view[at] != _ARRAY:
        raise NotClosed
    found: list[memoryview] = []
    while True:
        begin = at + 1
        try:
            at = end_of_value(view, begin, longest)
        except TooLong:
            raise TooLong(len(found)) from None
        found.append(view[begin:at])
        if view[at] != _COMMA:
            break
        if len(found) >= most:
            raise TooMany
    if view[at] != _ARRAY_END:
        raise NotClosed
    return found if len(found) > 1 or space(view, begin) != at else [], at + 1


def end_of_value(view: memoryview, at: int, longest: int) -> int:
    """The comma or closing bracket behind the value that begins at `at`. Raises NotClosed, TooDeep, TooLong."""
    begin, depth = at, 0
    while True:
        at = _skipped(view, at, _DEEP if depth else _SHALLOW)
        if at >= len(view):
            raise NotClosed
        if at - begin > longest:
            raise TooLong
        sign = view[at]
        if depth == 0 and sign not in _OPENING:
            return at
        depth += 1 if sign in _OPENING else -1
        if depth > DEEPEST:
            raise TooDeep
        at += 1


def space(view: memoryview, at: int) -> int:
    """Where the white space that begins there ends."""
    return _SPACE.match(view, at).end()  # type: ignore[union-attr]  # it matches nothing at least


def _skipped(view: memoryview, at: int, plain: re.Pattern[bytes]) -> int:
    """The next bracket, or comma, that is not within a string; the end of the text when there is none."""
    while at < len(view):
        end = plain.match(view, at, at + WINDOW).end()  # type: ignore[union-attr]  # it matches nothing at least
        if end < len(view) and view[end] != _QUOTE and end < at + WINDOW:
            return end
        at = _after_string(view, end) if end < len(view) and view[end] == _QUOTE and end == at else end
    return at


def _after_string(view: memoryview, at: int) -> int:
    """Behind the string that begins at `at`, which is longer than a window."""
    at += 1
    while at < len(view):
        end = _INSIDE.match(view, at, at + WINDOW).end()  # type: ignore[union-attr]
        if end == at and view[end] != _QUOTE:
            return len(view)  # a backslash is the last of all
        if end < len(view) and view[end] == _QUOTE:
            return end + 1
        at = end
    return at
