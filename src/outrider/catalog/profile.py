"""The user profile and its parts, from the field lists of LoginRadius' payload samples (types: their Java SDK).

Platforms send different generations of the profile, so only `Uid` is required and everything else may be
null or absent. Fields we do not know stay in the payload's bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

BOOLEANS = """EmailVerified IsActive IsDeleted IsEmailSubscribed PhoneIdVerified IsLoginLocked IsCustomUid
    IsSecurePassword IsRequiredFieldsFilledOnce FirstLogin IsProtected Hireable""".split()
INTEGERS = """NoOfLogins FollowersCount FriendsCount TotalStatusesCount NumRecommenders TotalPrivateRepository
    PublicGists PrivateGists PinsCount BoardsCount LikesCount""".split()
STRINGS = """Password LastPasswordChangeDate PasswordExpirationDate LastPasswordChangeToken UserName PhoneId
    ExternalUserLoginId RegistrationProvider LastLoginLocation RegistrationSource ID Provider Prefix FirstName
    MiddleName LastName Suffix FullName NickName ProfileName BirthDate Gender Website ThumbnailImageUrl ImageUrl
    Favicon ProfileUrl HomeTown State City Industry About TimeZone LocalLanguage CoverPhoto TagLine Language
    Verified UpdatedTime MainAddress Created CreatedDate ModifiedDate ProfileModifiedDate LocalCity ProfileCity
    LocalCountry ProfileCountry RelationshipStatus Quota Quote Religion Political HttpsImageUrl IsGeoEnabled
    Associations Honors PublicRepository RepositoryUrl Age ProfessionalHeadline LRUserID Currency StarredUrl
    GistsUrl Company GravatarImageUrl SignupDate LastLoginDate""".split()
OBJECTS = (
    "AgeRange ProviderAccessCredential KloutScore Suggestions Subscription ProfileImageUrls WebProfiles".split()
)
LISTS = """Positions Educations IMAccounts Interests Sports InspirationalPeople Awards Skills CurrentStatus
    Certifications Courses Volunteer RecommendationsReceived Languages Projects Games Family TeleVisionShow
    MutualFriends Movies Books Patents FavoriteThings RelatedProfileViews PlacesLived Publications JobBookmarks
    Badges MemberUrlResources""".split()


class TypedValue(msgspec.Struct, frozen=True):
    Type: str | None = None
    Value: str | None = None


class ExternalId(msgspec.Struct, frozen=True):
    Source: str | None = None
    SourceId: str | None = None


class PhoneNumber(msgspec.Struct, frozen=True):
    PhoneType: str | None = None
    PhoneNumber: str | None = None


class PostalAddress(msgspec.Struct, frozen=True):
    Type: str | None = None
    Address1: str | None = None
    Address2: str | None = None
    City: str | None = None
    State: str | None = None
    PostalCode: str | None = None
    Region: str | None = None
    Country: str | None = None


class PrivacyPolicy(msgspec.Struct, frozen=True):
    Version: str | None = None
    AcceptSource: str | None = None
    AcceptDateTime: str | None = None


class Country(msgspec.Struct, frozen=True):
    Code: str | None = None
    Name: str | None = None


class Pin(msgspec.Struct, frozen=True):
    """The PIN object; its `PIN` is masked before anything is stored."""

    Skipped: bool | None = None
    PIN: str | int | None = None
    LastPINChangeToken: str | None = None
    LastPINChangeDate: str | None = None
    SkippedDate: str | None = None


class Registration(msgspec.Struct, frozen=True):
    Data: list[Any] | None = None


def _optional(kind: Any, names: list[str]) -> list[tuple[str, Any, Any]]:
    return [(name, kind | None, None) for name in names]


Profile = msgspec.defstruct(
    "Profile",
    [
        ("Uid", str),
        *_optional(bool, BOOLEANS),
        *_optional(int, INTEGERS),
        *_optional(str, STRINGS),
        # An integer before 2023, a string since.
        ("LoginLockedType", int | str | None, None),
        *_optional(dict[str, Any], OBJECTS),
        ("CustomFields", dict[str, str | None] | None, None),
        ("PrivacyPolicy", PrivacyPolicy | None, None),
        ("Country", Country | None, None),
        *_optional(list[dict[str, Any]], LISTS),
        ("Email", list[TypedValue] | None, None),
        ("UnverifiedEmail", list[TypedValue] | None, None),
        ("ExternalIds", list[ExternalId] | None, None),
        ("PhoneNumbers", list[PhoneNumber] | None, None),
        ("Addresses", list[PostalAddress] | None, None),
        ("PreviousUids", list[str] | None, None),
        ("InterestedIn", list[str] | None, None),
        ("Identities", list[dict[str, Any]] | None, None),
        ("PIN", Pin | None, None),
        ("ConsentProfile", dict[str, Any] | None, None),
        ("RegistrationData", Registration | None, None),
        ("Roles", list[str] | None, None),
        ("Consents", list[dict[str, Any]] | None, None),
        ("LastAcceptedConsentVersion", int | None, None),
        ("Organizations", list[dict[str, Any]] | None, None),
    ],
    module=__name__,
    frozen=True,
)
Profile.__doc__ = "The whole user profile after the event."


class RemovedEmail(msgspec.Struct, frozen=True):
    """RemoveEmail's payload, the only one that wraps the profile."""

    UserProfile: Profile  # type: ignore[valid-type]  # made above, while the module loads
    RemovedEmail: str | None = None


class CustomObjectRecord(msgspec.Struct, frozen=True):
    """A custom object's record; `CustomObject` is whatever the application stores."""

    Id: str
    Uid: str
    CustomObject: Any = None
    IsActive: bool | None = None
    DateCreated: str | None = None
    DateModified: str | None = None
    IsDeleted: bool | None = None
