"""The CIAM family: 31 events about a user's account."""

from __future__ import annotations

from typing import Any

from outrider.catalog import samples
from outrider.catalog.event_type import EventType, Family
from outrider.catalog.profile import CustomObjectRecord, Profile, RemovedEmail

_DESCRIPTIONS = {
    "Login": "A user logged in.",
    "Register": "A user registered.",
    "UpdateProfile": "A profile changed; the payload is the new profile.",
    "ResetPassword": "A forgotten password was reset.",
    "ChangePassword": "A user changed the password.",
    "EmailVerification": "An email address was verified.",
    "AddEmail": "An email address was added to an account.",
    "RemoveEmail": "An email address was removed from an account.",
    "BlockAccount": "An account was blocked.",
    "DeleteAccount": "An account was deleted; the payload is its last profile.",
    "SetUsername": "A username was set or changed.",
    "CreateTraditionalAccount": "A password login was added to a social account.",
    "AssignRoles": "Roles were assigned to a user.",
    "UnassignRoles": "Roles were taken from a user.",
    "SetPassword": "A password was set by an administrator.",
    "LinkAccount": "A social identity was linked to an account.",
    "UnlinkAccount": "A social identity was unlinked from an account.",
    "UpdatePhoneId": "The phone number of an account changed.",
    "VerifyPhoneNumber": "A phone number was verified.",
    "InvalidateEmailVerification": "The verification of an email address was withdrawn.",
    "RemoveRoleContext": "A role context was removed from a user.",
    "CreateCustomObject": "A custom object was created.",
    "UpdateCustomObject": "A custom object was updated.",
    "DeleteCustomObject": "A custom object was deleted.",
    "InvalidatePhoneVerification": "The verification of a phone number was withdrawn.",
    "RemovePhoneId": "The phone number was removed from an account.",
    "ConsentProfileUpdate": "A user's consents changed.",
    "SetPIN": "A PIN was set.",
    "ResetPIN": "A forgotten PIN was reset.",
    "ChangePIN": "A user changed the PIN.",
    "UpdateUid": "An account got another Uid.",
}


def _uid(payload: Any) -> str | None:
    return payload.Uid or None


def _wrapped_uid(payload: Any) -> str | None:
    return payload.UserProfile.Uid or None


def _event_type(name: str, description: str) -> EventType:
    if name == "RemoveEmail":
        return EventType(
            name, Family.CIAM, description, RemovedEmail, samples.removed_email, subject_of=_wrapped_uid
        )
    if name.endswith("CustomObject"):
        return EventType(name, Family.CIAM, description, CustomObjectRecord, samples.custom_object, subject_of=_uid)
    return EventType(name, Family.CIAM, description, Profile, samples.profile, subject_of=_uid)


CIAM = tuple(_event_type(name, description) for name, description in _DESCRIPTIONS.items())
