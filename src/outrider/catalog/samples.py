"""Realistic payloads: one base profile with what each event changes, and the entities of `data/`."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

from outrider.catalog.profile import BOOLEANS, INTEGERS, LISTS, OBJECTS, STRINGS
from outrider.domain.redaction import MASK

Variants = dict[str, dict[str, Any]]

_UID = "0b9fa1d2c57e4c0e8a86c1d1f0a7b3e4"
_WITH_IDENTITIES = frozenset(
    """Login Register UpdateProfile BlockAccount DeleteAccount LinkAccount UpdatePhoneId SetPIN ResetPIN ChangePIN
    ConsentProfileUpdate UpdateUid CreateTraditionalAccount""".split()
)
_MID_2019 = frozenset(
    ["InvalidateEmailVerification", "InvalidatePhoneVerification", "RemovePhoneId", "RemoveRoleContext"]
)
_GENERATION_2023 = frozenset(["SetPIN", "ResetPIN", "ChangePIN", "ConsentProfileUpdate"])

_KNOWN: dict[str, Any] = {
    "Password": MASK,
    "LastPasswordChangeDate": "2026-02-03T08:15:30.000Z",
    "UserName": "rosa.lindt",
    "PhoneId": "+4915112345678",
    "RegistrationProvider": "Email",
    "LastLoginLocation": "Hamburg, Germany",
    "RegistrationSource": "https://shop.example.com/register",
    "ID": "4d1a7f0e9c3b4b6fa2d85e7c6f1b0a93",
    "Provider": "Email",
    "FirstName": "Rosa",
    "LastName": "Lindt",
    "FullName": "Rosa Lindt",
    "BirthDate": "04-17-1989",
    "Gender": "F",
    "CreatedDate": "2026-01-12T10:02:11.000Z",
    "ModifiedDate": "2026-05-20T17:45:09.120Z",
    "SignupDate": "2026-01-12T10:02:11.000Z",
    "LastLoginDate": "2026-05-20T17:45:09.120Z",
    "EmailVerified": True,
    "IsActive": True,
    "IsDeleted": False,
    "IsEmailSubscribed": True,
    "PhoneIdVerified": True,
    "IsLoginLocked": False,
    "IsCustomUid": False,
    "IsSecurePassword": True,
    "IsRequiredFieldsFilledOnce": True,
    "FirstLogin": False,
    "IsProtected": False,
    "Hireable": False,
    "NoOfLogins": 12,
    "LoginLockedType": "None",
    "CustomFields": {"CustomerNumber": "K-20391"},
    "PrivacyPolicy": {"Version": "3", "AcceptSource": "web", "AcceptDateTime": "2026-01-12T10:02:11.000Z"},
    "Country": {"Code": "DE", "Name": "Germany"},
    "Email": [{"Type": "Primary", "Value": "rosa.lindt@example.com"}],
    "PhoneNumbers": [{"PhoneType": "Mobile", "PhoneNumber": "+4915112345678"}],
    "Addresses": [
        {
            "Type": "Home",
            "Address1": "Hafenstrasse 7",
            "Address2": None,
            "City": "Hamburg",
            "State": None,
            "PostalCode": "20457",
            "Region": None,
            "Country": "Germany",
        }
    ],
    "PreviousUids": [],
}
_CHANGES: dict[str, dict[str, Any]] = {
    "Register": {"EmailVerified": False, "NoOfLogins": 0, "LastLoginDate": None, "FirstLogin": True},
    "UpdateProfile": {"NickName": "Rosi", "City": "Hamburg"},
    "ResetPassword": {"LastPasswordChangeDate": "2026-05-20T17:45:09.120Z"},
    "ChangePassword": {"LastPasswordChangeDate": "2026-05-20T17:45:09.120Z"},
    "SetPassword": {"LastPasswordChangeDate": "2026-05-20T17:45:09.120Z"},
    "AddEmail": {
        "Email": [
            {"Type": "Primary", "Value": "rosa.lindt@example.com"},
            {"Type": "Work", "Value": "r.lindt@work.example.com"},
        ]
    },
    "BlockAccount": {"IsActive": False},
    "SetUsername": {"UserName": "rosa"},
    "UnlinkAccount": {"PreviousUids": ["6a3f1c9d2b8e4f70a1b2c3d4e5f60718"]},
    "UpdatePhoneId": {"PhoneId": "+4915187654321"},
    "InvalidateEmailVerification": {"EmailVerified": False},
    "InvalidatePhoneVerification": {"PhoneIdVerified": False},
    "RemovePhoneId": {"PhoneId": None, "PhoneIdVerified": False, "PhoneNumbers": None},
    "UpdateUid": {"IsCustomUid": True},
}
_SOCIAL_IDENTITY = {
    "ID": "108239457710293847561",
    "Provider": "google",
    "FullName": "Rosa Lindt",
    "Email": [{"Type": "Primary", "Value": "rosa.lindt@example.com"}],
    "ImageUrl": "https://images.example.com/rosa.png",
}
_TYPED_LISTS = [
    "Email",
    "UnverifiedEmail",
    "ExternalIds",
    "PhoneNumbers",
    "Addresses",
    "PreviousUids",
    "InterestedIn",
]


def _base() -> dict[str, Any]:
    """The documented profile, every field present, unknown ones null."""
    names = [
        "Uid", *STRINGS, *BOOLEANS, *INTEGERS, "LoginLockedType", "CustomFields", "PrivacyPolicy", "Country",
        *OBJECTS, *LISTS, *_TYPED_LISTS,
    ]  # fmt: skip
    return dict.fromkeys(names) | dict.fromkeys(INTEGERS, 0) | {"Uid": _UID} | deepcopy(_KNOWN)


def profile(name: str) -> Variants:
    """The profile in the generation the event is documented in."""
    sample = _base() | deepcopy(_CHANGES.get(name, {}))
    if name in _WITH_IDENTITIES:
        sample["Identities"] = [_SOCIAL_IDENTITY] if name == "LinkAccount" else None
    if name in _MID_2019:
        sample |= {"LastAcceptedConsentVersion": 0, "Consents": None, "PIN": None}
    if name in _GENERATION_2023:
        sample |= {
            "PIN": {
                "Skipped": False,
                "PIN": MASK,
                "LastPINChangeToken": None,
                "LastPINChangeDate": "2026-05-20T17:45:09.120Z",
                "SkippedDate": None,
            },
            "ConsentProfile": _consent() if name == "ConsentProfileUpdate" else None,
            "RegistrationData": {"Data": []},
            "Roles": None,
        }
    return {"default": sample}


def _consent() -> dict[str, Any]:
    return {
        "AcceptedConsentVersions": [{"Event": "Register", "Version": 2, "IsCustom": False}],
        "Consents": [{"ConsentOptionId": "newsletter", "AcceptOnDate": "2026-05-20T17:45:09.120Z"}],
    }


def removed_email(_name: str) -> Variants:
    return {"default": {"UserProfile": _base(), "RemovedEmail": "rosa@old.example.com"}}


def custom_object(name: str) -> Variants:
    """An order list kept beside the account."""
    content: dict[str, Any] = {"Orders": [{"Number": "2026-0042", "Total": 129.9, "Currency": "EUR"}]}
    modified = "2026-03-01T12:00:00.000Z" if name == "CreateCustomObject" else "2026-05-20T17:45:09.120Z"
    return {
        "default": {
            "Id": "65f1b0c4a9d3e27f5c8b1a60",
            "IsActive": True,
            "DateCreated": "2026-03-01T12:00:00.000Z",
            "DateModified": modified,
            "IsDeleted": False,
            "Uid": _UID,
            "CustomObject": content,
        }
    }


@cache
def _entities(file: str) -> dict[str, Variants]:
    text = files("outrider.catalog").joinpath("data", file).read_text(encoding="utf-8")
    loaded: dict[str, Variants] = json.loads(text)
    return loaded


def partner(name: str) -> Variants:
    """The entity of a Partner IAM event; connections as `saml` and as `oidc`."""
    kinds = ("Role", "Connection", "Membership")
    kind = next((k for k in kinds if k in name), "Invitation" if name.startswith("Invitation") else "Organization")
    return deepcopy(_entities("partner_iam.json")[kind])


def system(name: str) -> Variants:
    return {"default": deepcopy(_entities("system.json")[name]["default"])}
