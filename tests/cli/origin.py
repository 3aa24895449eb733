"""A store with a past: something of everything there can be, made by a served Outrider, and a crowd of events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from harness import Receiver, Request, Served, until
from outrider.domain.clock import DAY, iso
from outrider.domain.ids import uuid7
from outrider.domain.signing import loginradius_signature

SIGNING = "the-signing-secret-of-crm"
TOKEN = "the-receivers-token"
ORDERED = "ordered-subject"
WANTS = {
    "good": "Login",
    "down": "Register",
    "ordered": "UpdateProfile",
    "gone": "BlockAccount",
    "late": "ResetPassword",
}
SPREAD_DAYS = 5
SIX_LOGINS = "/v2/manage/events?event=login&limit=6"

# What must answer the same after a move. Nothing in it is due for an hour.
LOOKS = [
    "/v2/manage/webhooks", "/v2/manage/secrets", "/v2/manage/keys", "/v2/manage/settings",
    "/v2/manage/events?event=login&limit=200", "/v2/manage/events?event=register",
    *(f"/v2/manage/deliveries?state={state}&event={event}&limit=200"
      for state in ("waiting", "delivered", "exhausted", "cancelled")
      for event in ("login", "register", "updateprofile", "blockaccount")),
    f"/v2/manage/deliveries?subject={ORDERED}",
]  # fmt: skip


class World:
    """The receiver, which outlives moves: it refuses /down and /ordered until `healed`."""

    def __init__(self, receive: Callable[..., Receiver]) -> None:
        self.healed = False
        self.receiver = receive(self._answer)

    def _answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.path in {"/down", "/ordered"} and not self.healed:
            return 503, {}, b"not now"
        return (410, {}, b"") if request.path == "/gone" else (200, {}, b"thanks")

    def at(self, path: str) -> list[Request]:
        return [request for request in list(self.receiver.requests) if request.path == path]


class Past:
    """What was done, as the origin answered about it."""

    def __init__(self, served: Served, world: World) -> None:
        self.served = served
        self.world = world
        self.uids: dict[str, str] = {}
        self.webhooks = {name: self._subscribe(name, event) for name, event in WANTS.items()}
        self._happen()
        self.looks = {path: served.ok("GET", path) for path in [*LOOKS, *self._one_by_one()]}
        self.cursor = served.ok("GET", SIX_LOGINS)["Next"]
        self.second_page = self._second_page(served, self.cursor)

    def _subscribe(self, name: str, event: str) -> str:
        if name == "good":
            secret = {"Name": "signing", "Value": SIGNING}
            self.served.ok("POST", "/v2/manage/secrets", secret)
        options: dict[str, Any] = {
            "good": {
                "SecretName": "signing",
                "Authentication": {"AuthType": "Bearer", "BearerToken": {"Token": TOKEN}},
                "Filter": {"Data.FirstName": {"$neq": "filtered"}},
            },
            "ordered": {"Ordering": "subject"},
        }
        body = {"Name": name, "Event": event, "TargetUrl": self.world.receiver.url(f"/{name}")}
        identity: str = self.served.ok("POST", "/v2/manage/webhooks", body | options.get(name, {}))["Id"]
        return identity

    def _happen(self) -> None:
        served = self.served
        login = [{"Event": "Login", "Data": {"Uid": f"real-{n}"}} for n in range(5)]
        self.logins = [one["Id"] for one in served.ok("POST", "/v2/events", login)["Data"]]
        filtered = {"Event": "Login", "Data": {"Uid": "real-f", "FirstName": "filtered"}}
        served.ok("POST", "/v2/events", filtered)
        served.call("POST", "/v2/events?prevent_webhook=true", {"Event": "Login", "Data": {"Uid": "real-p"}})
        served.ok("POST", "/v2/events", [{"Event": "Register", "Data": {"Uid": f"r{n}"}} for n in range(10)])
        ordered = [{"Event": "UpdateProfile", "Data": {"Uid": ORDERED, "NoOfLogins": n}} for n in range(4)]
        self.ordered = [one["Id"] for one in served.ok("POST", "/v2/events", ordered)["Data"]]
        served.ok("POST", "/v2/events", {"Event": "BlockAccount", "Data": {"Uid": "u"}})
        self.given = {"Event": "Login", "Data": {"Uid": "given"}, "Id": "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"}
        served.ok("POST", "/v2/events", self.given)
        objects = "/identity/v2/manage/account/real-1/customobject"
        served.ok("POST", f"{objects}?objectname=orders", {"Password": "of the record"})
        self.token = served.ok("POST", "/v2/manage/keys", {"Name": "ci", "Scopes": ["manage:read"]})["Token"]
        self._delete_one()
        until(lambda: self._count("state=delivered&event=login") == 6)
        until(lambda: self._count("state=exhausted") == 1)
        # Ten failures open the circuit, and none of them is due again before the hour has passed.
        until(lambda: all(one["Attempts"] for one in self._list("state=waiting&event=register")))
        until(lambda: self._list(f"state=waiting&subject={ORDERED}")[-1]["Attempts"] == 1)
        until(
            lambda: served.ok("GET", f"/v2/manage/webhooks/{self.webhooks['down']}")["Circuit"]["State"] == "open"
        )
        job = {"Kind": "replay", "WebhookId": self.webhooks["good"], "Subject": "real-2"}
        self.job = served.ok("POST", "/v2/manage/jobs", job)["Id"]
        until(lambda: served.ok("GET", f"/v2/manage/jobs/{self.job}")["State"] == "done")
        until(lambda: self._count("state=delivered&event=login") == 7)

    def _delete_one(self) -> None:
        """A webhook with a past of its own, deleted with a delivery owed."""
        body = {"Name": "deleted", "Event": "Login", "TargetUrl": self.world.receiver.url("/down")}
        identity = self.served.ok("POST", "/v2/manage/webhooks", body)["Id"]
        self.served.ok("PUT", f"/v2/manage/webhooks/{identity}", {"Name": "renamed", "Enabled": False})
        self.served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "real-f", "FirstName": "filtered"}})
        self.served.ok("DELETE", f"/v2/manage/webhooks/{identity}")
        until(lambda: self._count("state=cancelled"), 30)

    def _list(self, query: str) -> list[Any]:
        found: list[Any] = self.served.ok("GET", f"/v2/manage/deliveries?limit=200&{query}")["Data"]
        return found

    def _count(self, query: str) -> int:
        return len(self._list(query))

    def _second_page(self, served: Served, cursor: str) -> Any:
        """It begins amid the five logins that were accepted in one instant."""
        return served.ok("GET", f"{SIX_LOGINS}&cursor={cursor}")["Data"]

    def _one_by_one(self) -> Iterator[str]:
        for event in self.served.ok("GET", "/v2/manage/events?limit=200")["Data"]:
            yield f"/v2/manage/events/{event['Id']}"
            yield f"/v2/manage/events/{event['Id']}/explain"
        for delivery in self._list(""):
            yield f"/v2/manage/deliveries/{delivery['Id']}"
        yield f"/v2/manage/jobs/{self.job}"
        yield "/identity/v2/manage/account/real-1/customobject?objectname=orders"

    def check(self, moved: Served) -> None:
        """A moved store answers as the origin did, and works with its secrets."""
        for path, answer in self.looks.items():
            assert moved.ok("GET", path) == answer, path
        for cursor in (self.cursor, moved.ok("GET", SIX_LOGINS)["Next"]):
            assert self._second_page(moved, cursor) == self.second_page
        assert moved.call("GET", "/v2/manage/webhooks", headers={"Authorization": f"Bearer {self.token}"})[0] == 200
        stored = moved.ok("GET", "/v2/manage/events?subject=given")
        assert moved.ok("POST", "/v2/events", self.given)["Data"][0]["Id"] == self.given["Id"]
        assert moved.ok("GET", "/v2/manage/events?subject=given") == stored
        other = self.given | {"Data": {"Uid": "given", "FirstName": "Rosa"}}
        assert moved.call("POST", "/v2/events", other)[0] == 409

    def check_goes_on(self, moved: Served) -> None:
        """What is owed arrives, in order and signed; changes the store."""
        before = len(self.world.at("/good"))
        new = moved.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "new"}})["Data"][0]["Id"]
        (request,) = until(lambda: self.world.at("/good")[before:])
        assert request.id == new
        assert request.headers["signature"] == loginradius_signature(SIGNING, request.body)
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        newest = moved.ok("GET", "/v2/manage/events?limit=1")["Data"][0]["Id"]
        assert newest == new  # its place is above all that were given before
        self.world.healed = True
        before = len(self.world.at("/ordered"))
        more = {"Event": "UpdateProfile", "Data": {"Uid": ORDERED, "NoOfLogins": 4}}
        last = moved.ok("POST", "/v2/events", more)["Data"][0]["Id"]
        waiting = moved.ok("GET", f"/v2/manage/deliveries?state=waiting&subject={ORDERED}")["Data"]
        assert len(waiting) == 5
        moved.ok("POST", f"/v2/manage/deliveries/{waiting[-1]['Id']}/resend")
        until(lambda: len(self.world.at("/ordered")) == before + 5)
        assert [request.id for request in self.world.at("/ordered")[before:]] == [*self.ordered, last]


def crowd(path: Path, webhook: str, events: int, owed: int) -> list[str]:
    """Add delivered events of the last days to a store nobody serves, and the last `owed` of them still owed to
    `webhook`; returns their ids."""
    connection = apsw.Connection(str(path))
    tenant = connection.execute("SELECT number FROM tenant").get
    now = time.time_ns() // 1_000_000
    start = now - SPREAD_DAYS * DAY
    made = []
    for number in range(events):
        at = start + (now - start) * number // events
        seed = number.to_bytes(5)
        made.append((at, uuid7(at, b"event" + seed), uuid7(at, b"deliv" + seed)))
    bodies = (
        json.dumps(
            {"HookName": "resetpassword", "HookId": event, "Data": {"Uid": f"u{at}"}, "Time": iso(at)}
        ).encode()
        for at, event, _ in made
    )
    ended, rest = made[: events - owed], made[events - owed :]
    with connection:
        connection.executemany(
            "INSERT INTO event (tenant, id, type, subject, time, accepted, body, fingerprint, book)"
            " VALUES (?, ?, 'ResetPassword', ?, ?, ?, ?, zeroblob(16), 1)",
            ((tenant, event, f"u{at}", at, at, body) for (at, event, _), body in zip(made, bodies, strict=True)),
        )
        connection.executemany(
            "INSERT INTO ledger (tenant, at, line, event, delivery, webhook, webhook_name, type, subject, created,"
            " attempts, status) VALUES (?, ?, 'delivered', ?, ?, ?, 'late', 'ResetPassword', ?, ?, 1, 200)",
            ((tenant, at, event, own, webhook, f"u{at}", at) for at, event, own in ended),
        )
        connection.executemany(
            "INSERT INTO queue (id, tenant, webhook, event, type, subject, attempts, created, due)"
            " VALUES (?, ?, ?, ?, 'ResetPassword', ?, 0, ?, ?)",
            ((own, tenant, webhook, event, f"u{at}", at, at) for at, event, own in rest),
        )
    connection.close()
    return [event for _, event, _ in rest]
