"""Operations, targets, envelopes: the pure rules."""

import json

import pytest

from outrider.domain.envelope import envelope, modified_fields
from outrider.domain.errors import InvalidField
from outrider.domain.ids import is_uuid, uuid7
from outrider.domain.model import SkipReason
from outrider.domain.operation import Happening, skips
from outrider.domain.target import check_headers, check_target_url, shown_url, with_query


def happening(identity: str, kind: str, organization: str | None = "o", *, partner: bool = True) -> Happening:
    return Happening(identity, kind, partner, organization)


def test_a_deleted_organization_absorbs_only_its_own() -> None:
    found = skips(
        [
            happening("1", "OrgConnectionDeleted"),
            happening("2", "OrgDeleted"),
            happening("3", "OrgMembershipDeleted", "another"),
            happening("4", "OrgConnectionDeleted", None),
            happening("5", "Login", None, partner=False),
        ],
        bulk=False,
        prevented=False,
    )
    assert {i: s.reason for i, s in found.items()} == {"1": SkipReason.ABSORBED, "4": SkipReason.ABSORBED}


def test_with_two_deletions_an_unknown_organization_is_not_guessed() -> None:
    events = [
        happening("1", "OrgDeleted", "a"),
        happening("2", "OrgDeleted", "b"),
        happening("3", "OrgRoleDeleted", None),
    ]
    assert skips(events, bulk=False, prevented=False) == {}


def test_bulk_skips_partner_iam_and_nothing_else() -> None:
    found = skips(
        [happening("1", "OrgDeleted"), happening("2", "Login", None, partner=False)], bulk=True, prevented=False
    )
    assert {i: s.reason for i, s in found.items()} == {"1": SkipReason.BULK}


def test_prevention_comes_first() -> None:
    found = skips(
        [happening("1", "OrgDeleted"), happening("2", "Login", None, partner=False)], bulk=True, prevented=True
    )
    assert {s.reason for s in found.values()} == {SkipReason.PREVENTED}
    assert set(found) == {"1", "2"}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com", "https://", "https:///path", "https://u:p@example.com/",
        "https://example.com/#f", "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/",
        "https://example.com/\r\nx", "", "example.com", "https://example.com/" + "a" * 3000, "https://[::1",
    ],
)  # fmt: skip
def test_targets_that_cannot_be_called_are_refused(url: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_target_url(url)
    assert refused.value.field == "TargetUrl"


@pytest.mark.parametrize(
    "name",
    [
        "Host", "content-length", "Signature", "WEBHOOK-ID", "webhook-signature", "request-id", "Authorization",
        "Transfer-Encoding", "Connection", "User-Agent", "", "a b", "a:b", "a\r\nb", "ü",
    ],
)  # fmt: skip
def test_header_names_that_forge_or_break_are_refused(name: str) -> None:
    with pytest.raises(InvalidField):
        check_headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "\x00", " lead", "trail ", "ü"])
def test_header_values_that_break_are_refused(value: str) -> None:
    with pytest.raises(InvalidField):
        check_headers({"x-ok": value})


def test_a_header_named_twice_is_refused() -> None:
    with pytest.raises(InvalidField):
        check_headers({"X-A": "1", "x-a": "2"})


def test_query_parameters_merge_into_the_url() -> None:
    assert (
        with_query("https://a.example/x?a=1&b=2", {"b": "3 4", "c": "&"}) == "https://a.example/x?a=1&b=3%204&c=%26"
    )
    assert with_query("https://a.example", {"a": "1"}) == "https://a.example/?a=1"
    assert with_query("https://a.example/?q", None) == "https://a.example/?q"
    assert "secret" not in shown_url("https://a.example/x?token=secret")


def test_the_envelope_keeps_the_producers_bytes() -> None:
    data = b'{"b": 1.50, "a":null}'
    body = envelope("SetPIN", "id", data, 1_700_000_000_123, ("Email",))
    assert data in body
    assert list(json.loads(body)) == ["HookName", "HookId", "Data", "Time", "ModifiedFields"]
    assert json.loads(body)["HookName"] == "setpin"
    assert json.loads(body)["Time"] == "2023-11-14T22:13:20.123Z"


def test_modified_fields_never_name_secrets() -> None:
    before = {"Uid": "1", "Password": "a", "Access_Token": 1, "Email": [1], "Gone": 1, "Same": None}
    after = {"Uid": "1", "Password": "b", "Access_Token": 2, "Email": [2], "New": 1}
    assert modified_fields(before, after) == ("Email", "New", "Gone")


def test_modified_fields_say_that_what_the_rule_masks_changed() -> None:
    before = {"SecurityAnswer": "a", "ProviderAccessCredential": {"AccessToken": "a"}, "NewPassword": "same"}
    after = {"SecurityAnswer": "b", "ProviderAccessCredential": {"AccessToken": "b"}, "NewPassword": "same"}
    assert modified_fields(before, after) == ("SecurityAnswer", "ProviderAccessCredential")


def test_ids_sort_by_time() -> None:
    early, late = uuid7(1_000, b"\xff" * 10), uuid7(1_001, b"\x00" * 10)
    assert early < late
    assert is_uuid(early)
    assert early[14] == "7"
