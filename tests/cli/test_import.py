"""`outrider import loginradius` from a served Outrider playing the site, and from one with LoginRadius' quirks."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from cli.fakesite import Answer, FakeSite, error, listing
from harness import API_KEY, API_SECRET, Receiver, Served, outrider, until

pytestmark = pytest.mark.slow

HOOKS = "/v2/manage/webhooks"
KEY, SECRET = "site-api-key", "site-api-secret"


def imported(
    into: Served, host: str, *options: str, key: str = KEY, secret: str = API_SECRET, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """The command's end; whatever it says, it says no credential."""
    environment = {
        "OUTRIDER_URL": into.url, "OUTRIDER_API_KEY": API_KEY, "OUTRIDER_API_SECRET": API_SECRET,
        "LOGINRADIUS_API_KEY": key, "LOGINRADIUS_API_SECRET": secret,
    } | settings  # fmt: skip
    done = outrider("import", "loginradius", "--host", host, *options, **environment)
    for said in (done.stdout, done.stderr):
        assert b"Traceback" not in said, said
        assert secret.encode() not in said
        assert key.encode() not in said
    return done


@pytest.fixture
def into(tmp_path: Path, authority: tuple[Path, Path]) -> Iterator[Served]:
    """The Outrider that is moved into, empty."""
    folder = tmp_path / "into"
    folder.mkdir()
    served = Served(folder, OUTRIDER_EGRESS_CA_FILE=str(authority[0])).start()
    yield served
    served.stop()


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeSite]]:
    """Starts sites that answer with what they are given, the last answer again and again."""
    started: list[FakeSite] = []

    def start(*answers: Answer, only: str | None = None) -> FakeSite:
        left = list(answers)

        def answer(path: str) -> Answer:
            if only is not None and path != only:
                return error(404, 900, "Not found")
            return left.pop(0) if len(left) > 1 else left[0]

        started.append(FakeSite(answer))
        return started[-1]

    yield start
    for site in started:
        site.close()


def theirs(**fields: Any) -> dict[str, Any]:
    return {
        "Id": "62218e79349528401107cdf4", "TargetUrl": "https://crm.example.com/h", "Event": "login", "Name": "crm",
        "SecretName": "", "CreatedDate": "2025-01-01T00:00:00.000Z", "IsIntegrationWebhook": False,
        "LastModifiedDate": "2025-01-01T00:00:00.000Z", "Headers": None, "QueryParams": None,
        "Authentication": None,
    } | fields  # fmt: skip


SITE_WEBHOOKS: list[dict[str, Any]] = [
    {"Name": "plain", "Event": "Login", "TargetUrl": "https://a.example.com/"},
    {"Name": "again", "Event": "Login", "TargetUrl": "https://a.example.com/"},
    {"Name": "added", "Event": "SetPIN", "TargetUrl": "https://a.example.com/?token=in-the-url",
     "Headers": {"X-Team": "blue", "X-Token": "in-a-header"}, "QueryParams": {"q": "in-a-parameter"}},
    {"Name": "basic", "Event": "Register", "TargetUrl": "https://b.example.com/",
     "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "site-password"}}},
    {"Name": "bearer", "Event": "OrgDeleted", "TargetUrl": "https://b.example.com/",
     "Authentication": {"AuthType": "Bearer", "BearerToken": {"Token": "site-token"}}},
    {"Name": "secret here", "Event": "Login", "TargetUrl": "https://c.example.com/", "SecretName": "shared"},
    {"Name": "secret not here", "Event": "Login", "TargetUrl": "https://d.example.com/", "SecretName": "partners"},
    {"Event": "Login", "TargetUrl": "https://e.example.com/"},
    {"Name": "Taken", "Event": "Login", "TargetUrl": "https://f.example.com/"},
]  # fmt: skip
COMPARED = ("Event", "TargetUrl", "Name", "SecretName", "IsIntegrationWebhook", "Headers", "QueryParams",
            "Authentication")  # fmt: skip


def test_everything_moves_once_and_both_sides_list_the_same(
    into: Served, tmp_path: Path, authority: tuple[Path, Path]
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    ca, cert = map(str, authority)
    credentials = {"OUTRIDER_BOOTSTRAP_API_KEY": API_KEY, "OUTRIDER_BOOTSTRAP_API_SECRET": API_SECRET}
    site = Served(folder, ca=authority[0], OUTRIDER_TLS_CERT_FILE=cert, **credentials).start()
    try:
        for name in ("shared", "partners"):
            site.ok("POST", "/v2/manage/secrets", {"Name": name, "Value": "a-value-of-the-site"})
        for webhook in SITE_WEBHOOKS:
            site.ok("POST", HOOKS, webhook)
        into.ok("POST", "/v2/manage/secrets", {"Name": "shared", "Value": "a-value-of-the-site"})
        into.ok("POST", HOOKS, {"Name": "taken", "Event": "SetPIN", "TargetUrl": "https://z.example.com/"})
        options = ("--ca-file", ca)

        shown = imported(into, site.url, *options, key=API_KEY)
        assert shown.returncode == 3, shown.stderr
        assert b"Nothing was created; --create does it." in shown.stdout
        assert len(into.ok("GET", HOOKS)["Data"]) == 1

        made = imported(into, site.url, *options, "--create", key=API_KEY)
        assert made.returncode == 3, made.stderr
        for said in (shown, made):
            assert not any(word in said.stdout for word in (b"in-the-url", b"in-a-header", b"in-a-parameter"))
        before, after = site.ok("GET", HOOKS)["Data"], into.ok("GET", HOOKS)["Data"][1:]
        expected = [{field: webhook[field] for field in COMPARED} for webhook in before]
        expected[6]["SecretName"] = ""  # a human adds it
        expected[7]["Name"] = "Login-e-example-com"
        expected[8]["Name"] = "Taken-2"
        assert [{field: webhook[field] for field in COMPARED} for webhook in after] == expected
        waiting = [webhook["Name"] for webhook in after if not webhook["Enabled"]]
        assert waiting == ["added", "basic", "bearer", "secret not here"]
        assert all(webhook["Id"].encode() in made.stdout for webhook in after if not webhook["Enabled"])

        again = imported(into, site.url, *options, "--create", "--json", key=API_KEY)
        assert again.returncode == 3
        assert into.ok("GET", HOOKS)["Data"][1:] == after
        told = json.loads(again.stdout)
        assert {step["Action"] for step in told["Data"]} == {"already here"}
        assert told["ForHuman"] == 4

        into.ok("POST", "/v2/manage/secrets", {"Name": "partners", "Value": "a-value-of-the-site"})
        for step in told["Data"]:
            if step["ForHuman"]:
                filled = re.sub("<[A-Za-z-]+>", "real", json.dumps(step["Update"]))
                into.ok("PUT", f"{HOOKS}/{step['Id']}", json.loads(filled))
        done = imported(into, site.url, *options, "--create", key=API_KEY)
        assert (done.returncode, len(into.ok("GET", HOOKS)["Data"])) == (0, 10), done.stdout
        assert all(webhook["Enabled"] for webhook in into.ok("GET", HOOKS)["Data"])

        distrusted = imported(into, site.url, key=API_KEY)
        assert (distrusted.returncode, b"--ca-file" in distrusted.stderr) == (1, True), distrusted.stderr
        wrong = imported(into, site.url, *options, key="wrong-api-key")
        assert (wrong.returncode, b"The API key is unauthorized (901)" in wrong.stderr) == (1, True), wrong.stderr
    finally:
        site.stop()


def test_no_request_goes_without_its_credential_and_none_of_the_backlog_is_lost(
    into: Served, fake: Callable[..., FakeSite], receive: Callable[..., Receiver]
) -> None:
    receiver = receive()
    basic = {"AuthType": "Basic", "BasicAuth": {"Username": "crm", "Password": ""}}
    site = fake(listing(theirs(TargetUrl=receiver.url(), Authentication=basic)))
    done = imported(into, site.url, "--create", "--json")
    (step,) = json.loads(done.stdout)["Data"]
    assert (done.returncode, step["Action"]) == (3, "created disabled")
    event = into.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})["Data"][0]["Id"]
    (owed,) = into.ok("GET", f"/v2/manage/deliveries?eventid={event}")["Data"]
    assert (owed["State"], receiver.requests) == ("waiting", [])

    resumed_too_early = into.ok("POST", f"{HOOKS}/{step['Id']}/resume")
    assert resumed_too_early["Enabled"]
    (early,) = until(lambda: receiver.requests)
    assert early.headers["authorization"].startswith("Basic ")  # of a password nobody knows

    into.ok("PUT", f"{HOOKS}/{step['Id']}", json.loads(json.dumps(step["Update"]).replace("<password>", "real")))
    into.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    late = until(lambda: receiver.requests[1:])[0]
    assert late.headers["authorization"] == "Basic Y3JtOnJlYWw="
    assert late.headers["authorization"] != early.headers["authorization"]


def test_loginradius_quirks(into: Served, fake: Callable[..., FakeSite]) -> None:
    site = fake(
        listing(
            theirs(Event="emailverification", Name="", Surprise="?"),
            theirs(Event="updatecustomobject", Name="\x1b[31mred"),
            theirs(Event="setpin", IsIntegrationWebhook=True, TargetUrl="https://sqs.example.com/1"),
            theirs(Event="logout"),
            theirs(TargetUrl="http://crm.example.com/"),
            theirs(Headers={"Authorization": "in-a-header"}),
        ),
        only="/v2/manage/webhook",
    )
    done = imported(into, site.url, "--create")
    text = done.stdout.decode()
    assert done.returncode == 3, done.stderr
    assert [path for path, _ in site.asked] == [HOOKS, "/v2/manage/webhook"]
    assert site.asked[0][1]["x-loginradius-apikey"] == KEY
    assert site.asked[0][1]["x-loginradius-apisecret"] == API_SECRET
    found = [(webhook["Event"], webhook["Name"]) for webhook in into.ok("GET", HOOKS)["Data"]]
    assert found == [("EmailVerification", "EmailVerification-crm-example-com")]
    for said in ("Surprise", "connector", "no event type 'logout'", "an https URL", "Headers.Authorization",
                 "Name: expected at most 128 characters, no control characters", "1 created", "4 not possible",
                 "1 skip"):  # fmt: skip
        assert said in text, text
    assert "in-a-header" not in text
    assert "\x1b" not in text
    assert imported(into, site.url, "--create", "--with-connectors").returncode == 3
    assert [webhook["Event"] for webhook in into.ok("GET", HOOKS)["Data"]] == ["EmailVerification", "SetPIN"]


def test_limits_of_the_settings_are_foreseen_and_another_api_secret_is_told(
    into: Served, fake: Callable[..., FakeSite]
) -> None:
    into.ok("PUT", "/v2/manage/settings", {"UniqueTargetUrl": True, "CallsPerSecond": 1})
    site = fake(listing(theirs(), theirs(Name="other")))
    done = imported(into, site.url, "--create", secret=SECRET)
    text = done.stdout.decode()
    assert (done.returncode, "UniqueTargetUrl" in text, "1 created disabled, 1 not possible" in text) == (
        3,
        True,
        True,
    )
    assert b"Outrider has too many calls (429), waiting" in done.stderr
    assert "Outrider's differs" in text


def test_a_site_without_webhooks_leaves_nothing(into: Served, fake: Callable[..., FakeSite]) -> None:
    done = imported(into, fake(listing()).url)
    assert (done.returncode, b"nothing to move; 0 left for you" in done.stdout) == (0, True)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_it_waits_as_long_as_the_site_asks_and_goes_on(
    into: Served, fake: Callable[..., FakeSite], form: str
) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    busy = 429, {"retry-after": "1" if form == "seconds" else soon}, b"<html>busy</html>"
    site = fake(busy, busy, listing(theirs()))
    done = imported(into, site.url)
    assert (done.returncode, len(site.asked)) == (0, 3), done.stderr
    assert done.stderr.count(b"has too many calls (429), waiting") == 2


def test_it_does_not_wait_for_an_hour(into: Served, fake: Callable[..., FakeSite]) -> None:
    done = imported(into, fake((429, {"retry-after": "3600"}, b"")).url)
    assert (done.returncode, b"call again in 3600 s" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(403, 901, "The API key is unauthorized"), "answered 403: The API key is unauthorized (901)"),
        (error(401, 902, f"The API secret {SECRET}\x1b is unauthorized"), "answered 401: The API secret …? is"),
        ((401, {}, b'{"errorCode": 6002, "message": "Access Unauthorized"}'), "Access Unauthorized (6002)"),
        ((502, {"content-type": "text/html"}, b"<html>Bad gateway</html>"), "502 without LoginRadius' error body"),
        ((200, {"content-type": "text/html"}, b"<html>Hello</html>"), "200 with something other than JSON"),
        ((200, {}, b"\xff"), "200 with something other than JSON"),
        ((200, {}, b'{"Data": {}}'), "no list of webhooks"),
        ((200, {}, b"[]"), "no list of webhooks"),
        ((302, {"location": "https://elsewhere.example.com/"}, b""), "a redirect, which is not followed"),
    ],
)
def test_what_the_site_answers_otherwise_is_one_sentence(
    shared: Served, fake: Callable[..., FakeSite], answer: Answer, said: str
) -> None:
    site = fake(answer)
    done = imported(shared, site.url, "--create", secret=SECRET)
    assert (done.returncode, said in done.stderr.decode(), done.stdout) == (1, True, b""), done.stderr
    assert b"secret words" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(site.asked) == 1


def test_a_site_that_does_not_answer_or_is_no_site(shared: Served, fake: Callable[..., FakeSite]) -> None:
    site = fake(listing())
    site.slow = 2.0
    slow = imported(shared, site.url, "--timeout", "0.2")
    assert (slow.returncode, b"did not answer within 0.2 s" in slow.stderr) == (1, True), slow.stderr
    plain = imported(shared, site.url.replace("http:", "https:"), "--timeout", "5")
    assert (plain.returncode, b"no TLS with" in plain.stderr) == (1, True), plain.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    away = imported(shared, f"http://127.0.0.1:{port}")
    assert (away.returncode, b"cannot reach" in away.stderr) == (1, True), away.stderr


def test_what_is_asked_for_wrongly_is_said_before_anything_is_sent(
    shared: Served, fake: Callable[..., FakeSite], tmp_path: Path
) -> None:
    site = fake(listing())
    none = imported(shared, site.url, key="unused", LOGINRADIUS_API_KEY="")
    assert (none.returncode, b"LOGINRADIUS_API_KEY" in none.stderr) == (1, True)
    broken = imported(shared, site.url, secret="two\nlines")
    assert (broken.returncode, b"LOGINRADIUS_API_SECRET" in broken.stderr) == (1, True)
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("nothing")
    for options, said in (
        (("http://site.example.com",), b"expected https"),
        (("https://user:hidden@site.example.com",), b"without user info"),
        (("https://[",), b"expected a host name"),
        (("site.example.com", "--ca-file", str(no_pem)), b"expected certificates in PEM"),
    ):
        wrong = imported(shared, *options)
        assert (wrong.returncode, said in wrong.stderr, b"hidden" in wrong.stderr) == (2, True, False), wrong.stderr
    assert site.asked == []


def test_one_that_outrider_refuses_does_not_hold_up_the_rest(into: Served, fake: Callable[..., FakeSite]) -> None:
    site = fake(listing(theirs(Name="x" * 200), theirs(Name="good", Event="register")))
    done = imported(into, site.url, "--create")
    assert (done.returncode, b"1 not possible, 1 created" in done.stdout) == (3, True), done.stdout


def test_an_outage_ends_it_and_says_what_is_there(shared: Served, fake: Callable[..., FakeSite]) -> None:
    site = fake(listing(theirs(), theirs(Name="second", Event="register"), theirs(Name="third", Event="setpin")))
    away = imported(shared, site.url, "--create", OUTRIDER_URL="http://127.0.0.1:1")
    assert (away.returncode, b"is outrider serve running?" in away.stderr) == (1, True)

    settings = {"WebhooksPerEvent": 1000, "UniqueTargetUrl": False, "LoginRadiusNames": False}
    failing = fake(
        (200, {}, json.dumps(settings).encode()), listing(), listing(), (200, {}, b'{"Id": "made-before"}'),
        error(503, 7910, "Service temporarily unavailable"),
    )  # fmt: skip
    broken = imported(shared, site.url, "--create", OUTRIDER_URL=failing.url)
    assert broken.returncode == 1
    assert b"7910" in broken.stderr
    assert b"run it again to go on" in broken.stderr
    assert b"1 created, 2 create" in broken.stdout
    assert [path for path, _ in failing.asked[3:]] == [HOOKS, HOOKS]
