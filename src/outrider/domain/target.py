"""What a webhook may be told to send: target URLs, custom headers and query parameters.

Names that would break the request or forge ours are refused when they are set, never dropped later.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from outrider.domain.address import AddressPolicy
from outrider.domain.errors import InvalidField
from outrider.domain.host import UnusableHost, canonical_host, is_address
from outrider.domain.redaction import MASK

OUR_HEADERS = frozenset(
    """host content-length content-type content-encoding transfer-encoding connection keep-alive te trailer
    upgrade expect proxy-authorization proxy-connection authorization accept accept-encoding user-agent
    signature request-id request-context webhook-id webhook-timestamp webhook-signature date cookie""".split()
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?|")  # visible ASCII, no CR, LF or NUL
_HTTPS_PORT = 443
UNREADABLE = "a URL that cannot be read"

# What a request may carry, so that usual servers take it: nginx and Apache take lines of 8 KB, gunicorn a request
# line of 4,094 bytes, Node.js headers of 16 KB. Beside these there are 800 bytes of ours and an authorization.
LONGEST_URL = 2048
LONGEST_REQUEST_URL = 4000
MOST_HEADERS = MOST_PARAMS = 50
LONGEST_NAME = 128
LONGEST_VALUE = 4096  # characters, of a header
LONGEST_PARAM = 1024
LARGEST_HEADERS = 8192  # bytes: names, values and what stands between them
_AROUND_A_HEADER = len(": \r\n")


def check_target_url(
    url: str, field: str = "TargetUrl", *, code: int = 7900, egress: AddressPolicy | None = None
) -> str:
    """The URL when it can be called: https with a host, without user info or fragment. Where `egress` is given,
    an address as its host has to be one that may be dialled; a name is judged when it is looked up."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidField(field, "a valid https URL", UNREADABLE, code=code) from None
    faults = (
        (parts.scheme.lower() != "https", "an https URL", f"scheme {parts.scheme[:20] or 'none'}"),
        (not parts.hostname, "a URL with a host name", "none"),
        (parts.username is not None, "a URL without user info (use Authentication)", "user info"),
        (bool(parts.fragment) or "#" in url, "a URL without fragment", "a fragment"),
        (port == 0, "a port from 1 to 65535", "0"),
        (
            any(ord(c) <= 0x20 or ord(c) == 0x7F for c in url),
            "a URL without spaces or control characters",
            "one",
        ),
        (len(url) > LONGEST_URL, f"at most {LONGEST_URL} characters", f"{len(url)} characters"),
    )
    for wrong, expected, given in faults:
        if wrong:
            raise InvalidField(field, expected, given, code=code)
    _check_host(parts.hostname or "", field, code, egress)
    return url


def _check_host(given: str, field: str, code: int, egress: AddressPolicy | None) -> None:
    try:
        host = canonical_host(given)
    except UnusableHost as error:
        raise InvalidField(field, error.expected, "another host", code=code) from None
    refusal = egress.refusal(host) if egress is not None and is_address(host) else None
    if refusal is not None:
        expected = "an address that is public or that the operator opened (OUTRIDER_EGRESS_ALLOW)"
        raise InvalidField(field, expected, f"{host}, {refusal}", code=code)


def same_target(one: str, other: str) -> bool:
    """Whether two https URLs name the same target: host in any spelling, the default port said or not."""
    return one == other or _spelled(one) == _spelled(other)


def same_host(one: str, other: str) -> bool:
    """Whether two https URLs name the same host and port; only then does one get what was meant for the other."""
    return _spelled(one)[:2] == _spelled(other)[:2]


@lru_cache(4096)
def _spelled(url: str) -> tuple[str | None, int, str, str]:
    parts = urlsplit(url)
    host = parts.hostname
    if host is not None:
        with suppress(UnusableHost):  # one that was saved when it could still be dialled
            host = canonical_host(host)
    return host, parts.port or _HTTPS_PORT, parts.path or "/", parts.query


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Custom headers, as given. Refuses ours, hop-by-hop ones, malformed and repeated names, and more than usual
    servers take."""
    _check_count("Headers", headers, MOST_HEADERS)
    seen: set[str] = set()
    for name, value in headers.items():
        check_header_name(name, f"Headers.{name[:60]}")
        _check_header(name, value, seen)
    size = sum(len(name) + len(value) + _AROUND_A_HEADER for name, value in headers.items())
    if size > LARGEST_HEADERS:
        raise InvalidField("Headers", f"at most {LARGEST_HEADERS} bytes in all", f"{size} bytes")
    return headers


def check_header_name(name: str, field: str) -> str:
    """A name as RFC 9110 has it, of bounded length."""
    if not _TOKEN.fullmatch(name) or len(name) > LONGEST_NAME:
        expected = f"a header name of 1 to {LONGEST_NAME} RFC 9110 token characters"
        raise InvalidField(field, expected, "other characters" if len(name) <= LONGEST_NAME else f"{len(name)}")
    return name


def _check_header(name: str, value: str, seen: set[str]) -> None:
    field, lowered = f"Headers.{name[:60]}", name.lower()
    if lowered in OUR_HEADERS:
        raise InvalidField(field, "a header name that Outrider does not set itself", lowered)
    if lowered in seen:
        raise InvalidField(field, "each header once", "the same name in another case")
    if not _FIELD_VALUE.fullmatch(value):
        raise InvalidField(field, "a value of visible ASCII characters", "other characters")
    if len(value) > LONGEST_VALUE:
        raise InvalidField(field, f"a value of at most {LONGEST_VALUE} characters", f"{len(value)} characters")
    seen.add(lowered)


def check_query_params(params: dict[str, str]) -> dict[str, str]:
    """Query parameters, as given. Names must not be empty; nothing may hold a NUL, which no store has to take."""
    _check_count("QueryParams", params, MOST_PARAMS)
    for name, value in params.items():
        check_param_name(name, f"QueryParams.{name[:60]}" if name else "QueryParams")
        if "\0" in value:
            raise InvalidField(f"QueryParams.{name[:60]}", "characters other than NUL", "a NUL")
        if len(value) > LONGEST_PARAM:
            expected = f"a value of at most {LONGEST_PARAM} characters"
            raise InvalidField(f"QueryParams.{name[:60]}", expected, f"{len(value)} characters")
    return params


def check_param_name(name: str, field: str) -> str:
    if not name:
        raise InvalidField(field, "non-empty names", "an empty name")
    if "\0" in name:
        raise InvalidField(field.replace("\0", ""), "characters other than NUL", "a NUL")
    if len(name) > LONGEST_NAME:
        raise InvalidField(field, f"a name of at most {LONGEST_NAME} characters", f"{len(name)} characters")
    return name


def check_request_url(url: str, params: dict[str, str] | None) -> None:
    """The URL as it is requested, parameters encoded and merged in, is one that usual servers take."""
    length = len(with_query(url, params))
    if length > LONGEST_REQUEST_URL:
        expected = f"a URL of at most {LONGEST_REQUEST_URL} characters, parameters encoded and included"
        raise InvalidField("QueryParams", expected, f"{length} characters")


def _check_count(field: str, values: dict[str, str], most: int) -> None:
    if len(values) > most:
        raise InvalidField(field, f"at most {most}", f"{len(values)}")


def with_query(url: str, params: dict[str, str] | None) -> str:
    """`url` with `params` merged into its query; on a name both have, `params` wins."""
    if not params:
        return url
    parts = urlsplit(url)
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in params]
    query = urlencode([*kept, *params.items()], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


_WORD = re.compile(r"[^\W\d_]{1,15}")
_CAMEL_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NUMBERED = re.compile(r"[a-z]{1,6}\d{1,2}", re.IGNORECASE)  # v2, eu1
_BETWEEN_WORDS = re.compile(r"[-_.~ ]+")
_SHORT = 16  # characters: shorter ones are names and numbers, which tokens nobody can guess are not
_LEAST_OF_A_WORD = 3
_MOST_NUMBERED = 2


@lru_cache(4096)
def shown_url(url: str) -> str:
    """The URL for ledgers, events and logs: without its query and user info, and with ten asterisks in the place of
    each part of its path that is not plainly made of words: receivers put credentials into all of them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return UNREADABLE
    path = "/".join(MASK if looks_secret(unquote(segment)) else segment for segment in parts.path.split("/"))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, path, "…" if parts.query else "", ""))


def looks_secret(segment: str) -> bool:
    """Whether a part of a path might be a token; where in doubt, it is one."""
    if len(segment) < _SHORT:
        return False
    words = [word for word in _BETWEEN_WORDS.split(segment) if word]
    numbered = sum(_NUMBERED.fullmatch(word) is not None for word in words)
    return numbered > _MOST_NUMBERED or not all(_is_plain(word) for word in words)


def _is_plain(word: str) -> bool:
    """A word, joined words, a short number, or a short word with a number."""
    if word.isdecimal():
        return len(word) <= 8
    if _NUMBERED.fullmatch(word):
        return True
    if word.islower() or word.isupper() or word.istitle():
        return _WORD.fullmatch(word) is not None
    joined = _CAMEL_WORD.findall(word)
    return "".join(joined) == word and all(_LEAST_OF_A_WORD <= len(part) < _SHORT for part in joined)
