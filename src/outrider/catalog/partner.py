"""Partner IAM entities, from the payloads printed on the webhook page."""

from __future__ import annotations

from typing import Any

import msgspec


class Display(msgspec.Struct, frozen=True):
    Name: str | None = None
    LogoURL: str | None = None


class Domain(msgspec.Struct, frozen=True):
    Id: str | None = None
    DomainName: str | None = None
    IsVerified: bool | None = None
    VerificationStrategy: str | None = None


class PasswordPolicy(msgspec.Struct, frozen=True):
    MinLength: int | None = None
    MaxLength: int | None = None
    RequireUppercase: bool | None = None
    RequireLowercase: bool | None = None
    RequireNumber: bool | None = None
    RequireSpecialChar: bool | None = None
    ExpiryDays: int | None = None


class MfaPolicy(msgspec.Struct, frozen=True):
    EnforcementMode: str | None = None


class SessionPolicy(msgspec.Struct, frozen=True):
    AccessTokenTTL: int | None = None
    RefreshTokenTTL: int | None = None


class JitPolicy(msgspec.Struct, frozen=True):
    Enabled: bool | None = None


class Policies(msgspec.Struct, frozen=True):
    PasswordPolicy: PasswordPolicy | None = None
    MFAPolicy: MfaPolicy | None = None
    SessionPolicy: SessionPolicy | None = None
    JITPolicy: JitPolicy | None = None


class Organization(msgspec.Struct, frozen=True):
    """An organization, before its deletion in the case of OrgDeleted."""

    Id: str
    IsActive: bool | None = None
    Name: str | None = None
    Display: Display | None = None
    Metadata: dict[str, Any] | None = None
    Domains: list[Domain] | None = None
    IsAuthRestrictedToDomain: bool | None = None
    Policies: Policies | None = None
    CreatedDate: str | None = None
    ModifiedDate: str | None = None


class Permission(msgspec.Struct, frozen=True):
    Id: str | None = None
    Name: str | None = None
    Description: str | None = None


class Role(msgspec.Struct, frozen=True):
    """A role of an organization."""

    Id: str
    Name: str | None = None
    Description: str | None = None
    Level: str | None = None
    OrgId: str | None = None
    Permissions: list[Permission] | None = None
    CreatedDate: str | None = None
    ModifiedDate: str | None = None


class Attributes(msgspec.Struct, frozen=True):
    ID: str | None = None
    Email: str | None = None
    FirstName: str | None = None
    LastName: str | None = None
    Groups: str | None = None
    CustomMapping: dict[str, Any] | None = None


class GroupRole(msgspec.Struct, frozen=True):
    Id: str | None = None
    Name: str | None = None
    GroupId: str | None = None
    RoleId: str | None = None


class Certificate(msgspec.Struct, frozen=True):
    Certificate: str | None = None
    NotBefore: str | None = None
    NotAfter: str | None = None


class Connection(msgspec.Struct, frozen=True):
    """A connection: the common fields, then those of SAML, then those of OpenID Connect.

    The page's payload does not name the organization; `OrgId` is taken where a producer adds it.
    """

    Id: str
    OrgId: str | None = None
    IsActive: bool | None = None
    Name: str | None = None
    ConnectionType: str | None = None
    Domain: str | None = None
    Attributes: Attributes | None = None
    GroupRoles: list[GroupRole] | None = None
    CreatedDate: str | None = None
    ModifiedDate: str | None = None
    EntityId: str | None = None
    MetadataUrl: str | None = None
    ACSEndpoint: str | None = None
    SPCertificate: Certificate | None = None
    IDPMetadataUrl: str | None = None
    IDPEntityId: str | None = None
    IDPLoginUrl: str | None = None
    IDPLogoutUrl: str | None = None
    IDPCertificate: Certificate | None = None
    Issuer: str | None = None
    AuthorizationUrl: str | None = None
    TokenUrl: str | None = None
    UserInfoUrl: str | None = None
    ClientId: str | None = None
    ClientSecret: str | None = None
    RedirectURI: str | None = None
    Scopes: list[str] | None = None
    TokenAuthMethod: str | None = None


class Membership(msgspec.Struct, frozen=True):
    """A user's membership in an organization."""

    Uid: str
    OrgId: str
    EmailId: str | None = None
    Roles: list[str] | None = None


class Invitation(msgspec.Struct, frozen=True):
    """An invitation into an organization."""

    Id: str
    OrgId: str
    RoleIds: list[str] | None = None
    Status: str | None = None
    EmailId: str | None = None
    CreatedDate: str | None = None
    ExpirationDate: str | None = None
    ModifiedDate: str | None = None
    InviterUid: str | None = None
