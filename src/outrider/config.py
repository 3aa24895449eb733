"""Settings, all from `OUTRIDER_*` environment variables; a setting that cannot be honoured stops the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from outrider.app.options import LONGEST_WAIT_S, MOST_WAITS
from outrider.domain.address import AddressPolicy
from outrider.domain.delivery import STANDARD_SCHEDULE
from outrider.domain.errors import ConfigError
from outrider.domain.secret_names import SecretNames
from outrider.domain.strength import FEWEST_CHARACTERS, trivial

T = TypeVar("T")
PREFIX = "OUTRIDER_"
_INFLIGHT = 64 * 1024 * 1024


class Role(StrEnum):
    """What a process does. `outrider serve` does everything unless told otherwise."""

    INTAKE = "intake"
    DISPATCH = "dispatch"
    HOUSEKEEPING = "housekeeping"


class Config(msgspec.Struct, frozen=True):
    """One field per variable: `store` is OUTRIDER_STORE. Bytes, milliseconds and counts are integers."""

    store: str = "sqlite:///.outrider/outrider.db"
    store_connections: int = 10  # PostgreSQL only
    store_wait_ms: int = 60_000  # at a start
    roles: tuple[Role, ...] = tuple(Role)
    retention_days: int | None = None
    host: str = "127.0.0.1"
    port: int = 8750
    tls_cert_file: str | None = None  # plain HTTP when absent
    tls_key_file: str | None = None  # in the certificate's file when absent
    bootstrap_api_key: str | None = None
    bootstrap_api_secret: str | None = None
    denied_per_minute: int = 20  # wrong credentials of one source for one tenant
    root_key: str | None = None
    root_key_file: str | None = None  # beside the store when absent
    egress_allow: str = ""
    egress_ca_file: str | None = None
    timeout_ms: int = 15_000
    retry_schedule_ms: tuple[int, ...] = STANDARD_SCHEDULE
    masked_fields: str = ""
    max_event_bytes: int = 256 * 1024
    max_request_bytes: int = 16 * 1024 * 1024
    drain_ms: int = 0
    max_connections: int | None = None  # what descriptors.py says when absent
    keep_alive_ms: int = 75_000
    max_inflight_bytes: int | None = None
    stop_grace_ms: int = 25_000
    log_level: str = "INFO"

    @property
    def shared(self) -> bool:
        """Whether other processes may use the store at the same time."""
        return not self.store.startswith("sqlite:")

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return Path(self.store.removeprefix("sqlite:///"))

    @property
    def inflight_bytes(self) -> int:
        """Bytes of large request bodies in memory at once."""
        return self.max_inflight_bytes or max(_INFLIGHT, self.max_request_bytes)

    @property
    def root_key_path(self) -> Path:
        return Path(self.root_key_file) if self.root_key_file else self.store_path.with_suffix(".rootkey")

    def checked(self) -> Config:
        """Itself. Raises ConfigError for settings that do not go together."""
        if self.shared and not (self.root_key or self.root_key_file):
            expected = "OUTRIDER_ROOT_KEY or OUTRIDER_ROOT_KEY_FILE, the same for every process on this store"
            raise ConfigError("OUTRIDER_ROOT_KEY", expected, "neither")
        if self.inflight_bytes < self.max_request_bytes:
            expected = f"at least OUTRIDER_MAX_REQUEST_BYTES, {self.max_request_bytes}"
            raise ConfigError("OUTRIDER_MAX_INFLIGHT_BYTES", expected, str(self.max_inflight_bytes))
        if not self.shared and set(self.roles) != set(Role):
            raise ConfigError(
                "OUTRIDER_ROLES", "all roles, because only one process may use SQLite", "some of them"
            )
        if not self.shared and self.store_connections != Config().store_connections:
            raise ConfigError("OUTRIDER_STORE_CONNECTIONS", "nothing, because SQLite has one writer", "a number")
        if not self.shared and self.store_wait_ms != Config().store_wait_ms:
            expected = "nothing, because there is nothing to wait for with SQLite"
            raise ConfigError("OUTRIDER_STORE_WAIT_MS", expected, "a number")
        if self.max_request_bytes < self.max_event_bytes != Config().max_event_bytes:
            expected = f"at most OUTRIDER_MAX_REQUEST_BYTES, {self.max_request_bytes}"
            raise ConfigError("OUTRIDER_MAX_EVENT_BYTES", expected, f"{self.max_event_bytes}")
        if not self.shared and not self.root_key:
            self._check_root_key_path()
        if self.bootstrap_api_secret is not None and self.bootstrap_api_secret == self.bootstrap_api_key:
            raise ConfigError("OUTRIDER_BOOTSTRAP_API_SECRET", "something else than the API key", "the same")
        return self

    def _check_root_key_path(self) -> None:
        store = self.store_path.resolve()
        taken = {store, *(store.with_name(store.name + end) for end in (".lock", "-wal", "-shm", "-journal"))}
        if self.root_key_path.resolve() in taken:
            raise ConfigError("OUTRIDER_ROOT_KEY_FILE", "a file beside the store's own", "one of them")


def read_config(environment: Mapping[str, str]) -> Config:
    """The settings; raises ConfigError for an unknown variable or a value that cannot be honoured."""
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value != ""}
    unknown = sorted(set(given) - set(_READERS) - _FOR_CLIENTS)
    if unknown:
        raise ConfigError(unknown[0], f"one of {', '.join(_READERS)}", "an unknown variable")
    for name, value in given.items():
        _check_characters(name, value)
    fields = {
        name.removeprefix(PREFIX).lower(): read(name, given[name])
        for name, read in _READERS.items()
        if name in given
    }
    return msgspec.convert(fields, Config).checked()


def read_copy(environment: Mapping[str, str], source: str, target: str) -> tuple[Config, Config]:
    """A store to copy from and one to copy to; of the environment only the root key counts. Raises ConfigError
    (`source`, `target`) without quoting the URLs, which may hold passwords."""
    for side, url in (("source", source), ("target", target)):
        _check_characters(side, url)
    key, file = (environment.get(f"{PREFIX}{name}") or None for name in ("ROOT_KEY", "ROOT_KEY_FILE"))
    return (
        Config(store=_store("source", source), root_key=key, root_key_file=file),
        Config(store=_store("target", target), root_key=key, root_key_file=file),
    )


def _check_characters(name: str, value: str) -> None:
    """Raises ConfigError without quoting the value, which may be a secret."""
    if name != "OUTRIDER_ROOT_KEY" and value != value.strip():  # a key is often the output of a command
        raise ConfigError(name, "a value without spaces or line ends around it", "some")
    if any(ord(c) < 32 or ord(c) == 127 for c in value.strip()):
        raise ConfigError(name, "a value in one line, without control characters", "some")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(name, "UTF-8", "another encoding") from None


def _text(_name: str, value: str) -> str:
    return value


def _number(low: int, high: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        number = _digits(value)
        if number is None or not low <= number <= high:
            raise ConfigError(name, f"a whole number from {low} to {high}", value[:40])
        return number

    return read


def _digits(text: str) -> int | None:
    """None for what is no number, or one of more digits than any bound has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else None


def _store(name: str, value: str) -> str:
    """Raises ConfigError without quoting the URL, which may hold a password."""
    scheme, separator, rest = value.partition("://")
    if scheme in {"postgresql", "postgres"} and rest:
        if any(c.isspace() for c in value):
            raise ConfigError(name, "a URL without spaces (%20 in their place)", "one with some")
        return value
    if scheme != "sqlite" or not rest.startswith("/"):
        given = f"{scheme[:20]}://…" if separator else "something else"
        raise ConfigError(name, "sqlite:///path/of/the/file.db or postgresql://…", given)
    if rest.endswith("/") or rest == "/:memory:":
        raise ConfigError(name, "sqlite:/// and the path of a file", "no path of a file")
    if "?" in rest or "#" in rest:
        raise ConfigError(name, "sqlite:/// and a path, which takes no parameters", "one with some")
    return value


def _roles(name: str, value: str) -> tuple[Role, ...]:
    """Raises ConfigError for anything but a comma-separated list of roles."""
    given = [part.strip().lower() for part in value.split(",") if part.strip()]
    wrong = [part for part in given if part not in set(Role)]
    if wrong or not given:
        raise ConfigError(name, f"some of {', '.join(Role)}", wrong[0][:40] if wrong else "none")
    return tuple(role for role in Role if role in given)


def _level(name: str, value: str) -> str:
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ConfigError(name, "DEBUG, INFO, WARNING or ERROR", value[:40])
    return value.upper()


def _allow(_name: str, value: str) -> str:
    AddressPolicy.parse(value)
    return value


def _masked_fields(name: str, value: str) -> str:
    SecretNames.parse(value, name)
    return value


def _credential(name: str, value: str) -> str:
    # LoginRadius' Python SDK does not URL-encode, so other characters would not arrive.
    if not 8 <= len(value) <= 128 or not all(c.isascii() and (c.isalnum() or c in "-._~") for c in value):
        raise ConfigError(name, "8 to 128 letters, digits, or - . _ ~", "something else")
    return value


def _secret(name: str, value: str) -> str:
    if trivial(value):
        raise ConfigError(name, f"at least {FEWEST_CHARACTERS} different characters", "fewer")
    return _credential(name, value)


def _schedule(name: str, value: str) -> tuple[int, ...]:
    waits = [_digits(part.strip()) for part in value.split(",")]
    longest = LONGEST_WAIT_S * 1000
    if len(waits) > MOST_WAITS or not all(wait is not None and 1 <= wait <= longest for wait in waits):
        expected = f"up to {MOST_WAITS} waits in milliseconds, comma-separated, each 1 to {longest}"
        raise ConfigError(name, expected, value[:80])
    return tuple(wait for wait in waits if wait is not None)


_READERS: dict[str, Callable[[str, str], object]] = {
    "OUTRIDER_STORE": _store,
    "OUTRIDER_STORE_CONNECTIONS": _number(4, 200),
    "OUTRIDER_STORE_WAIT_MS": _number(0, 600_000),
    "OUTRIDER_ROLES": _roles,
    "OUTRIDER_RETENTION_DAYS": _number(1, 3_650),
    "OUTRIDER_HOST": _text,
    "OUTRIDER_PORT": _number(0, 65535),
    "OUTRIDER_TLS_CERT_FILE": _text,
    "OUTRIDER_TLS_KEY_FILE": _text,
    "OUTRIDER_BOOTSTRAP_API_KEY": _credential,
    "OUTRIDER_BOOTSTRAP_API_SECRET": _secret,
    "OUTRIDER_DENIED_PER_MINUTE": _number(1, 1_000_000),
    "OUTRIDER_ROOT_KEY": _text,
    "OUTRIDER_ROOT_KEY_FILE": _text,
    "OUTRIDER_EGRESS_ALLOW": _allow,
    "OUTRIDER_EGRESS_CA_FILE": _text,
    "OUTRIDER_TIMEOUT_MS": _number(1_000, 30_000),
    "OUTRIDER_RETRY_SCHEDULE_MS": _schedule,
    "OUTRIDER_MASKED_FIELDS": _masked_fields,
    "OUTRIDER_MAX_EVENT_BYTES": _number(1_024, 1024 * 1024),
    "OUTRIDER_MAX_REQUEST_BYTES": _number(1_024, 256 * 1024 * 1024),
    "OUTRIDER_MAX_INFLIGHT_BYTES": _number(1_024, 4 * 1024 * 1024 * 1024),
    "OUTRIDER_DRAIN_MS": _number(0, 600_000),
    "OUTRIDER_MAX_CONNECTIONS": _number(16, 65_536),
    "OUTRIDER_KEEP_ALIVE_MS": _number(1_000, 3_600_000),
    "OUTRIDER_STOP_GRACE_MS": _number(0, 600_000),
    "OUTRIDER_LOG_LEVEL": _level,
}
_FOR_CLIENTS = {
    "OUTRIDER_URL",
    "OUTRIDER_API_KEY",
    "OUTRIDER_API_SECRET",
    "OUTRIDER_CA_FILE",
    "OUTRIDER_STORE_FROM",
    "OUTRIDER_STORE_TO",
}
