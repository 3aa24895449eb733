"""Reading a LoginRadius site's webhooks over its v2 API.

Credentials go in headers, so that no URL carries them, and follow no redirect. Every fault becomes one sentence.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from outrider.cli.client import Stay
from outrider.cli.loginradius.patience import Patience
from outrider.cli.say import printable

PATHS = (
    "/v2/manage/webhooks",
    "/v2/manage/webhook",
)  # SDKs say the first, LoginRadius' API descriptions the second
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LARGEST = 64 * 1024 * 1024


class Site:
    """One site; `host` is a URL, or a host name for https."""

    def __init__(
        self, host: str, key: str, secret: str, *, ca_file: Path | None, timeout: float, patience: Patience
    ) -> None:
        self.url = _checked(host)
        self._headers = {
            "accept": "application/json",
            "x-loginradius-apikey": key,
            "x-loginradius-apisecret": secret,
        }
        self._secrets = (key, secret)
        self._timeout = timeout
        self._patience = patience
        handlers: list[Any] = [Stay()]
        if urlsplit(self.url).hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        if self.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=_trust(ca_file)))
        self._opener = urllib.request.build_opener(*handlers)

    def webhooks(self) -> list[Any]:
        """The objects the site lists, as they are; raises ClickException."""
        status, content = self._patiently(PATHS[0])
        if status == 404:
            status, content = self._patiently(PATHS[1])
        if status != 200:
            raise click.ClickException(self._refusal(status, content))
        try:
            answer = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise click.ClickException(
                f"{self.url} answered 200 with something other than JSON; is --host the API's host?"
            ) from error
        found = _any_case(answer, "data")
        if not isinstance(found, list):
            raise click.ClickException(f"{self.url} answered 200 with JSON that is no list of webhooks")
        return found

    def _patiently(self, path: str) -> tuple[int, bytes]:
        while True:
            status, headers, content = self._get(path)
            if status != 429:
                return status, content
            self._patience.wait(self.url, headers.get("retry-after"))

    def _get(self, path: str) -> tuple[int, Message, bytes]:
        request = urllib.request.Request(self.url + path, headers=self._headers)  # noqa: S310 - checked in _checked
        try:
            try:
                with self._opener.open(request, timeout=self._timeout) as answer:
                    return answer.status, answer.headers, self._all_of(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.headers, self._all_of(error)
        except (OSError, http.client.HTTPException) as error:
            raise click.ClickException(self._unreached(error)) from error

    def _all_of(self, answer: Any) -> bytes:
        content: bytes = answer.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise click.ClickException(f"{self.url} answered with more than {_LARGEST // 1024 // 1024} MiB")
        return content

    def _refusal(self, status: int, content: bytes) -> str:
        """Code and message, which are LoginRadius' words; its description may repeat the key."""
        if 300 <= status < 400:
            return (
                f"{self.url} answered {status}, a redirect, which is not followed; give the host itself as --host"
            )
        try:
            answer = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = None
        code, message = _any_case(answer, "errorcode"), _any_case(answer, "message")
        if not isinstance(code, int) or not isinstance(message, str):
            return f"{self.url} answered {status} without LoginRadius' error body; is --host the API's host?"
        for secret in self._secrets:
            message = message.replace(secret, "…")
        return f"{self.url} answered {status}: {printable(message)[:200]} ({code})"

    def _unreached(self, error: BaseException) -> str:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            told = printable(reason.verify_message)
            return f"the certificate of {self.url} is not trusted: {told}; --ca-file names a private authority"
        if isinstance(reason, ssl.SSLError):
            return f"no TLS with {self.url}: {printable(reason.reason or str(reason))}"
        if isinstance(reason, TimeoutError):
            return f"{self.url} did not answer within {self._timeout:g} s"
        if isinstance(reason, http.client.HTTPException):
            return f"{self.url} answered with something other than HTTP, or broke off: {type(reason).__name__}"
        return f"cannot reach {self.url}: {printable(str(reason))}"


def _checked(host: str) -> str:
    """Its URL without slash at the end; plain HTTP only to this machine, since requests carry the credentials."""
    url = (host if "://" in host else f"https://{host}").rstrip("/")
    try:
        parts = urlsplit(url)
        wrong = parts.port == 0
    except ValueError:
        raise click.BadParameter("expected a host name or a URL", param_hint="--host") from None
    if wrong or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise click.BadParameter("expected a host name or a URL without user info or query", param_hint="--host")
    if not printable(url) == url or " " in url:
        raise click.BadParameter("expected a host name or a URL without spaces", param_hint="--host")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise click.BadParameter("expected https; http only to this machine", param_hint="--host")
    return url


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise click.BadParameter("expected certificates in PEM", param_hint="--ca-file") from error


def _any_case(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict):
        return None
    return next((value for key, value in answer.items() if key.lower() == name), None)
