"""An entry of the catalogue: name, family, description, payload type, samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from outrider.domain.errors import InvalidField
from outrider.domain.json_numbers import number

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`(?:, got `(?P<given>[^`]*)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_JSON_NAMES = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}


class Family(StrEnum):
    CIAM = "CIAM"
    PARTNER_IAM = "PartnerIAM"
    SYSTEM = "System"


class EventType:
    """Immutable. `payload` is the type that validates it; `subject_of` and `organization_of` read it decoded."""

    def __init__(
        self,
        name: str,
        family: Family,
        description: str,
        payload: Any,
        samples: Callable[[str], dict[str, dict[str, Any]]],
        *,
        subject_of: Callable[[Any], str | None],
        organization_of: Callable[[Any], str | None] = lambda _: None,
    ) -> None:
        self.name = name
        self.family = family
        self.description = description
        self.subject = subject_of
        self.organization = organization_of
        self.payload = payload
        self._samples = samples
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(payload, float_hook=number)

    def decode(self, data: bytes) -> Any:
        """The payload; raises InvalidField that names field, expected and given, never a value."""
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _named(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise InvalidField("Data", "well-formed JSON in UTF-8", "something else") from None

    def schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the payload, from the type that validates it.

        The payload stands at the root, so that whoever embeds the schema moves no reference to it.
        """
        found = msgspec.json.schema(self.payload)
        parts: dict[str, Any] = found["$defs"]
        root = parts.pop(found["$ref"].removeprefix("#/$defs/"))
        return {"$schema": DIALECT, **root, "title": self.name} | ({"$defs": parts} if parts else {})

    def samples(self) -> dict[str, dict[str, Any]]:
        """Realistic payloads by variant; most types have one, `default`."""
        return self._samples(self.name)

    def sample(self) -> dict[str, Any]:
        """The first of `samples`."""
        return next(iter(self.samples().values()))


def _named(message: str) -> InvalidField:
    match = _MESSAGE.fullmatch(message)
    text, path = (match["text"], match["path"] or "") if match else (message, "")
    field = f"Data{path}"
    if found := _MISSING.match(text):
        return InvalidField(f"{field}.{found['field']}", "a value", "nothing")
    if found := _EXPECTED.match(text):
        return InvalidField(field, _json(found["expected"]), _json(found["given"] or "something else"))
    return InvalidField(field, "a value of the type's schema", "something else")


def _json(python: str) -> str:
    """`str | null` as `string or null`."""
    return " or ".join(_JSON_NAMES.get(part, part) for part in python.split(" | "))
