"""What all handlers read from a request in the same way: its ids, its caller, its headers, and the deadline it sets.

Header names come in every letter case, an empty value counts as absent, booleans come in every letter case.
Spec: header conventions.
"""

import re
import uuid
from collections.abc import Callable
from random import getrandbits
from typing import Any, Final

from aiohttp import web

from services.gateway.context import GATEWAY
from shared.core.errors import LecternError
from shared.core.file import Caller

CORRELATION_ID: Final = web.RequestKey("correlation_id", str)
"""Set by the outermost middleware, from X-WOPI-CorrelationId or X-Request-ID, or made up."""
USER_ID: Final = web.RequestKey("user_id", str)
"""Set where the request is authenticated."""
ErrorAnswer = Callable[[LecternError], web.Response]
ERROR_ANSWER: Final[web.RequestKey[ErrorAnswer]] = web.RequestKey("error_answer")
"""What turns an error into an answer, for requests whose answers aren't those of the protocol."""

_TEXT_MAX: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")


class BadRequest(LecternError):
    """The request can't be understood: a header or value is missing or malformed."""

    status = 400


def log_text(value: str | None) -> str:
    """A header that is meant for logs, cut to a sane length and without anything but visible ASCII and blanks."""
    text = (value or "")[:_TEXT_MAX]
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(one if " " <= one <= "~" else "?" for one in text).strip()


def log_id(text: str) -> str:
    """An id of a path that is meant for logs; "" for what the host makes no ids of.

    A client that puts an address together wrongly has its token there.
    """
    return text if _ID.fullmatch(text) else ""


def correlation_id_of(request: web.Request) -> str:
    """The client's id of this request; a new one if it gave none."""
    headers = request.headers
    sent = headers.get("X-WOPI-CorrelationId") or headers.get("X-Request-ID")
    return log_text(sent) or f"{getrandbits(128):032x}"  # tells requests apart, keeps no secret


def header(request: web.Request, name: str) -> str | None:
    """The header's value; None if it's absent or empty."""
    return request.headers.get(name) or None


def required_header(request: web.Request, name: str) -> str:
    """The header's value. Raises BadRequest if it's absent or empty."""
    value = request.headers.get(name)
    if not value:
        raise BadRequest(f"the header {name} is missing")
    return value


def boolean_header(request: web.Request, name: str) -> bool:
    """Whether the header says true, in any letter case; False if it's absent."""
    return request.headers.get(name, "").strip().lower() == "true"


def caller_of(request: web.Request) -> Caller:
    """Who asks, and through what."""
    headers = request.headers
    return Caller(request[USER_ID], log_text(headers.get("User-Agent")), log_text(headers.get("X-WOPI-SessionId")))


def envelope(request: web.Request) -> dict[str, Any]:
    """What every command carries; spread it into the command: `LockFile(file_id=..., **envelope(request))`."""
    gateway = request.app[GATEWAY]
    return {
        "command_id": uuid.uuid4().hex,
        "deadline": gateway.now() + gateway.rules.command_timeout,
        "caller": caller_of(request),
        "correlation_id": request[CORRELATION_ID],
    }
