"""`/docs`: the document for people, with Swagger UI from our own package. No request leaves for another host."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated

from litestar import Response, Router, get
from litestar.params import PathParameter

from outrider.domain.errors import NotFound

PAGE = "index.html"
SERVED = {
    PAGE: "text/html",
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


@cache
def content(name: str) -> bytes:
    """A file of the viewer."""
    return files(__name__).joinpath("static", name).read_bytes()


def _answer(name: str) -> Response[bytes]:
    return Response(content(name), media_type=SERVED[name], headers=HEADERS)


@get("/docs", include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    return _answer(PAGE)


@get("/docs/{name:str}", include_in_schema=False, sync_to_thread=False)
def part(name: Annotated[str, PathParameter(description="A file of the viewer.")]) -> Response[bytes]:
    if name not in SERVED:
        raise NotFound("page", name[:60])
    return _answer(name)


router = Router("/", route_handlers=[page, part], opt={"open": True})
