"""Names for webhooks that move in: unique in any case, as Outrider asks, and said where they are not the site's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_SHORT = 24  # LoginRadius' rule, where the tenant's settings ask for it
_LONG = 128
_OTHER = re.compile(r"[^A-Za-z0-9_ -]+")


class Names:
    """`wanted` are the names the site has; a name made here is none of them."""

    def __init__(self, taken: Iterable[str], wanted: Iterable[str], *, short: bool) -> None:
        self._taken = {name.lower() for name in taken if name}
        self._wanted = {name.lower() for name in wanted if name}
        self._longest = _SHORT if short else _LONG

    def take(self, name: str, event: str, url: str) -> tuple[str, str]:
        """(the name here, why it differs or "")."""
        why = self._why_not(name)
        if not why:
            self._taken.add(name.lower())
            return name, ""
        made = self._free(_OTHER.sub("-", name or f"{event}-{urlsplit(url).hostname}"))
        self._taken.add(made.lower())
        return made, f"named {made!r}, because {why}"

    def _why_not(self, name: str) -> str:
        if not name:
            return "it has no name at LoginRadius"
        if name.lower() in self._taken:
            return f"its name {name!r} is taken here"
        if self._longest == _SHORT and (len(name) > _SHORT or _OTHER.search(name)):
            return f"its name {name[:60]!r} breaks LoginRadiusNames of outrider settings"
        return ""

    def _free(self, base: str) -> str:
        number, made = 1, base[: self._longest]
        while made.lower() in self._taken | self._wanted:
            number += 1
            made = f"{base[: self._longest - len(str(number)) - 1]}-{number}"
        return made
