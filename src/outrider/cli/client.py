"""Talking to a running Outrider, for commands. Reads OUTRIDER_URL, OUTRIDER_API_KEY, OUTRIDER_API_SECRET."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from typing import Any

import click
import msgspec


class RefusedError(click.ClickException):
    """Outrider answered, with an error; `retry_after` as the answer has it."""

    def __init__(self, error: urllib.error.HTTPError) -> None:
        super().__init__(_told(error))
        self.status = error.code
        self.retry_after = error.headers.get("retry-after")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """No redirect is followed: it would take the credentials along."""


class Client:
    """One call a method; an error answer becomes a ClickException that says what to do."""

    def __init__(self, url: str, api_key: str, api_secret: str, ca_file: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {
            "content-type": "application/json",
            "x-loginradius-apikey": api_key,
            "x-loginradius-apisecret": api_secret,
        }
        context = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else None
        handlers: list[Any] = [urllib.request.ProxyHandler({}), Stay()]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer."""
        content = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(  # noqa: S310 - the operator's own URL
            self._url + path, data=content, method=method, headers=self._headers
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return msgspec.json.decode(answer.read())
        except msgspec.DecodeError as error:
            message = f"{self._url} answered with something other than JSON; check OUTRIDER_URL"
            raise click.ClickException(message) from error
        except urllib.error.HTTPError as error:
            raise RefusedError(error) from error
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise click.ClickException(f"cannot reach {self._url}: {reason}; is outrider serve running?") from error


def _told(error: urllib.error.HTTPError) -> str:
    try:
        body = msgspec.json.decode(error.read())
        return f"{error.code}: {body['Message']} ({body['ErrorCode']}): {body['Description']}"
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"{error.code}: an answer that is not Outrider's; check OUTRIDER_URL"


def from_environment() -> Client:
    """The client the environment describes."""
    missing = [name for name in ("OUTRIDER_API_KEY", "OUTRIDER_API_SECRET") if not os.environ.get(name)]
    if missing:
        raise click.ClickException(f"set {' and '.join(missing)} to the tenant's credentials")
    return Client(
        os.environ.get("OUTRIDER_URL", "http://127.0.0.1:8750"),
        os.environ["OUTRIDER_API_KEY"],
        os.environ["OUTRIDER_API_SECRET"],
        os.environ.get("OUTRIDER_CA_FILE"),
    )
