"""Which names say that what they name is a secret: a rule about words, in any joining.

`newPassword`, `PASSWORD_NEW`, `new-password` and `newpassword` are the same words. What a name means, its last word
says: a `PasswordPolicy` is a policy, an `AccessTokenTTL` a time, a `NewPassword` a password. Some words change
nothing (`hash`, `old`, `2`) and are passed over; a name that begins like a question (`IsSecurePassword`) or a count
(`MaxTokens`) is one. Short and common words are secrets in company only: `ApiKey` and `BackupCodes`, not `Key` and
`CountryCode`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

import re2  # type: ignore[import-untyped]  # it has no types

from outrider.domain.errors import ConfigError

# In these patterns `~` is where words may be joined in any way, `<` where a word begins, `>` anything in between.
_PINS = """new old my your user login current previous temp default confirm card atm bank account secret security
    reset hashed encrypted mobile phone device sim client customer admin repeat verify enter wallet""".split()
_NOUNS = (
    *"pass~(?:word|wd|phrase|code) pwd secret token jwt [ht]?otp mnemonic assertion credential".split(),
    "(?:api|private|secret|signing|encryption|decryption|master|shared|symmetric|hmac|jwt|token|session|recovery)~key",
    "<(?:auth|access|authentication|client|root|storage|webhook)~key",
    "(?:backup|recovery|verification|activation|confirmation|authorization|authentication|security|secret)~code",
    "(?:one~time|two~factor|otp|mfa|2~fa|sms|login)~code",
    "<(?:auth|reset|access|device|verify|pin)~code",
    "(?:security|secret|recovery|challenge)>answer",
    "(?:seed|recovery|mnemonic|secret|backup)~phrase",
    "(?:otp|mfa|secret|2~fa|authenticator)~seed",
    "(?:session|auth|login|set|header|headers)~cookie",
    "<(?:user|db|database|login|admin|root|smtp|ftp|imap|ldap|wifi|account|mail|proxy|client|new|old|current)~pass",
    f"<pin <(?:(?:{'|'.join(_PINS)})~)+pin".replace(" ", "|"),
)
_WHOLE_NAMES = "pass|cookie|(?:proxy~)?authorization"
_PASSED_OVER = """hash hashed hashes digest salt salted value values text plain clear raw encrypted encoded base64
    b64 hex string str pem jwk hint confirm confirmation again repeat repeated retype verify old new current
    previous prev original temp temporary data list array history bytes [0-9]+""".split()
_QUESTIONS = frozenset(
    """is are was has have had can could should must will require requires need needs allow allows use uses enable
    enables disable disables show shows hide force forces enforce enforces min max minimum maximum num number count
    total no""".split()
)
_QUESTION_RUN = re.compile(
    "(?:is|has|requires?|uses?|allows?|max|min|num)(?:secure)?(?=pass(?:word|wd|code|phrase)|pwd|pin|otp|token|secret)"
)
_NOT_A_PIN = re.compile(  # pinned to something, or what India calls a postal code
    r"(?:^|-)(?:map|drop|push|board|location|hair|lapel)-?pins?$"
    r"|(?:postal|zip|area|address|location).*pins?(?:-?codes?)?(?:-?[0-9]+)*$"
)
_CODES = frozenset({"code", "codes"})
_SAID_BY_WHERE = frozenset("answer answers code codes key keys cookie".split())
_LOOKED_INTO = frozenset({"pin", "authorization", "proxyauthorization"})
_LOOKED_INTO_ENDS = ("credential", "credentials")
# Ends of names whose values name what stands beside them or are what is so named; the second ones as whole words.
_NAMING_ENDS = tuple("name key field type attribute property claim param parameter header label path".split())
_NAMING_WORDS = frozenset("id setting variable option column kind".split())
_NAMED_ENDS = ("value", "values")
_NAMED_WORDS = frozenset("val v text content old new before after from to current previous original".split())

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_RUNS = re.compile(r"[^\W_]+")
_INVISIBLE = frozenset({"Mn", "Me", "Cf", "Cc"})
_JOINT = r'[^a-z0-9"\\]*'  # between words, as they stand in JSON
LONGEST = 256  # characters of a name that are looked at: its last ones
REMEMBERED = 8_192  # names
_LONGEST_REMEMBERED = 64  # bytes
_MOST_FIELDS, _LONGEST_FIELD = 200, 100

# LoginRadius' contract: these stay masked whatever the settings say. In lower case, without joints.
CONTRACT = frozenset(
    """password pin accesstoken refreshtoken idtoken token tokensecret clientsecret apisecret
    lastpasswordchangetoken lastpinchangetoken secretanswer otp privatekey""".split()
)


# What a field's name says of its value, as bits: masking asks that for each field, so it is no enum.
SECRET = 1  # a secret, and so is all below it
LOOKED_INTO = 2  # of an object below it, only the fields that say so themselves are secret
NAMING = 4  # the value is the name of what stands beside it ...
NAMED = 8  # ... as this


class SecretNames:
    """The rule, and what the settings add to it. `fields` are names; a `-` before one leaves it as it is.

    Added names follow the rule: also their plural, and with other words before and some after them. Raises
    ConfigError for what is no name and for leaving out what LoginRadius' contract masks.
    """

    def __init__(self, fields: Iterable[str] = ()) -> None:
        added: list[list[str]] = []
        left_out: set[str] = set()
        unusual = _UNUSUAL
        for field in fields:
            words = _words(_folded(field))
            if field.startswith("-"):
                left_out.add("".join(words))
            else:
                added.append(words)
                unusual = unusual if field.isascii() else _NOT_ASCII
        self._left_out = frozenset(left_out)
        own = ["<" + "~".join(map(re.escape, words)) for words in added]
        noun = f"(?:{'|'.join((*_NOUNS, *own))})(?:s|es)?(?:~(?:{'|'.join(_PASSED_OVER)}))*"
        rule = f"{noun}(?:~(?:for|from)(?:-.*)?)?$|^(?:{_WHOLE_NAMES})$"
        self._rule = _compiled(rule.replace("~", "-?").replace("<", "(?:^|-)").replace(">", ".*"))
        # The same as it may stand in JSON, and so rather too much than too little.
        alone = "|".join(_SAID_BY_WHERE if added else _SAID_BY_WHERE - _CODES)
        names = rf'(?:{noun}|"~(?:{_WHOLE_NAMES}|{alone}))~"|{noun}~(?:for|from|of)'
        names = names.replace("~", _JOINT).replace("<", "").replace(">", r'[^"\\]*')
        pairing = "|".join((*_NAMING_ENDS, *_NAMING_WORDS, *_NAMED_ENDS, *_NAMED_WORDS))
        self._named = _compiled(f'{names}|"{_JOINT}codes?{_JOINT}"|(?:{pairing}){_JOINT}"')
        self._surely = _compiled(f"{names}|{unusual}")
        self._remembered = lru_cache(REMEMBERED)(self._kind)

    def look(self, json: bytes) -> object:
        """None for JSON that holds no secret name. `Code` is in many payloads, as a country's, so there what holds
        it has to be named as one whose codes are secret."""
        if found := self._surely(json):
            return found
        return _CODE_IN(json) and _CODE_BELOW(json)

    @classmethod
    def parse(cls, text: str, setting: str = "masked fields") -> SecretNames:
        """From names separated by commas. Raises ConfigError naming `setting`."""
        fields = [part.strip() for part in text.split(",") if part.strip()]
        if len(fields) > _MOST_FIELDS:
            raise ConfigError(setting, f"at most {_MOST_FIELDS} names", f"{len(fields)}")
        for field in fields:
            compact = "".join(_words(_folded(field)))
            if not compact or compact.isdigit() or len(field) > _LONGEST_FIELD:
                raise ConfigError(
                    setting, f"names with a letter, of at most {_LONGEST_FIELD} characters", field[:40]
                )
            if field.startswith("-") and compact in CONTRACT:
                raise ConfigError(setting, "no name that is masked always", field)
        return cls(fields)

    def kind(self, name: bytes, below: bytes) -> int:
        """Of a field `name` in the object of the field `below`; both as they stand between their quotes in JSON."""
        if len(name) + len(below) > _LONGEST_REMEMBERED:
            return self._kind(name, below)
        return self._remembered(name, below)

    def secret(self, name: str) -> bool:
        """Whether a name alone says that it names a secret."""
        folded = _folded(name[-LONGEST:])
        if self._may_matter(folded.encode("utf-8", "replace")) is None:
            return False
        return self._is_secret(folded, _words(folded))

    def _kind(self, name: bytes, below: bytes) -> int:
        usual = name.isascii() and b"\\" not in name
        if usual and self._may_matter(name) is None:
            return 0
        folded = _folded(read(name)[-LONGEST:])
        if not usual and self._may_matter(folded.encode("utf-8", "replace")) is None:
            return 0
        words = _words(folded)
        if not words:
            return 0
        kind = 0
        if self._is_secret(folded, words, below):
            compact = "".join(words)
            into = compact in _LOOKED_INTO or compact.endswith(_LOOKED_INTO_ENDS)
            kind |= SECRET | LOOKED_INTO if into else SECRET
        if words[-1].endswith(_NAMING_ENDS) or words[-1] in _NAMING_WORDS:
            kind |= NAMING
        if words[-1].endswith(_NAMED_ENDS) or words[-1] in _NAMED_WORDS:
            kind |= NAMED
        return kind

    def _may_matter(self, name: bytes) -> object:
        return self._named(b'"%s"' % name)

    def _is_secret(self, name: str, words: list[str], below: bytes = b"") -> bool:
        run = "-".join(_RUNS.findall(name)).lower()
        compact = "".join(words)
        if compact in self._left_out or _is_question(words, run):
            return False
        if "of" in words[1:]:
            place = words.index("of", 1)
            head, rest = "-".join(("", *words[:place])), "-".join(("", *words[place + 1 :]))
            # A hash of a password is a secret, a type of token is not.
            return self._ends_in_secret(head) or (
                self._ends_in_secret(f"secret{head}") and self._ends_in_secret(rest)
            )
        spelling = "-".join(words)
        if compact in _SAID_BY_WHERE or "pin" in compact:
            where = "-".join((*_words(_folded(read(below)[-LONGEST:])), spelling))
            if _NOT_A_PIN.search(where):
                return False
            if compact in _SAID_BY_WHERE and self._ends_in_secret(where):
                return True
        return self._ends_in_secret(spelling) or (run != spelling and self._ends_in_secret(run))

    def _ends_in_secret(self, spelling: str) -> bool:
        return self._rule(spelling.encode("utf-8", "replace")) is not None


def _is_question(words: list[str], run: str) -> bool:
    return (len(words) > 1 and words[0] in _QUESTIONS) or _QUESTION_RUN.match(run) is not None


_UNUSUAL = (
    r'(?:\\.|[\x80-\xff])(?:[^"\\]|\\.)*"\s*:'  # an escape or another character than ASCII's in a field's name
    r'|(?:\\"|u0022)(?:\s|\\[nrt])*:'  # a field's name in JSON in a string
    # Where names are values: letters escaped, of full width, or with something between them that is not seen.
    r"|\\u(?:00[4-7]|00ad|ff[0-5]|200[b-f]|206|feff)"
    r"|\xef[\xbc\xbd]|\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad"
)
_NOT_ASCII = rf"{_UNUSUAL}|[\x80-\xff]|\\u[0-9a-f]"


def _compiled(pattern: str) -> Callable[[bytes], object]:
    """Searches bytes, letters in any case, in time linear in them."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.never_capture = True
    options.dot_nl = True
    search: Callable[[bytes], object] = re2.compile(pattern.encode(), options).search
    return search


def read(token: bytes) -> str:
    """A JSON string's text, without its quotes; one that is not well-formed as it stands."""
    if b"\\" in token:
        try:
            text: str = json.loads(b'"%s"' % token, strict=False)
            return text
        except ValueError:
            pass
    return token.decode("utf-8", "replace")


def _folded(name: str) -> str:
    """With compatibility forms (letters of full width, say) and accents undone, and what is not seen left out."""
    if name.isascii():
        return name
    name = unicodedata.normalize("NFKD", name.replace("ı", "i"))  # what lower case makes of PIN in Turkish
    return "".join(c for c in name if unicodedata.category(c) not in _INVISIBLE)


def _words(folded: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(folded)]


_CODE_IN = _compiled(f'"{_JOINT}codes?{_JOINT}"')
_CODE_BELOW = _compiled(
    "(?:backup|recovery|verification|activation|confirmation|authorization|authentication|security|secret|time|factor"
    rf'|otp|mfa|fa|sms|login|auth|reset|access|device|verify|pin){_JOINT}"\s*:\s*[\[{{]'
)
