"""Generated requests to a served Outrider, with valid credentials: nothing but documented answers, never our fault,
and nothing accepted that the document forbids.

`SCHEMATHESIS_CASES` is the least number of cases, 2,000 when absent. They are the same in every run, unless
`SCHEMATHESIS_SEED=random`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from harness import API_KEY, API_SECRET
from openapi import seeds
from openapi.conftest import Enclosed
from outrider.api.app import bare_app
from outrider.api.openapi.document import document, encoded
from outrider.app.fields import OBJECT_NAME_PATTERN, UID_PATTERN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.stores("sqlite")]
CASES = int(os.environ.get("SCHEMATHESIS_CASES", "2000"))
RANDOM = os.environ.get("SCHEMATHESIS_SEED") == "random"
AT_INTAKE = 2  # times as many as at another call: this door is always open; payloads take long to make
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
    allow_header_conformance,
]
KNOWN = {
    "webhook_id": [seeds.WEBHOOK],
    "event_id": [seeds.ARRIVED, seeds.LOST, seeds.SKIPPED],
    "delivery_id": [seeds.DELIVERED, seeds.EXHAUSTED],
    "job_id": [seeds.JOB, seeds.CANCELLED_JOB],
    "name": [*seeds.KEPT_SECRETS, "Login"],
    "uid": [seeds.UID],
    "record_id": [seeds.RECORD],
}
DELETED = KNOWN | {
    "webhook_id": [seeds.OTHER_WEBHOOK],
    "key_id": [seeds.KEY],
    "name": [seeds.UNUSED, seeds.USED],
    "record_id": [seeds.OTHER_RECORD],
}
SETTINGS = "/v2/manage/settings"
DOCUMENT = msgspec.json.decode(encoded(document(bare_app())))
CONFIG = {"generation": {"with-security-parameters": False}} | ({} if RANDOM else {"seed": 1})
# A profile has 150 fields: going through them one by one would take most of the time.
OF_INTAKE = CONFIG | {"phases": {"coverage": {"enabled": False}}}
intake = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(OF_INTAKE))
api = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))
LABELS = {operation.ok().label for operation in api.get_all_operations()}
sent: Counter[tuple[str, int]] = Counter()


def _settings(cases: int) -> settings:
    return settings(
        max_examples=cases,
        deadline=None,
        derandomize=not RANDOM,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@api.hook
def flatmap_path_parameters(context: schemathesis.HookContext, generated: dict[str, Any] | None) -> Any:
    """Half the time what there is: made-up ids get no further than 404. Uids meant to be wrong stay so."""
    known = DELETED if context.operation.method == "delete" else KNOWN
    names = [name for name in generated or {} if name in known]
    if not names or not _fits(UID_PATTERN, generated.get("uid", seeds.UID)):
        return st.just(generated)
    found = st.fixed_dictionaries({name: st.sampled_from(known[name]) for name in names})
    return st.one_of(st.just(generated), found.map(lambda values: generated | values))


@api.hook
def flatmap_query(_: schemathesis.HookContext, generated: dict[str, Any] | None) -> Any:
    if not isinstance(generated, dict) or not _fits(OBJECT_NAME_PATTERN, generated.get("objectname")):
        return st.just(generated)
    return st.sampled_from([generated, generated | {"objectname": seeds.OBJECT}])


def _fits(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.search(pattern, value) is not None


@api.hook
def flatmap_body(context: schemathesis.HookContext, generated: Any) -> Any:
    if context.operation.label == "DELETE /api/v2/webhook":
        return st.sampled_from([generated, dict(seeds.SUBSCRIPTION)])
    if not isinstance(generated, dict) or not _fits(r"^.{0,24}$", generated.get("WebhookId")):
        return st.just(generated)  # with a known id, what is wrong would be right
    return st.sampled_from([generated, generated | {"WebhookId": seeds.WEBHOOK}])


@pytest.fixture(scope="module")
def served(enclosed: Callable[[], Enclosed]) -> Iterator[tuple[str, requests.Session]]:
    outrider = enclosed()
    assert outrider.call("GET", "/openapi.json", headers={})[1] == DOCUMENT
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET})
        yield outrider.url, session
    log = (outrider.folder / "log").read_text()
    assert "answered 500" not in log
    assert "internal error" not in log


def _send(case: schemathesis.Case, served: tuple[str, requests.Session]) -> None:
    url, session = served
    answer = case.call_and_validate(base_url=url, session=session, checks=CHECKS, timeout=30)
    sent[case.operation.label, answer.status_code] += 1
    if case.path == SETTINGS and answer.request.method == "PUT" and answer.status_code == 200:
        # Limits that were set would answer for every call after this one.
        cleared = session.put(url + SETTINGS, json=dict.fromkeys(answer.json()), timeout=30)
        assert cleared.status_code == 200, cleared.text


@intake.include(tag="Intake").parametrize()
@_settings(AT_INTAKE * ceil(CASES / len(LABELS)))
def test_intake_answers_as_documented(case: schemathesis.Case, served: tuple[str, requests.Session]) -> None:
    _send(case, served)


@api.exclude(tag="Intake").exclude(operation_id="unsubscribeUrl").parametrize()
@_settings(ceil(CASES / len(LABELS)))
def test_every_answer_is_documented(case: schemathesis.Case, served: tuple[str, requests.Session]) -> None:
    _send(case, served)


@api.include(operation_id="unsubscribeUrl").parametrize()
@_settings(ceil(CASES / len(LABELS)))
def test_what_takes_webhooks_from_the_others_comes_last(
    case: schemathesis.Case, served: tuple[str, requests.Session]
) -> None:
    _send(case, served)


def test_there_were_enough_and_some_succeeded() -> None:
    assert sum(sent.values()) >= CASES, sent
    succeeded = {label for (label, status), _ in sent.items() if status in (200, 202)}
    assert succeeded == LABELS, sent
