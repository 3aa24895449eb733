"""The catalogue against the documented names and fields."""

from typing import Any

import jsonschema
import msgspec
import pytest

from outrider import catalog
from outrider.catalog import EventType, Family
from outrider.domain.errors import InvalidField
from outrider.domain.masking import Masking
from outrider.domain.model import Acceptance, Delivery, Tenant, TenantBook, Webhook
from outrider.domain.news import (
    announce,
    delivery_exhausted,
    delivery_quarantined,
    secret_rotated,
    webhook_disabled,
)
from outrider.domain.redaction import MASK
from outrider.domain.secret_names import SecretNames

CIAM = """Login Register UpdateProfile ResetPassword ChangePassword EmailVerification AddEmail RemoveEmail
BlockAccount DeleteAccount SetUsername CreateTraditionalAccount AssignRoles UnassignRoles SetPassword
LinkAccount UnlinkAccount UpdatePhoneId VerifyPhoneNumber InvalidateEmailVerification RemoveRoleContext
CreateCustomObject UpdateCustomObject
DeleteCustomObject InvalidatePhoneVerification RemovePhoneId ConsentProfileUpdate SetPIN ResetPIN ChangePIN
UpdateUid""".split()
PARTNER = """OrgCreated OrgUpdated OrgDeleted OrgRoleCreated OrgRoleUpdated OrgRoleDeleted OrgConnectionCreated
OrgConnectionUpdate OrgConnectionDeleted OrgMembershipCreated OrgMembershipUpdate OrgMembershipDeleted
InvitationCreated""".split()

ORGANIZATION = """Id IsActive Name Display.Name Display.LogoURL Metadata Domains.0.Id Domains.0.DomainName
Domains.0.IsVerified Domains.0.VerificationStrategy IsAuthRestrictedToDomain Policies.PasswordPolicy.MinLength
Policies.PasswordPolicy.MaxLength Policies.PasswordPolicy.RequireUppercase Policies.PasswordPolicy.RequireLowercase
Policies.PasswordPolicy.RequireNumber Policies.PasswordPolicy.RequireSpecialChar Policies.PasswordPolicy.ExpiryDays
Policies.MFAPolicy.EnforcementMode Policies.SessionPolicy.AccessTokenTTL Policies.SessionPolicy.RefreshTokenTTL
Policies.JITPolicy.Enabled CreatedDate ModifiedDate"""
ROLE = """Id Name Description Level OrgId Permissions.0.Id Permissions.0.Name Permissions.0.Description CreatedDate
ModifiedDate"""
COMMON = """Id IsActive Name ConnectionType Domain Attributes.ID Attributes.Email Attributes.FirstName
Attributes.LastName Attributes.Groups Attributes.CustomMapping GroupRoles CreatedDate"""
SAML = """EntityId MetadataUrl ACSEndpoint SPCertificate.Certificate IDPMetadataUrl IDPEntityId IDPLoginUrl
IDPLogoutUrl IDPCertificate.Certificate IDPCertificate.NotBefore IDPCertificate.NotAfter"""
OIDC = """GroupRoles.0.Id GroupRoles.0.Name GroupRoles.0.GroupId GroupRoles.0.RoleId ModifiedDate Issuer
AuthorizationUrl TokenUrl UserInfoUrl ClientId ClientSecret RedirectURI Scopes TokenAuthMethod"""
PRINTED = {
    ("OrgCreated", "default"): ORGANIZATION,
    ("OrgUpdated", "default"): ORGANIZATION,
    ("OrgDeleted", "default"): ORGANIZATION,
    ("OrgRoleUpdated", "default"): ROLE,
    ("OrgConnectionUpdate", "saml"): f"{COMMON} {SAML}",
    ("OrgConnectionDeleted", "oidc"): f"{COMMON} {OIDC}",
    ("OrgMembershipUpdate", "default"): "EmailId Uid OrgId Roles",
    ("InvitationCreated", "default"): """Id OrgId RoleIds Status EmailId CreatedDate ExpirationDate ModifiedDate
InviterUid""",
}
SAMPLES = [(kind, name) for kind in catalog.all_types() for name in kind.samples()]


def test_names_are_the_documented_ones() -> None:
    assert catalog.names(Family.CIAM) == CIAM
    assert catalog.names(Family.PARTNER_IAM) == PARTNER
    assert catalog.names(Family.SYSTEM) == [
        "WebhookDisabled",
        "DeliveryExhausted",
        "DeliveryQuarantined",
        "SecretRotated",
    ]
    assert all(kind.description.endswith(".") for kind in catalog.all_types())


def test_names_match_in_any_case() -> None:
    found = catalog.find("emailVERIFICATION")
    assert found is not None
    assert found.name == "EmailVerification"
    assert catalog.find("EmailVerified") is None


@pytest.mark.parametrize(("kind", "variant"), SAMPLES, ids=lambda value: getattr(value, "name", value))
def test_samples_validate_against_their_schema(kind: EventType, variant: str) -> None:
    sample = kind.samples()[variant]
    schema = kind.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(sample)
    encoded = msgspec.json.encode(sample)
    payload = kind.decode(encoded)
    assert kind.subject(payload) or variant in {"saml", "oidc"}
    assert Masking(SecretNames()).payload(encoded).replace(b" ", b"") == encoded.replace(b" ", b""), (
        "samples come masked"
    )


def test_of_documented_fields_only_the_secret_ones_are_masked() -> None:
    """Every sample with every absent field filled."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(member) for name, member in value.items()}
        if isinstance(value, list):
            return [filled(member) for member in value]
        return "filled" if value in {None, "", MASK} else value

    def masked(value: Any, name: str = "") -> set[str]:
        if isinstance(value, dict):
            return set().union(*(masked(member, name) for name, member in value.items()))
        if isinstance(value, list):
            return set().union(*(masked(member, name) for member in value))
        return {name} if value == MASK else set()

    found: set[str] = set()
    for kind, variant in SAMPLES:
        data = msgspec.json.encode(filled(kind.samples()[variant]))
        found |= masked(msgspec.json.decode(Masking(SecretNames()).payload(data)))
    # A provider's credential is documented as an object; as one, it is looked into.
    contract = {"Password", "LastPasswordChangeToken", "PIN", "LastPINChangeToken", "ClientSecret"}
    assert found == contract | {"ProviderAccessCredential"}


@pytest.mark.parametrize(("name", "variant"), PRINTED)
def test_partner_samples_carry_every_printed_field(name: str, variant: str) -> None:
    kind = catalog.find(name)
    assert kind is not None
    for path in PRINTED[name, variant].split():
        node: Any = kind.samples()[variant]
        for part in path.split("."):
            assert isinstance(node, list) or part in node, path
            node = node[int(part)] if isinstance(node, list) else node[part]


@pytest.mark.parametrize(
    ("name", "fields"),
    [("ChangePassword", 140), ("Login", 141), ("RemovePhoneId", 143), ("SetPIN", 145), ("ResetPIN", 145)],
)
def test_profiles_have_their_generations_fields(name: str, fields: int) -> None:
    kind = catalog.find(name)
    assert kind is not None
    assert len(kind.sample()) == fields


def test_remove_email_wraps_the_profile() -> None:
    kind = catalog.find("RemoveEmail")
    assert kind is not None
    assert set(kind.sample()) == {"UserProfile", "RemovedEmail"}
    assert kind.subject(kind.decode(b'{"UserProfile":{"Uid":"u1"},"Extra":1}')) == "u1"


@pytest.mark.parametrize(
    ("data", "field", "expected", "given_"),
    [
        (b"{}", "Data.Uid", "a value", "nothing"),
        (b'{"Uid":1}', "Data.Uid", "string", "integer"),
        (b'{"Uid":"u","PIN":{"Skipped":"x"}}', "Data.PIN.Skipped", "boolean or null", "string"),
        (b'{"Uid":"u","Email":[{},{"Value":2}]}', "Data.Email[1].Value", "string or null", "integer"),
        (b"{", "Data", "well-formed JSON in UTF-8", "something else"),
    ],
)
def test_what_does_not_fit_is_named(data: bytes, field: str, expected: str, given_: str) -> None:
    kind = catalog.find("Login")
    assert kind is not None
    with pytest.raises(InvalidField) as refused:
        kind.decode(data)
    assert (refused.value.field, refused.value.expected, refused.value.given) == (field, expected, given_)


def test_our_own_events_fit_their_schemas() -> None:
    webhook = Webhook("w", "t", "n", ("Login",), "https://a.example", "", None, None, None, 0, 0)
    delivery = Delivery("d", "t", "w", "e", "Login", None, b"{}", 1, 0)
    told = {
        "DeliveryExhausted": delivery_exhausted(delivery, webhook, attempts=1, status=None, error="dns", at=0),
        "DeliveryQuarantined": delivery_quarantined(delivery, webhook, attempts=1, reason="why", at=0),
        "WebhookDisabled": webhook_disabled(webhook, "https://a.example", "status 410", 0),
        "SecretRotated": secret_rotated("s", 2, 1, 0),
    }
    book = TenantBook(Tenant("t", "", "", "", 0), 1, {}, {}, {})
    for name, payload in told.items():
        kind = catalog.find(name)
        assert kind is not None
        jsonschema.Draft202012Validator(kind.schema()).validate(payload)
        news = announce(book, name, "w", payload, now=0, new_id=lambda: "id")
        assert isinstance(news, Acceptance)
        assert news.events[0].type == name
