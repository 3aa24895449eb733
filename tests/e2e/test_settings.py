"""`/v2/manage/settings` and `outrider settings`: changed by name, checked, kept over a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness import Served

pytestmark = pytest.mark.slow
PATH = "/v2/manage/settings"
DEFAULTS = {"WebhooksPerEvent": 1000, "UniqueTargetUrl": False, "LoginRadiusNames": False, "CallsPerSecond": None}
LOGINRADIUS = {"WebhooksPerEvent": 5, "UniqueTargetUrl": True, "LoginRadiusNames": True, "CallsPerSecond": 50.0}


def test_settings_are_changed_by_name_and_survive_a_restart(serve: Callable[..., Served]) -> None:
    served = serve()
    assert served.ok("GET", PATH) == DEFAULTS
    assert served.ok("PUT", PATH, LOGINRADIUS) == LOGINRADIUS
    assert served.ok("PUT", PATH, {"unique_target_url": False}) == LOGINRADIUS | {"UniqueTargetUrl": False}
    served.stop()
    served.start()
    assert served.ok("GET", PATH) == LOGINRADIUS | {"UniqueTargetUrl": False}
    assert served.ok("PUT", PATH, dict.fromkeys(DEFAULTS)) == DEFAULTS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"WebhooksPerEvent": 0}, "WebhooksPerEvent"),
        ({"WebhooksPerEvent": 10_001}, "WebhooksPerEvent"),
        ({"WebhooksPerEvent": "5"}, "WebhooksPerEvent"),
        ({"UniqueTargetUrl": 1}, "UniqueTargetUrl"),
        ({"LoginRadiusNames": "yes"}, "LoginRadiusNames"),
        ({"CallsPerSecond": 0.5}, "CallsPerSecond"),
        ({"CallsPerSecond": -1}, "CallsPerSecond"),
        ({"CallsPerSecond": 10_001}, "CallsPerSecond"),
        ({"WebhooksPerEvent": 7, "Nope": 1}, "Nope"),
    ],
)
def test_settings_that_cannot_be_honoured_change_nothing(shared: Served, change: Any, field: str) -> None:
    status, answer = shared.call("PUT", PATH, change)
    assert (status, answer["ErrorCode"], answer["Field"]) == (400, 7900, field)
    assert shared.ok("GET", PATH) == DEFAULTS


def test_reading_needs_a_scope_and_changing_another(shared: Served) -> None:
    key = shared.ok("POST", "/v2/manage/keys", {"Name": "reader", "Scopes": ["manage:read"]})
    bearer = {"Authorization": f"Bearer {key['Token']}"}
    assert shared.call("GET", PATH, headers=bearer) == (200, DEFAULTS)
    assert shared.call("PUT", PATH, {"CallsPerSecond": 1}, headers=bearer)[0] == 403
    shared.ok("DELETE", f"/v2/manage/keys/{key['Id']}")


@pytest.mark.parametrize(
    ("settings", "fit", "code"), [({"WebhooksPerEvent": 5}, 5, 1085), ({"UniqueTargetUrl": True}, 1, 7989)]
)
def test_creates_at_once_break_no_limit(
    serve: Callable[..., Served], settings: dict[str, Any], fit: int, code: int
) -> None:
    served = serve()
    served.ok("PUT", PATH, settings)

    def create(number: int) -> int:
        url = f"https://r{0 if 'UniqueTargetUrl' in settings else number}.example.com"
        status, answer = served.call("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": url})
        return 200 if status == 200 else answer["ErrorCode"]

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(create, range(48)))
    assert sorted(outcomes) == sorted([200] * fit + [code] * (48 - fit))
    assert len(served.ok("GET", "/v2/manage/webhooks")["Data"]) == fit


def test_creates_at_once_all_succeed_within_the_limit(serve: Callable[..., Served]) -> None:
    served = serve()
    body = {"Event": "Login", "TargetUrl": "https://receiver.example.com"}
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: served.call("POST", "/v2/manage/webhooks", body)[0], range(48)))
    assert made == [200] * 48


def test_the_command_shows_and_sets_them(shared: Served) -> None:
    said = shared.command("settings", "show").stdout.decode()
    assert said.split() == [
        part for name, value in DEFAULTS.items() for part in (name, str(value).replace("None", "none"))
    ]
    done = shared.command(
        "settings", "set", "--webhooks-per-event", "5", "--unique-target-url", "--loginradius-names",
        "--calls-per-second", "50", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout) == LOGINRADIUS
    done = shared.command("settings", "set", "--no-unique-target-url", "--calls-per-second", "none", "--json")
    assert json.loads(done.stdout) == LOGINRADIUS | {"UniqueTargetUrl": False, "CallsPerSecond": None}
    for wrong, said in (([], b"at least one"), (["--calls-per-second", "nan"], b"expected a number or none")):
        done = shared.command("settings", "set", *wrong)
        assert (done.returncode, said in done.stderr) == (2, True)
    refused = shared.command("settings", "set", "--webhooks-per-event", "0")
    assert (refused.returncode, b"WebhooksPerEvent" in refused.stderr) == (1, True)
    assert shared.ok("PUT", PATH, dict.fromkeys(DEFAULTS)) == DEFAULTS
    assert json.loads(shared.command("settings", "show", "--json").stdout) == DEFAULTS
