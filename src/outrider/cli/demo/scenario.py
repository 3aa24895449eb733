"""What the demo configures and sends, all through the public API."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from outrider import catalog
from outrider.catalog import Family
from outrider.cli.client import Client

SECRET_NAME = "demo"  # noqa: S105 - a name, not a value
BEARER = "demo-bearer-token"
BASIC = ("demo", "demo-password")
HEADER = "kept"
QUERY = "demo"
FLAKY_FAILURES = 2
CONNECTIONS, MEMBERSHIPS = 5, 3

BASIC_VALUE = "Basic " + b64encode(":".join(BASIC).encode()).decode()
LANES: dict[str, dict[str, Any]] = {
    "/ciam": {"authorization": f"Bearer {BEARER}", "header": HEADER, "query": None, "failures": 0},
    "/partner": {"authorization": BASIC_VALUE, "header": None, "query": QUERY, "failures": 0},
    "/system": {"authorization": None, "header": None, "query": None, "failures": 0},
    "/flaky": {"authorization": None, "header": None, "query": None, "failures": FLAKY_FAILURES},
}


def create_secret(client: Client) -> str:
    """The value the receiver verifies with."""
    value: str = client.call("POST", "/v2/manage/secrets", {"Name": SECRET_NAME})["Value"]
    return value


def create_webhooks(client: Client, port: int) -> None:
    """One webhook per family, each with another authentication, and one whose receiver fails at first."""
    bearer = {"AuthType": "Bearer", "BearerToken": {"Token": BEARER}}
    basic = {"AuthType": "Basic", "BasicAuth": {"Username": BASIC[0], "Password": BASIC[1]}}
    webhooks: list[dict[str, Any]] = [
        {
            "Name": "ciam",
            "Events": catalog.names(Family.CIAM),
            "Authentication": bearer,
            "Headers": {"X-Demo": HEADER},
        },
        {
            "Name": "partner",
            "Events": catalog.names(Family.PARTNER_IAM),
            "Authentication": basic,
            "QueryParams": {"source": QUERY},
        },
        {"Name": "system", "Events": catalog.names(Family.SYSTEM)},
        {"Name": "flaky", "Events": ["Login"]},
    ]
    for webhook in webhooks:
        target = f"https://localhost:{port}/{webhook['Name']}"
        client.call("POST", "/v2/manage/webhooks", webhook | {"TargetUrl": target, "SecretName": SECRET_NAME})


def send_samples(client: Client) -> list[str]:
    """One of each CIAM and Partner IAM event; their ids."""
    names = catalog.names(Family.CIAM, Family.PARTNER_IAM)
    events = [{"Event": name, "Data": _sample(name)} for name in names]
    return [accepted["Id"] for accepted in client.call("POST", "/v2/events", events)["Data"]]


def send_deletion(client: Client) -> list[str]:
    """One operation: an organization is deleted with its connections and memberships; ids, OrgDeleted first."""
    organization = _sample("OrgDeleted")
    org_id = organization["Id"]
    children = [
        {
            "Event": "OrgConnectionDeleted",
            "Subject": org_id,
            "Data": _sample("OrgConnectionDeleted") | {"Id": f"conn_{n}"},
        }
        for n in range(CONNECTIONS)
    ] + [
        {
            "Event": "OrgMembershipDeleted",
            "Data": _sample("OrgMembershipDeleted") | {"OrgId": org_id, "Uid": f"uid{n}"},
        }
        for n in range(MEMBERSHIPS)
    ]
    operation = {"Events": [{"Event": "OrgDeleted", "Data": organization}, *children]}
    return [accepted["Id"] for accepted in client.call("POST", "/v2/operations", operation)["Data"]]


def rotate_spare_secret(client: Client) -> None:
    """Raises a System event, SecretRotated, without touching the secret the receiver verifies with."""
    client.call("POST", "/v2/manage/secrets", {"Name": "spare"})
    client.call("POST", "/v2/manage/secrets/spare/rotate", {"OverlapHours": 1})


def _sample(name: str) -> dict[str, Any]:
    kind = catalog.find(name)
    if kind is None:
        raise LookupError(name)
    return dict(kind.sample())
