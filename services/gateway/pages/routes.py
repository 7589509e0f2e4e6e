"""The host's own pages: what this host is, and for now one page for all addresses at which documents would be opened.

That page is the same text for every id, so that nobody learns from it what exists.
"""

import base64
import hashlib
import html
from importlib.resources import files
from string import Template
from typing import Final

from aiohttp import web

from services.gateway.context import GATEWAY
from services.gateway.uploads import expect_later
from services.gateway.wopi.dispatch import OPERATION

HOME: Final = web.AppKey("home", str)
OPENING: Final = web.AppKey("opening", str)
HEADERS: Final = web.AppKey("page_headers", dict[str, str])


def add_pages(app: web.Application) -> None:
    """Add the pages to the application, which has its gateway already."""
    style = _text("style.css")
    values = {"style": style, "public_url": html.escape(app[GATEWAY].addresses.public_url)}
    app[HOME] = Template(_text("home.html")).substitute(values)
    app[OPENING] = Template(_text("opening.html")).substitute(values)
    app[HEADERS] = _headers(style)
    for beginning in app[GATEWAY].addresses.beginnings:
        app.router.add_get(beginning + "/", home, expect_handler=expect_later)
        app.router.add_get(beginning + "/open/{rest:.+}", opening, expect_handler=expect_later)
        app.router.add_get(beginning + "/browse/{rest:.+}", opening, expect_handler=expect_later)


async def home(request: web.Request) -> web.Response:
    """GET /: what this host is."""
    request[OPERATION] = "home"
    return web.Response(text=request.app[HOME], content_type="text/html", headers=request.app[HEADERS])


async def opening(request: web.Request) -> web.Response:
    """GET /open/..., /browse/...: how to open documents for the time being."""
    request[OPERATION] = "opening"
    return web.Response(text=request.app[OPENING], content_type="text/html", headers=request.app[HEADERS])


def _text(name: str) -> str:
    return files("services.gateway.pages").joinpath(name).read_text("utf-8")


def _headers(style: str) -> dict[str, str]:
    """Nothing is loaded, run, framed or kept: the one style is allowed by its hash."""
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style_hash}'"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
