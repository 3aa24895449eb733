"""What the examples of the document speak of, under the ids they use: planted before Outrider is served."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.app.secrets import SecretInput
from outrider.config import read_config
from outrider.domain.clock import parse_iso
from outrider.domain.custom_object import CustomObject, ObjectChange
from outrider.domain.delivery import Line, Step
from outrider.domain.envelope import envelope
from outrider.domain.fanout import owe
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Acceptance, ApiKey, Delivery, Event, Skip, SkipReason, Webhook
from outrider.ports.queue import AttemptRecord, Settlement
from outrider.ports.sender import Timing
from outrider.wiring import Outrider, build

NOON = parse_iso("2026-05-20T12:00:00Z", "")
WEBHOOK, OTHER_WEBHOOK = "6a12f0b04c1d9e7f3a5b8c20", "6a12f0b04c1d9e7f3a5b8c21"
KEY = "6a12f0b04c1d9e7f3a5b8c30"
ARRIVED, LOST, SKIPPED = (f"019e4f2a-7b1c-7a11-9c22-3d4e5f60718{n}" for n in (2, 3, 4))
DELIVERED, EXHAUSTED = (f"019e4f2a-7b1c-7d3e-8f40-5a6b7c8d9e0{n}" for n in ("f", "e"))
JOB, CANCELLED_JOB = (f"019e4f2b-0c2d-7e3f-8a4b-5c6d7e8f9a0{n}" for n in (1, 2))
KEPT_SECRETS, USED, UNUSED = ("crm",), "erp", "old"
UID, OBJECT = "0b9fa1d2c57e4c0e8a86c1d1f0a7b3e4", "orders"
RECORD, OTHER_RECORD = "6a12f0b04c1d9e7f3a5b8c50", "6a12f0b04c1d9e7f3a5b8c51"
SUBSCRIPTION = {"TargetUrl": "https://crm.example.com/hooks", "Event": "UpdateProfile"}


def plant(environment: Mapping[str, str]) -> None:
    asyncio.run(_plant(environment))


async def _plant(environment: Mapping[str, str]) -> None:
    outrider = await build(read_config({k: v for k, v in environment.items() if k.startswith("OUTRIDER_")}))
    database = outrider.store
    (book,) = await database.book.tenants()
    tenant = book.tenant.id
    webhooks = [
        _webhook(tenant, WEBHOOK, "crm", ("Login", "UpdateProfile"), ""),
        _webhook(tenant, OTHER_WEBHOOK, "erp", ("OrgCreated",), USED),
    ]
    for version, webhook in enumerate(webhooks, book.version):
        await database.book.save_webhook(webhook, version)
    key = ApiKey(KEY, tenant, "crm import", ("events:write",), "0" * 64, NOON)
    await database.book.save_key(key, book.version + 2)
    for name in (*KEPT_SECRETS, USED, UNUSED):
        await outrider.services.secrets.create(tenant, SecretInput(Name=name))
    await _events(outrider, tenant, webhooks[0])
    await _jobs(outrider, tenant)
    await _records(outrider, tenant)
    await database.close()


def _webhook(tenant: str, identity: str, name: str, events: tuple[str, ...], secret: str) -> Webhook:
    return Webhook(
        id=identity,
        tenant=tenant,
        name=name,
        events=events,
        target_url=f"https://{name}.example.com/hooks",
        secret=secret,
        authentication=None,
        headers=None,
        query_params=None,
        created=NOON,
        modified=NOON,
    )


async def _events(outrider: Outrider, tenant: str, webhook: Webhook) -> None:
    """One event that arrived, one whose delivery is exhausted, one that was skipped."""
    queue = outrider.store.queue
    events = tuple(_event(tenant, identity, n) for n, identity in enumerate((ARRIVED, LOST, SKIPPED)))
    deliveries = (owe(events[0], webhook, DELIVERED), owe(events[1], webhook, EXHAUSTED))
    version = (await outrider.store.book.tenants())[0].version
    await queue.accept(
        Acceptance(
            tenant=tenant,
            book_version=version,
            events=events,
            deliveries=deliveries,
            skips=(Skip(SKIPPED, SkipReason.PREVENTED, "the producer asked for it"),),
            leased=frozenset({DELIVERED, EXHAUSTED}),
        )
    )
    await queue.settle(
        [
            _settlement(deliveries[0], Line.DELIVERED, 200, b'{"ok":true}'),
            _settlement(deliveries[1], Line.EXHAUSTED, 500, b"out of order"),
        ]
    )


def _event(tenant: str, identity: str, number: int) -> Event:
    at = NOON + number * 1000
    body = envelope("Login", identity, b'{"Uid":"u1","FirstName":"Rosa"}', at)
    return Event(identity, tenant, "Login", "u1", None, at, at, body, b"")


def _settlement(delivery: Delivery, line: Line, status: int, answer: bytes) -> Settlement:
    attempt = AttemptRecord(
        number=1,
        started=delivery.created + 2,
        url="https://crm.example.com/hooks",
        request_headers=(("content-type", "application/json; charset=utf-8"), ("webhook-id", delivery.event)),
        status=status,
        error=None,
        detail=None,
        answer=answer,
        answer_cut=False,
        timing=Timing(0.4, 0.9, 3.1, 12.5, 0.1, 17.0),
    )
    return Settlement(delivery, Step(line, 1, None), delivery.created + 19, f"status {status}", attempt)


async def _jobs(outrider: Outrider, tenant: str) -> None:
    selection = Selection(JobKind.REPLAY, tenant, WEBHOOK, NOON, None, ("Login",))
    done = Job(JOB, selection, 0, 3, 3, NOON, 2, JobState.DONE, NOON + 500)
    cancelled: dict[str, Any] = {
        "id": CANCELLED_JOB,
        "state": JobState.CANCELLED,
        "reason": "cancelled by its owner",
    }
    for job in (done, msgspec.structs.replace(done, place=1, made=0, **cancelled)):
        await outrider.store.jobs.add(job)


async def _records(outrider: Outrider, tenant: str) -> None:
    """Two records, whose events are long gone."""
    version = (await outrider.store.book.tenants())[0].version
    for number, identity in enumerate((RECORD, OTHER_RECORD)):
        at = NOON + number * 1000
        blank = CustomObject(identity, tenant, UID, OBJECT, b"", at, at, 1)
        content = b'{"Number":"2026-004%d","Total":129.9}' % (number + 2)
        change = ObjectChange(outrider.services.objects._sealed(blank, content))
        await outrider.store.queue.accept(Acceptance(tenant, version, (), (), (), objects=(change,)))
