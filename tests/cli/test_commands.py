"""The command line against a served Outrider, and how it refuses to start."""

import json
import time
from pathlib import Path

import pytest

from harness import API_KEY, API_SECRET, Served, outrider
from outrider.domain.signing import loginradius_signature, standard_signature

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store


def client(served: Served) -> dict[str, str]:
    return {"OUTRIDER_URL": served.url, "OUTRIDER_API_KEY": API_KEY, "OUTRIDER_API_SECRET": API_SECRET}


def test_trigger_sends_samples_and_payloads(shared: Served) -> None:
    done = outrider("trigger", "setpin", "--json", "--count", "3", **client(shared))
    sent = json.loads(done.stdout)
    assert [one["Event"] for one in sent] == ["SetPIN"] * 3
    done = outrider("trigger", "Login", "--data", "-", stdin=b'{"Uid":"from-stdin"}', **client(shared))
    identity = done.stdout.decode().split()[0]
    assert shared.ok("GET", f"/v2/manage/events/{identity}")["Subject"] == "from-stdin"


def test_trigger_says_what_to_do(shared: Served) -> None:
    unknown = outrider("trigger", "Nope", **client(shared))
    assert (unknown.returncode, b"outrider events" in unknown.stderr) == (1, True)
    refused = outrider("trigger", "Login", "--data", "-", stdin=b"{}", **client(shared))
    assert b"Data.Uid" in refused.stderr
    away = outrider("trigger", "Login", **(client(shared) | {"OUTRIDER_URL": "http://127.0.0.1:1"}))
    assert b"is outrider serve running?" in away.stderr
    assert b"OUTRIDER_API_KEY" in outrider("trigger", "Login").stderr


def test_events_lists_the_catalogue_offline() -> None:
    assert len(outrider("events").stdout.splitlines()) == 48
    assert len(json.loads(outrider("events", "--json").stdout)) == 48
    assert json.loads(outrider("events", "orgdeleted").stdout)["Id"].startswith("org_")
    assert json.loads(outrider("events", "Login", "--schema").stdout)["title"] == "Login"


def test_keys_are_made_listed_and_revoked(shared: Served) -> None:
    made = outrider("keys", "create", "ci", "--scope", "events:write", **client(shared))
    identity, token = made.stdout.decode().split()[0], made.stdout.decode().split()[-1]
    bearer = {"Authorization": f"Bearer {token}"}
    event = {"Event": "Login", "Data": {"Uid": "u"}}
    assert shared.call("POST", "/v2/events", event, headers=bearer)[0] == 202
    listed = json.loads(outrider("keys", "list", "--json", **client(shared)).stdout)
    assert identity in {key["Id"] for key in listed}
    assert outrider("keys", "revoke", identity, **client(shared)).returncode == 0
    assert shared.call("POST", "/v2/events", event, headers=bearer)[0] == 401


def test_verify_accepts_the_genuine_and_nothing_else(tmp_path: Path) -> None:
    body, secret, now = b'{"HookName":"login"}', "a-signing-secret-of-ours", int(time.time())
    file = tmp_path / "body"
    file.write_bytes(body)
    headers = [
        f"Signature: {loginradius_signature(secret, body)}",
        "webhook-id: one",
        f"webhook-timestamp: {now}",
        f"webhook-signature: {standard_signature([secret], 'one', now, body)}",
    ]

    def verified(*changed: str, secret: str = secret) -> int:
        given = [argument for header in changed for argument in ("-H", header)]
        return outrider("verify", str(file), *given, OUTRIDER_SIGNING_SECRET=secret).returncode

    assert verified(*headers) == 0
    assert verified(headers[0]) == 0
    assert verified(*headers, secret="another-secret") == 1
    assert verified(headers[0], headers[1], "webhook-timestamp: 1", headers[3]) == 1
    assert verified("x-other: 1") == 1
    file.write_bytes(body + b" ")
    assert verified(headers[0]) == 1
    assert verified(*headers[1:]) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OUTRIDER_PORT", "http"),
        ("OUTRIDER_PORT", "70000"),
        ("OUTRIDER_STORE", "mysql://x"),
        ("OUTRIDER_STROE", "typo"),
        ("OUTRIDER_EGRESS_ALLOW", "everything"),
        ("OUTRIDER_EGRESS_CA_FILE", "missing.pem"),
        ("OUTRIDER_ROOT_KEY", "too-short"),
        ("OUTRIDER_BOOTSTRAP_API_SECRET", "with space"),
        ("OUTRIDER_RETRY_SCHEDULE_MS", "1,x"),
        ("OUTRIDER_TIMEOUT_MS", "1"),
        ("OUTRIDER_LOG_LEVEL", "LOUD"),
    ],
)
def test_settings_that_cannot_be_honoured_exit_78(tmp_path: Path, variable: str, value: str) -> None:
    settings = {"OUTRIDER_STORE": f"sqlite:///{tmp_path / 'a.db'}", "OUTRIDER_PORT": "0"} | {variable: value}
    done = outrider("serve", **settings)
    assert done.returncode == 78, done.stderr
    assert variable.encode() in done.stderr
    assert b"expected" in done.stderr
    assert b"given" in done.stderr


def test_a_taken_port_exits_78(shared: Served, tmp_path: Path) -> None:
    port = shared.url.rsplit(":", 1)[1]
    done = outrider("serve", OUTRIDER_STORE=f"sqlite:///{tmp_path / 'a.db'}", OUTRIDER_PORT=port)
    assert (done.returncode, b"OUTRIDER_PORT" in done.stderr) == (78, True)


def test_the_wrong_root_key_fails_closed(tmp_path: Path) -> None:
    served = Served(tmp_path).start()
    assert served.stop() == 0
    key = tmp_path / "outrider.rootkey"
    assert key.stat().st_mode & 0o777 == 0o600
    other = "A" * 43 + "="
    store = f"sqlite:///{tmp_path / 'outrider.db'}"
    done = outrider("serve", OUTRIDER_STORE=store, OUTRIDER_PORT="0", OUTRIDER_ROOT_KEY=other)
    assert (done.returncode, b"OUTRIDER_ROOT_KEY" in done.stderr) == (78, True)
    assert other.encode() not in done.stderr
    key.chmod(0o644)
    done = outrider("serve", OUTRIDER_STORE=store, OUTRIDER_PORT="0")
    assert (done.returncode, b"0600" in done.stderr) == (78, True)


def test_generated_credentials_are_shown_once(tmp_path: Path) -> None:
    none = {"OUTRIDER_BOOTSTRAP_API_KEY": "", "OUTRIDER_BOOTSTRAP_API_SECRET": ""}
    served = Served(tmp_path, **none).start()
    lines = [served.process.stdout.readline().split() for _ in range(3)]
    assert (lines[1][0], lines[2][0]) == ("apikey", "apisecret")
    query = f"?apikey={lines[1][1]}&apisecret={lines[2][1]}"
    assert served.call("GET", "/v2/manage/webhooks" + query, headers={})[0] == 200
    assert served.stop() == 0
    served.start()
    assert served.call("GET", "/v2/manage/webhooks" + query, headers={})[0] == 200
    served.process.terminate()
    assert served.process.stdout.read() == ""
    served.stop()


@pytest.mark.timeout(120)
def test_the_demo_proves_itself() -> None:
    done = outrider("demo", "--once")
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert "44 of 44 CIAM and Partner IAM events delivered" in text
    assert "failing receiver recovered on request 3" in text
    assert text.count("absorbed:") == 8
    assert "✗" not in text
