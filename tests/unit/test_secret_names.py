"""Which names are masked, and which must not be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.errors import ConfigError
from outrider.domain.secret_names import CONTRACT, LONGEST, SECRET, SecretNames

NAMES = SecretNames()

SECRETS = """
    Password NewPassword OldPassword ConfirmPassword PasswordConfirm PasswordHash password_hash PasswordSalt
    PasswordHint
    Passwords PasswordHistory user.password /user/password Password1 password_2 newpassword userpassword
    passwordhash
    PassWord PASSWORD pASSword pass_word Passwd Pwd UserPwd pwd_hash Passphrase PassCode passcodes db_pass
    smtpPass
    HashOfPassword PasswordForLogin ForgotPassword Login.Password
    PIN Pin pins NewPIN PINHash userpin newpin PinCode PINAuthToken LastPINChangeToken
    Token AccessToken access-token ACCESS_TOKEN accesstoken accessTokens SessionToken sessiontoken
    refresh_token id_token
    IdToken TokenSecret OAuth2Token TokenValue LogInToken SignInToken TokenForUser BearerToken jwt RefreshJwt
    LastPasswordChangeToken TokenFromProvider api.token token2
    Secret ClientSecret client-secret clientsecret Client_Secret Secrets TotpSecret totpsecret MfaSecret
    2faSecret
    WebhookSecret SecretKey SharedSecret SecretText
    ApiKey APIKey APIkey aPiKeY api-key apikey ApiKeys X-Api-Key PrivateKey private_key PrivateKeyPem
    EncryptionKey
    AccessKey SigningKeys SecretAccessKey RecoveryKey
    OTP Otp SmsOtp emailotp TOTP OtpCode one_time_code OneTimeCodes BackupCodes backup_codes backupcodes
    RecoveryCode
    VerificationCode verification-code AuthCode AuthorizationCode SmsCode two_factor_code mfaBackupCodes
    ResetCode
    DeviceCode LoginCode SecurityCode
    SecurityAnswer SecretAnswer security_answers SecurityQuestionAnswer securityanswer
    ClientAssertion client_assertion Assertion SamlAssertion Credentials ProviderAccessCredential
    UserCredential
    RecoveryPhrase SeedPhrase Mnemonic OtpSeed SessionCookie Set-Cookie Cookie Authorization
    Proxy-Authorization Pass
""".split()

# What stays readable: what is about a secret, what only sounds like one, and LoginRadius' documented fields.
PLAIN = """
    PasswordPolicy PasswordExpiresIn PasswordExpirationDate PasswordLastModified PasswordChangedAt
    PasswordStrength
    PasswordLength PasswordResetRequired PasswordPolicyHash LastPasswordChangeDate IsSecurePassword
    issecurepassword
    is_secure_password ISSECUREPASSWORD HasPassword haspassword RequirePassword UsePassword Passwordless
    PasswordlessLogin
    PasswordAttempts MinPasswordLength MaxPasswordAge passwordpolicy lastpasswordchangedate
    TokenTTL AccessTokenTTL RefreshTokenTTL AccessTokenExpiry TokenType TokenUrl TokenAuthMethod TokenEndpoint
    TokenId
    TokenCount MaxTokens NoOfTokens TypeOfToken TokenIssuedAt Tokenized Tokenization tokenizer tokentype
    accesstokenttl
    SecretName SecretQuestion SecretId Secretary UnderSecretary SecretSanta secretariat
    PinsCount IsPinSet PinSetDate LastPINChangeDate PinLength PinEnabled MapPin PushPin ZipPinCode
    PostalPinCode Pineapple
    Shipping Spinner Opinion Pinned spin shippin kingpin Pinterest
    Key Keys PublicKey PrimaryKey ForeignKey AccessKeyId KeyId ApiKeyName ApiKeyId KeyboardLayout Monkey
    Turkey Keynote
    Code Codes CountryCode PostalCode ZipCode ErrorCode StatusCode PromoCode QRCode presetcode PresetCode
    CodeVersion
    Answer Answers AnswerCount Question SecurityQuestion SecurityLevel
    Passport PassportNumber BoardingPass Compass Bypass Passage Passenger Passed
    CredentialType CredentialId AuthorizationUrl Authorizations CookieConsent Cookies Otpion Robot RobotType
    AssertionConsumerServiceUrl ACSEndpoint ClientId Certificate Uid UserName Provider FirstName Email Value
    Name Type
""".split()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_by_any_name_is_told(name: str) -> None:
    assert NAMES.secret(name)
    assert NAMES.look(json.dumps({name: "x"}).encode()) is not None


@pytest.mark.parametrize("name", PLAIN)
def test_what_only_sounds_like_one_is_left(name: str) -> None:
    assert not NAMES.secret(name)


def test_loginradius_contract_is_kept() -> None:
    assert all(NAMES.secret(name) and NAMES.secret(name.upper()) for name in CONTRACT)


@pytest.mark.parametrize(
    "name",
    ["Ｐａｓｓｗｏｒｄ", "pass\u200bword", "P\u00adassword", "\ufeffPIN", "pa\u0301ssword", "pın", "PİN", "ⓟⓘⓝ",
     "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝", "Pas\u2060sword", "API\u3000Key", "api key", "api\tkey", "api::key"],
)  # fmt: skip
def test_letters_of_other_shape_and_what_is_not_seen_change_nothing(name: str) -> None:
    assert NAMES.secret(name)
    for escaped in (True, False):
        data = json.dumps({name: "x"}, ensure_ascii=escaped).encode()
        assert NAMES.look(data) is not None
        assert NAMES.kind(data[2 : data.rindex(b'"', 0, data.rindex(b":"))], b"") & SECRET


@pytest.mark.parametrize(
    ("below", "name", "secret"),
    [
        ("SecurityQuestions", "Answer", True), ("Survey", "Answer", False), ("Api", "Key", True),
        ("Recovery", "Codes", True), ("Country", "Code", False), ("Auth", "Code", True),
        ("AuthError", "Code", False), ("Headers", "Cookie", True), ("Addresses", "PinCode", False),
        ("Card", "PinCode", True), ("Address", "Pin", False), ("Shipping", "Token", True),
        ("Address", "ShippingToken", True),
    ],
)  # fmt: skip
def test_a_short_name_is_said_by_where_it_stands(below: str, name: str, secret: bool) -> None:
    assert bool(NAMES.kind(name.encode(), below.encode()) & SECRET) is secret
    assert not secret or NAMES.look(json.dumps({below: {name: "x"}}).encode()) is not None


VOCABULARY = st.sampled_from(
    "new pass word password token access secret client pin otp key api code backup answer security hash old 2 for "
    "of is max user policy type ttl credential jwt cookie session authorization value s x".split()
)
JOINTS = st.sampled_from(["", "_", "-", ".", " ", "__", "/", ":", "\u200b"])
CASES = st.sampled_from([str.lower, str.upper, str.title, str.swapcase])


@given(st.lists(st.tuples(VOCABULARY, CASES, JOINTS), min_size=1, max_size=6))
def test_the_cheap_look_misses_no_secret(parts: list) -> None:
    name = "".join(case(word) + joint for word, case, joint in parts)
    if NAMES.secret(name):
        for written in (
            json.dumps({name: 1}),
            json.dumps({name: 1}, ensure_ascii=False),
            json.dumps({"Name": name}),
        ):
            assert NAMES.look(written.encode()) is not None


def test_settings_add_names_and_leave_some_out() -> None:
    names = SecretNames.parse("Kennwort, Customer-Number, Contraseña, mdp, -PinCode,-security_answer")
    added = "Kennwort NeuesKennwort kennwort_hash CustomerNumbers customernumber contrasena CONTRASEÑA Mdp mdp2"
    for secret in added.split():
        assert names.secret(secret), secret
        assert names.look(json.dumps({secret: "x"}).encode()) is not None, secret
    for plain in ("PinCode", "pin_code", "SecurityAnswer", "KennwortPolicy", "admdpx", "CustomerNumberType"):
        assert not names.secret(plain), plain
    assert names.secret("UserPinCode")
    assert names.look('{"Name":"Contraseña","Value":"x"}'.encode()) is not None
    assert not NAMES.secret("Kennwort")


@pytest.mark.parametrize(
    "text",
    [
        "-Password",
        "-access_token",
        "Ｐassword,-ＰＩＮ",
        "...",
        "12",
        "x" * 101,
        ",".join(f"n{n}a" for n in range(201)),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        SecretNames.parse(text)


def test_only_the_end_of_an_endless_name_counts() -> None:
    assert NAMES.secret("x" * LONGEST * 1_000 + "Password")
    assert not NAMES.secret("Password" + "x" * LONGEST * 1_000)
    assert not NAMES.secret("Password" + "plaintext" * LONGEST + "x")


_OF_CODES = """backup recovery verification activation confirmation authorization security secret oneTime two_factor
    otp mfa 2fa sms login auth reset access device verify pin""".split()


@pytest.mark.parametrize("below", [*_OF_CODES, *(f"My{word.title()}" for word in _OF_CODES)])
def test_codes_below_what_makes_them_secret_are_looked_at(below: str) -> None:
    for name in ("Code", "codes", "_code"):
        deep = {"a": [{below: [[{name: "x"}]]}]}
        for document in ({below: {name: "x"}}, {below: [{"a": 1, name: ["x"]}]}, deep):
            assert NAMES.look(json.dumps(document).encode()) is not None, document


def test_a_code_that_nothing_makes_secret_is_not_looked_at() -> None:
    assert NAMES.look(b'{"Country":{"Code":"DE"},"LastLoginLocation":"Hamburg","NoOfLogins":12}') is None
