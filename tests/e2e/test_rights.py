"""Nobody gives, reads or changes more than their credentials allow; guesses are few and seen."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from harness import API_KEY, API_SECRET, Served

pytestmark = pytest.mark.slow
KEYS = "/v2/manage/keys"
SECRETLY = "Secretly-Not-For-Writers"
FILTER = {"HookName": "login"}


def token(served: Served, *scopes: str, expires: str | None = None, maker: str | None = None) -> tuple[int, Any]:
    headers = None if maker is None else {"Authorization": f"Bearer {maker}"}
    return served.call("POST", KEYS, {"Name": "k", "Scopes": scopes, "Expires": expires}, headers=headers)


def as_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_gives_no_scope_that_it_lacks(shared: Served) -> None:
    writer = token(shared, "manage:write")[1]["Token"]
    for scope in ("events:write", "manage:read"):
        status, answer = token(shared, "manage:write", scope, maker=writer)
        assert (status, answer["ErrorCode"]) == (403, 6002), answer
        assert scope in answer["Description"]
    status, made = token(shared, "manage:write", maker=writer)
    assert (status, made["Scopes"]) == (200, ["manage:write"])


def test_a_key_makes_none_that_outlives_it(shared: Served) -> None:
    writer = token(shared, "manage:write", expires="2099-01-01T00:00:00Z")[1]["Token"]
    for later in (None, "2099-01-01T00:00:00.001Z"):
        status, answer = token(shared, "manage:write", expires=later, maker=writer)
        assert (status, answer["Field"]) == (400, "Expires"), answer
    assert token(shared, "manage:write", expires="2098-12-31T00:00:00Z", maker=writer)[0] == 200


def test_who_may_only_change_reads_nothing(shared: Served) -> None:
    """Each call whose answer, or whose effect, would show more than its caller gave."""
    webhook = shared.ok(
        "POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": f"https://localhost:1/{SECRETLY}"}
    )
    event = shared.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u1", "FullName": SECRETLY}})
    fate = shared.ok("GET", f"/v2/manage/events/{event['Data'][0]['Id']}")
    delivery = fate["Deliveries"][0]["Id"]
    replay = {"Kind": "replay", "WebhookId": webhook["Id"]}
    writer = token(shared, "manage:write", "events:write")[1]["Token"]
    where = f"/v2/manage/webhooks/{webhook['Id']}"
    place = "/identity/v2/manage/account/u1/customobject"
    record = shared.ok("POST", f"{place}?objectname=orders", {"Note": SECRETLY})
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/v2/manage/filters/try", {"Filter": FILTER}),
        ("POST", "/v2/manage/jobs", replay | {"DryRun": True}),
        ("POST", "/v2/manage/jobs", replay),
        ("POST", f"/v2/manage/deliveries/{delivery}/resend", None),
        ("PUT", where, {}),
        ("POST", f"{where}/pause", None),
        ("POST", f"{where}/resume", None),
        ("POST", f"{where}/test", {}),
        ("PUT", "/v2/manage/settings", {}),
        ("PUT", f"{place}/{record['Id']}?objectname=orders&updatetype=partialreplace", {"More": 1}),
    ]
    for method, path, body in asked:
        status, answer = shared.call(method, path, body, headers=as_key(writer))
        assert status == 403, (method, path, answer)
        assert SECRETLY not in json.dumps(answer)
        assert "manage:read" in answer["Description"]
    both = token(shared, "manage:write", "manage:read")[1]["Token"]
    for method, path, body in asked:
        assert shared.call(method, path, body, headers=as_key(both))[0] == 200, (method, path)
    shared.ok("DELETE", where)


def test_trying_a_filter_changes_nothing_so_reading_is_enough(shared: Served) -> None:
    reader = token(shared, "manage:read")[1]["Token"]
    assert shared.call("POST", "/v2/manage/filters/try", {"Filter": FILTER}, headers=as_key(reader))[0] == 200


def _from(source: str, served: Served, secret: str, path: str = "/v2/manage/settings", method: str = "GET") -> int:
    """The status answered to a request from another loopback address."""
    port = int(served.url.rsplit(":", 1)[1])
    body = b"{}" if method == "POST" else b""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
        f"x-loginradius-apikey: {API_KEY}\r\nx-loginradius-apisecret: {secret}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0)) as peer:
        peer.sendall(head.encode() + body)
        return int(peer.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(("path", "method"), [("/v2/manage/settings", "GET"), ("/v2/events", "POST")])
def test_guessing_is_slow_and_seen_and_stops_nobody_else(
    serve: Callable[..., Served], path: str, method: str
) -> None:
    served = serve(OUTRIDER_DENIED_PER_MINUTE="20")
    answers = [_from("127.0.0.9", served, f"guess-{n}", path, method) for n in range(60)]
    assert answers.count(401) <= 25
    assert answers[-1] == 429
    assert _from("127.0.0.9", served, API_SECRET, path, method) == 429  # not even compared
    assert _from("127.0.0.10", served, API_SECRET, path, method) != 429
    log = (served.folder / "log").read_text()
    assert "access denied" in log
    assert "source=127.0.0.9" in log
    assert "guess-" not in log
    assert API_SECRET not in log


def test_unknown_keys_are_counted_for_their_source(serve: Callable[..., Served]) -> None:
    served = serve(OUTRIDER_DENIED_PER_MINUTE="20")
    headers = [{"X-LoginRadius-ApiKey": f"nobody-{n}", "X-LoginRadius-ApiSecret": "x"} for n in range(15)]
    headers += [as_key(f"ork_guess{n}") for n in range(15)]
    answers = [served.call("GET", "/v2/manage/settings", headers=each) for each in headers]
    assert [status for status, _ in answers][-1] == 429
    assert answers[-1][1]["ErrorCode"] == 7929
    assert served.ok("GET", "/v2/manage/settings")


def test_a_weak_first_secret_is_warned_of(serve: Callable[..., Served]) -> None:
    served = serve(OUTRIDER_BOOTSTRAP_API_SECRET="my-api-secret")
    log = (served.folder / "log").read_text()
    assert "the first tenant's API secret is weak" in log
    assert "my-api-secret" not in log


def test_the_system_tells_a_tenant_of_its_own_deliveries_only(shared: Served) -> None:
    """`tests/conformance` has the count by tenant; here is that the call asks for it."""
    webhook = shared.ok(
        "POST", "/v2/manage/webhooks", {"Event": "AssignRoles", "TargetUrl": "https://localhost:1/"}
    )
    shared.ok("POST", f"/v2/manage/webhooks/{webhook['Id']}/pause")
    before = shared.ok("GET", "/v2/manage/system")["Owed"]
    shared.ok("POST", "/v2/events", {"Event": "AssignRoles", "Data": {"Uid": "u1"}})
    assert shared.ok("GET", "/v2/manage/system")["Owed"] == before + 1
    shared.ok("DELETE", f"/v2/manage/webhooks/{webhook['Id']}")
