"""Secrets of every kind, set in every place there is for one, lie open nowhere: in no answer, log, file or copy.

What a contract shows is left out by name and nothing else: a secret in the one answer that makes it, a target URL
where webhooks are managed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from at_rest import at_rest
from harness import API_KEY, Receiver, Served, outrider, until
from planted import findings, secret
from postgres import Postgres, dump

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
WEBHOOKS = "/v2/manage/webhooks"
# Names under which APIs take credentials.
CREDENTIAL_HEADERS = """
    X-API-Key Api-Key ApiKey X-Auth-Token X-Auth-Key X-Access-Token X-Secret-Key X-Token
    X-Functions-Key Ocp-Apim-Subscription-Key X-Gitlab-Token X-Vault-Token X-Shopify-Access-Token
    X-Amz-Security-Token PRIVATE-TOKEN X-RapidAPI-Key X-Figma-Token X-Parse-REST-API-Key
    X-Parse-Application-Id X-Master-Key X-Goog-Api-Key X-Honeycomb-Team DD-API-KEY
    DD-APPLICATION-KEY X-Algolia-API-Key X-Algolia-Application-Id X-Pinpoint-Key CF-Access-Client-Id
    CF-Access-Client-Secret X-Session-Id X-CSRF X-JWT-Assertion X-Signature-Key X-Password
    X-Webhook-Hmac X-Plex-Identity
""".split()


class Planted:
    """A served Outrider in which secrets are planted by kind, and every answer it gave."""

    def __init__(self, served: Served, api_secret: str) -> None:
        self.served = served
        self.secrets = {"API secret": api_secret}
        self.urls: dict[str, str] = {}
        self.answers: list[tuple[str, Any]] = []

    def new(self, kind: str) -> str:
        self.secrets[kind] = secret(kind.replace(" ", ""))
        return self.secrets[kind]

    def new_in_url(self, kind: str) -> str:
        """One that stands in a target URL, as it is written there."""
        self.urls[kind] = secret(kind.replace(" ", ""))
        return quote(self.urls[kind], safe="")

    def call(self, method: str, path: str, body: Any = None, *, once: bool = False) -> Any:
        """The answer, kept for the search unless it is the one that shows a secret `once`."""
        headers = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": self.secrets["API secret"]}
        status, answer = self.served.call(method, path, body, headers=headers)
        if not once:
            self.answers.append((f"{method} {path} {status}", answer))
        return answer

    def command(self, *arguments: str) -> bytes:
        settings = {
            "OUTRIDER_URL": self.served.url,
            "OUTRIDER_API_KEY": API_KEY,
            "OUTRIDER_API_SECRET": self.secrets["API secret"],
        }
        done = outrider(*arguments, **settings)
        return done.stdout + done.stderr

    def delivered(self, event: str, state: str) -> Any:
        path = f"/v2/manage/deliveries?eventid={event}&state={state}"
        return until(lambda: self.call("GET", path)["Data"])[0]

    def said(self, *, managing: bool) -> dict[str, bytes]:
        """Answers by call, those of managing webhooks or the others."""
        return {
            f"{number}: {call}": json.dumps(answer).encode()
            for number, (call, answer) in enumerate(self.answers)
            if (WEBHOOKS in call or "/api/v2/webhook" in call) is managing
        }


def plant(planted: Planted, receiver: Receiver) -> None:
    """Every kind in every place, in use: attempts that arrive, fail, end; past versions; what is refused."""
    call, new = planted.call, planted.new
    call("POST", "/v2/manage/secrets", {"Name": "crm", "Value": new("signing")}, once=True)
    rotation = {"Value": new("rotated signing"), "OverlapHours": 1}
    call("POST", "/v2/manage/secrets/crm/rotate", rotation, once=True)
    token = call("POST", "/v2/manage/keys", {"Name": "k", "Scopes": ["manage:read"]}, once=True)["Token"]
    planted.secrets["bearer key"] = token
    path = f"/services/{planted.new_in_url('path')}"
    query = f"?token={planted.new_in_url('query')}&{planted.new_in_url('bare')}"
    hook = {
        "Name": "all", "Events": ["Login", "Register"], "SecretName": "crm",
        "TargetUrl": receiver.url(path + query),
        "Headers": {name: new(f"header {name}") for name in CREDENTIAL_HEADERS},
        "QueryParams": {"sig": new("parameter"), "code": new("second parameter")},
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": new("password")}},
    }  # fmt: skip
    webhook = call("POST", WEBHOOKS, hook)["Id"]
    login = call("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u", "Password": new("payload")}})
    planted.delivered(login["Data"][0]["Id"], "delivered")
    bearer = {"AuthType": "Bearer", "BearerToken": {"Token": new("token")}}
    call("PUT", f"{WEBHOOKS}/{webhook}", {"Authentication": bearer, "Headers": {"X-Key": new("changed header")}})
    gone = receiver.url(f"/gone/{planted.new_in_url('gone path')}?k={planted.new_in_url('gone query')}")
    register = {
        "Name": "gone",
        "Event": "BlockAccount",
        "TargetUrl": gone,
        "Headers": {"X-Key": new("gone header")},
    }
    call("POST", WEBHOOKS, register)
    told = {"Name": "told", "Events": ["WebhookDisabled", "DeliveryExhausted"], "TargetUrl": receiver.url("/told")}
    call("POST", WEBHOOKS, told)
    call("POST", "/v2/events", {"Event": "BlockAccount", "Data": {"Uid": "u"}})
    until(lambda: any(request.path == "/told" for request in receiver.requests))
    unreachable = f"https://localhost:1/{planted.new_in_url('dead path')}?k={planted.new_in_url('dead query')}"
    dead = {"Name": "dead", "Event": "SetPassword", "TargetUrl": unreachable, "RetrySchedule": [0.1]}
    call("POST", WEBHOOKS, dead | {"QueryParams": {"k": new("dead parameter")}})
    exhausted = call("POST", "/v2/events", {"Event": "SetPassword", "Data": {"Uid": "u"}})["Data"][0]["Id"]
    planted.delivered(exhausted, "exhausted")
    legacy = receiver.url(f"/{planted.new_in_url('legacy path')}")
    call("POST", "/api/v2/webhook", {"TargetUrl": legacy, "Event": "Login"})
    orders = "/identity/v2/manage/account/u1/customobject?objectname=orders"
    call("POST", orders, {"Password": new("object")}, once=True)
    call("POST", f"{WEBHOOKS}/{webhook}/test", {"Data": {"Uid": "u", "Password": new("trial")}})
    refused(planted, receiver, webhook)
    deleted = call("POST", WEBHOOKS, hook | {"Name": "deleted", "Headers": {"X-Key": new("deleted header")}})["Id"]
    call("DELETE", f"{WEBHOOKS}/{deleted}")


def refused(planted: Planted, receiver: Receiver, webhook: str) -> None:
    """Secrets in requests that are wrong."""
    call, new = planted.call, planted.new
    hook = {"Event": "Login", "TargetUrl": receiver.url()}
    bad = [
        hook | {"Headers": {"X-Key": new("refused header") + "\n"}},
        hook | {"QueryParams": {"k": new("refused parameter") + "\0"}},
        hook | {"Authentication": {"AuthType": "Bearer", "BearerToken": {"Token": new("refused token") + "é"}}},
        hook | {"Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "a:b", "Password": new("pw")}}},
        hook | {"TargetUrl": f"http://localhost/{planted.new_in_url('refused path')}"},
        hook | {"TargetUrl": f"https://u:{planted.new_in_url('user info')}@localhost/"},
        hook | {"TargetUrl": f"https://[::1/?token={planted.new_in_url('refused query')}"},
        hook | {"TargetUrl": f"https://localhost:99999/?token={planted.new_in_url('refused port')}"},
        hook | {"TargetUrl": f"https://localhost/{planted.new_in_url('refused fragment')}#a"},
        hook | {"Headers": new("text for headers")},
        hook | {"Headers": [new("list for headers")]},
    ]
    for body in bad:
        assert "ErrorCode" in call("POST", WEBHOOKS, body), body
        assert "ErrorCode" in call("PUT", f"{WEBHOOKS}/{webhook}", body), body
        assert "ErrorCode" in call("POST", "/api/v2/webhook", body), body
    for value in (new("refused signing") + "é", new("short")[:12] + "é"):
        assert "ErrorCode" in call("POST", "/v2/manage/secrets", {"Name": "x", "Value": value})
    planted.secrets.pop("short")
    event = {"Event": "Login", "Data": {"Uid": 5, "Password": new("refused payload")}}
    assert "ErrorCode" in call("POST", "/v2/events", event)


def look_everywhere(planted: Planted, webhook_paths: list[str]) -> None:
    """Every call that reads."""
    call = planted.call
    for path in ("/v2/manage/events", "/v2/manage/deliveries"):
        for row in call("GET", f"{path}?limit=200")["Data"]:
            call("GET", f"{path}/{row['Id']}")
            if path.endswith("events"):
                call("GET", f"{path}/{row['Id']}/explain")
    for path in webhook_paths:
        call("GET", path)
    paths = ("secrets", "keys", "settings", "system", "event-types", "jobs")
    for path in [*(f"/v2/manage/{name}" for name in paths), "/openapi.json", "/health"]:
        call("GET", path)
    for kind in ("retry_failed", "send_missed", "replay"):
        for webhook in call("GET", WEBHOOKS)["Data"]:
            call("POST", "/v2/manage/jobs", {"Kind": kind, "WebhookId": webhook["Id"], "DryRun": True})


def commands(planted: Planted) -> dict[str, bytes]:
    first = planted.call("GET", "/v2/manage/deliveries?limit=1")["Data"][0]
    calls = [
        ("webhooks", "list"), ("deliveries", "list"), ("deliveries", "list", "--json"),
        ("deliveries", "show", first["Id"]), ("events", "list"), ("explain", first["EventId"]), ("jobs", "list"),
        ("settings", "show"), ("keys", "list"),
        *(("webhooks", "test", webhook["Id"]) for webhook in planted.call("GET", WEBHOOKS)["Data"]),
    ]  # fmt: skip
    return {f"outrider {' '.join(call)}": planted.command(*call) for call in calls}


def copies(planted: Planted, folder: Path, server: Postgres, key: Path) -> dict[str, bytes]:
    """A backup where there is one, and copies to both stores; the server must not run."""
    served = planted.served
    source = served.environment()["OUTRIDER_STORE"]
    found: dict[str, bytes] = {}
    root = served.environment().get("OUTRIDER_ROOT_KEY")
    credentials = {"OUTRIDER_ROOT_KEY": root} if root else {"OUTRIDER_ROOT_KEY_FILE": str(key)}
    if source.startswith("sqlite"):
        done = outrider("store", "backup", str(folder / "backup.db"), OUTRIDER_STORE=source)
        assert done.returncode == 0, done.stderr
        found["backup"] = (folder / "backup.db").read_bytes()
    for name, target in (("file", f"sqlite:///{folder / 'copy.db'}"), ("database", server.empty_database())):
        moved = {"OUTRIDER_STORE_FROM": source, "OUTRIDER_STORE_TO": target} | credentials
        done = until(lambda moved=moved: _unless_served(outrider("store", "copy", **moved)))
        assert done.returncode == 0, done.stderr
        found[f"output of the copy to a {name}"] = done.stdout + done.stderr
        at = {file.name: file.read_bytes() for file in folder.glob("copy.db*")}
        found |= at if name == "file" else {"copied database": dump(target)}
    return found


def _unless_served(done: Any) -> Any:
    """None while a killed process counts as alive, for some seconds."""
    return None if b"showed life" in done.stderr else done


def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
    """With everything it got, most secret first: what is kept of an answer is its beginning."""
    credentials = {
        name: value for name, value in request.headers.items() if "token" in name or name == "authorization"
    }
    echo = json.dumps({"path": request.path, "headers": credentials | request.headers})
    return (410 if request.path.startswith("/gone") else 200), {}, echo.encode()


def test_no_planted_secret_lies_open(
    serve: Serve, receive: Receive, tmp_path: Path, postgres_server: Postgres
) -> None:
    api_secret = "apisecret-p1A9nted.9d8c7b6a5_4e3f"  # of the characters SDKs take
    served = serve(OUTRIDER_BOOTSTRAP_API_SECRET=api_secret, OUTRIDER_LOG_LEVEL="DEBUG")
    receiver = receive(answer)
    planted = Planted(served, api_secret)
    plant(planted, receiver)
    look_everywhere(planted, [WEBHOOKS, "/api/v2/webhook?event=Login"])
    printed = commands(planted)
    places = planted.said(managing=False) | printed | {"at rest while served": at_rest(served)}
    served.kill()
    places |= {"at rest after a kill": at_rest(served), "log": (served.folder / "log").read_bytes()}
    served.start()
    look_everywhere(planted, [])
    places |= planted.said(managing=False)
    assert served.stop() == 0
    places["at rest"] = at_rest(served)
    target = tmp_path / "copies"
    target.mkdir()
    places |= copies(planted, target, postgres_server, served.folder / "outrider.rootkey")

    root_key = served.environment().get("OUTRIDER_ROOT_KEY")
    kinds = planted.secrets | ({"root key": root_key} if root_key else {})
    everywhere = places | planted.said(managing=True)
    assert findings(kinds, everywhere) + findings(planted.urls, places) == []
    arrived = "".join(request.path + json.dumps(request.headers) for request in receiver.requests)
    assert findings({"header": planted.secrets["header X-API-Key"]}, {"receiver": arrived.encode()})


def test_the_search_finds_what_is_not_masked(serve: Serve, receive: Receive) -> None:
    """A webhook's name is no secret and is shown everywhere: what is planted there is found everywhere."""
    served, receiver = serve(), receive()
    name = secret("name")
    hook = {"Event": "Login", "Name": name, "TargetUrl": receiver.url()}
    served.ok("POST", WEBHOOKS, hook)
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    row = until(lambda: served.ok("GET", "/v2/manage/deliveries?state=delivered")["Data"])[0]
    places = {
        "webhooks": json.dumps(served.ok("GET", WEBHOOKS)).encode(),
        "delivery": json.dumps(served.ok("GET", f"/v2/manage/deliveries/{row['Id']}")).encode(),
        "list": served.command("webhooks", "list").stdout,
        "at rest": at_rest(served),
    }
    found = findings({"name": name}, places)
    assert {line.split(" in ")[-1] for line in found} == set(places)
