"""Every setting at its bounds and beyond: honoured, or refused with what is expected."""

from __future__ import annotations

import inspect
import socket

import pytest

from outrider import config
from outrider.cli.serve import bind
from outrider.config import Config, read_config, read_copy
from outrider.domain.errors import ConfigError

LONG = "9" * 5_000  # more digits than Python reads
NUMBERS = {
    name: inspect.getclosurevars(read).nonlocals
    for name, read in config._READERS.items()
    if read.__qualname__.startswith("_number.")
}
POSTGRES = {"OUTRIDER_STORE": "postgresql://db.example.com/outrider", "OUTRIDER_ROOT_KEY": "k"}
SMALL = {"OUTRIDER_MAX_EVENT_BYTES": "1024", "OUTRIDER_MAX_REQUEST_BYTES": "1024"}
WEEK = 7 * 86_400_000


def refused(variable: str, value: str) -> ConfigError:
    with pytest.raises(ConfigError) as found:
        read_config({variable: value})
    assert variable in found.value.field
    assert len(str(found.value)) < 600
    assert str(found.value).isprintable()
    return found.value


@pytest.mark.parametrize("variable", NUMBERS)
def test_numbers(variable: str) -> None:
    low, high = NUMBERS[variable]["low"], NUMBERS[variable]["high"]
    field = variable.removeprefix("OUTRIDER_").lower()
    beside = POSTGRES | (SMALL if field == "max_inflight_bytes" else {})
    for value in (low, high):
        assert getattr(read_config(beside | {variable: str(value)}), field) == value
    for wrong in (
        str(low - 1),
        str(high + 1),
        LONG,
        "9" * 19,
        "1e3",
        "0x10",
        "+1",
        "-0",
        "1_0",
        "１",
        "4.0",
        "none",
    ):
        refused(variable, wrong)


@pytest.mark.parametrize("variable", config._READERS)
@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "a\x1b[2Jb", "a\x7fb", "a\udcffb", " a", "a\n", "\t"])
def test_characters(variable: str, value: str) -> None:
    if variable == "OUTRIDER_ROOT_KEY" and value in (" a", "a\n", "\t"):
        return  # it is read without what is around it, and as a key it is refused when it is used
    refused(variable, value)


@pytest.mark.parametrize(
    "value",
    [
        "0", "100,0", "-1", f"{10**30}", LONG, f"{WEEK + 1}", "1,,2", ",", "1;2", "1.5", "5s", "１",
        ",".join(["1"] * 51), "1," * 40_000,
    ],
)  # fmt: skip
def test_schedules_no_store_can_hold(value: str) -> None:
    assert "each 1 to 604800000" in refused("OUTRIDER_RETRY_SCHEDULE_MS", value).expected


def test_the_longest_schedule() -> None:
    assert (
        read_config({"OUTRIDER_RETRY_SCHEDULE_MS": ", ".join([f"{WEEK}"] * 50)}).retry_schedule_ms == (WEEK,) * 50
    )


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://", "sqlite:///", "sqlite://relative.db", "sqlite://host/a.db", "sqlite:///folder/",
        "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "sqlite:///a.db#x", "sqlite:a.db", "a.db", "/a.db",
        "postgresql://", "postgresql:db", "postgresql://u:very-secret@h/a b", "postgresql://u:very-secret@h/a\nb",
        "postgresql://u:very-secret@h/a\n", " postgresql://u:very-secret@h/a", "mysql://u:very-secret@h/a",
        "u:very-secret@h",
    ],
)  # fmt: skip
def test_stores(url: str) -> None:
    assert "very-secret" not in str(refused("OUTRIDER_STORE", url))
    with pytest.raises(ConfigError) as found:
        read_copy({}, "sqlite:///a.db", url)
    assert (found.value.field, "very-secret" in str(found.value)) == ("target", False)


@pytest.mark.parametrize(
    "url", ["sqlite:///a b/ä.db", "sqlite:////var/lib/a.db", "postgres://h/a", "postgresql:///a"]
)
def test_stores_that_may_be(url: str) -> None:
    assert read_config({"OUTRIDER_STORE": url, "OUTRIDER_ROOT_KEY": "k"}).store == url


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("OUTRIDER_ROLES", [",", "none", "intake,", "intake;dispatch", "x" * 5_000]),
        ("OUTRIDER_LOG_LEVEL", ["TRACE", "10", "LOUD" * 2_000, "İNFO"]),
        ("OUTRIDER_EGRESS_ALLOW", ["10.0.0.0/33", "10.0.0.1/8", "localhost", "1" * 5_000]),
        ("OUTRIDER_BOOTSTRAP_API_KEY", ["short", "k" * 129, "with space", "schlüssel-lang"]),
        ("OUTRIDER_BOOTSTRAP_API_SECRET", ["short", "k" * 129, "with space", "schlüssel-lang"]),
    ],
)
def test_lists_and_words(variable: str, values: list[str]) -> None:
    for value in values:
        refused(variable, value)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"OUTRIDER_STORE_WAIT_MS": "1"}, "OUTRIDER_STORE_WAIT_MS"),
        ({"OUTRIDER_STORE_CONNECTIONS": "20"}, "OUTRIDER_STORE_CONNECTIONS"),
        ({"OUTRIDER_MAX_EVENT_BYTES": "2048", "OUTRIDER_MAX_REQUEST_BYTES": "2047"}, "OUTRIDER_MAX_EVENT_BYTES"),
        ({"OUTRIDER_MAX_INFLIGHT_BYTES": f"{16 * 1024 * 1024 - 1}"}, "OUTRIDER_MAX_INFLIGHT_BYTES"),
        ({"OUTRIDER_STORE": "sqlite:///a.rootkey"}, "OUTRIDER_ROOT_KEY_FILE"),
        (
            {"OUTRIDER_STORE": "sqlite:///a.db", "OUTRIDER_ROOT_KEY_FILE": "./x/../a.db-shm"},
            "OUTRIDER_ROOT_KEY_FILE",
        ),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigError) as found:
        read_config(settings)
    assert found.value.field == field


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 300, "..", "256.1.1.1", "1.2.3.4", "::g", "x y"])
def test_hosts_that_are_not_ours(host: str) -> None:
    with pytest.raises(ConfigError) as found:
        bind(Config(host=host, port=0))
    assert found.value.field == "OUTRIDER_HOST/OUTRIDER_PORT"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_hosts_that_are(host: str) -> None:
    with bind(Config(host=host, port=0)) as listener:
        assert listener.family == socket.AF_INET


@pytest.mark.parametrize(("largest", "room"), [(None, 64), (100, 100)])
def test_there_is_room_for_the_largest_request(largest: int | None, room: int) -> None:
    settings = {} if largest is None else {"OUTRIDER_MAX_REQUEST_BYTES": str(largest * 1024 * 1024)}
    assert read_config(settings).inflight_bytes == room * 1024 * 1024
