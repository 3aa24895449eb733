"""What a webhook may be told to send: target URLs, custom headers and query parameters.

Names that would break the request or forge ours are refused when they are set, never dropped later.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from outrider.domain.errors import InvalidField

OUR_HEADERS = frozenset(
    """host content-length content-type content-encoding transfer-encoding connection keep-alive te trailer
    upgrade expect proxy-authorization proxy-connection authorization accept accept-encoding user-agent
    signature request-id request-context webhook-id webhook-timestamp webhook-signature date cookie""".split()
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?|")  # visible ASCII, no CR, LF or NUL
_URL_LENGTH = 2048
_HTTPS_PORT = 443


def check_target_url(url: str, field: str = "TargetUrl", *, code: int = 7900) -> str:
    """The URL when it can be called: https with a host, without user info or fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
        if parts.hostname and ":" not in parts.hostname:
            parts.hostname.encode("idna")  # as it is dialled
    except ValueError:
        raise InvalidField(field, "a valid https URL", url[:80], code=code) from None
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
        (len(url) > _URL_LENGTH, f"at most {_URL_LENGTH} characters", f"{len(url)} characters"),
    )
    for wrong, expected, given in faults:
        if wrong:
            raise InvalidField(field, expected, given, code=code)
    return url


def same_target(one: str, other: str) -> bool:
    """Whether two https URLs name the same target: host in any case, the default port said or not."""
    return one == other or _spelled(one) == _spelled(other)


def _spelled(url: str) -> tuple[str | None, int, str, str]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or _HTTPS_PORT, parts.path or "/", parts.query


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Custom headers, as given. Refuses ours, hop-by-hop ones, malformed and repeated names."""
    seen: set[str] = set()
    for name, value in headers.items():
        field = f"Headers.{name[:60]}"
        lowered = name.lower()
        if not _TOKEN.fullmatch(name):
            raise InvalidField(field, "a header name of RFC 9110 token characters", "other characters")
        if lowered in OUR_HEADERS:
            raise InvalidField(field, "a header name that Outrider does not set itself", lowered)
        if lowered in seen:
            raise InvalidField(field, "each header once", "the same name in another case")
        if not _FIELD_VALUE.fullmatch(value):
            raise InvalidField(field, "a value of visible ASCII characters", "other characters")
        seen.add(lowered)
    return headers


def check_query_params(params: dict[str, str]) -> dict[str, str]:
    """Query parameters, as given. Names must not be empty; nothing may hold a NUL, which no store has to take."""
    if "" in params:
        raise InvalidField("QueryParams", "non-empty names", "an empty name")
    for name, value in params.items():
        if "\0" in name or "\0" in value:
            shown = name.replace("\0", "")[:60]
            raise InvalidField(f"QueryParams.{shown}", "characters other than NUL", "a NUL")
    return params


def with_query(url: str, params: dict[str, str] | None) -> str:
    """`url` with `params` merged into its query; on a name both have, `params` wins."""
    if not params:
        return url
    parts = urlsplit(url)
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in params]
    query = urlencode([*kept, *params.items()], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


@lru_cache(4096)
def shown_url(url: str) -> str:
    """The URL without its query, for ledgers and logs: receivers put credentials there."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "…" if parts.query else "", ""))
