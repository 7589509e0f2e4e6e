"""How answers of the protocol are written: JSON bodies, and refusals that carry their reason.

Spec: header conventions.
"""

from typing import Any, Final

import orjson
from aiohttp import web

from shared.core.file import LockMismatch
from shared.core.files import NameTaken
from shared.core.names import encoded_utf7

X_WOPI_ITEM_VERSION: Final = "X-WOPI-ItemVersion"
X_WOPI_LOCK: Final = "X-WOPI-Lock"
X_WOPI_LOCK_FAILURE_REASON: Final = "X-WOPI-LockFailureReason"
X_WOPI_SERVER_ERROR: Final = "X-WOPI-ServerError"
X_WOPI_VALID_RELATIVE_TARGET: Final = "X-WOPI-ValidRelativeTarget"


_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}
"""Answers hold tokens, and what they say may change at any time: no cache keeps them."""


def json_answer(body: Any) -> web.Response:
    """200 with `body` as JSON in UTF-8."""
    return json_bytes(orjson.dumps(body))


def json_bytes(raw: bytes) -> web.Response:
    """200 with JSON that is already written."""
    return web.Response(body=raw, headers=_JSON)


def refusal(status: int, reason: str, **headers: str) -> web.Response:
    """A refusal with its reason, for people who read logs."""
    return web.Response(status=status, headers={X_WOPI_SERVER_ERROR: reason, **headers})


def name_taken(taken: NameTaken) -> web.Response:
    """409 with a name that is free; a client may try again with that one without asking anybody.

    Spec: Files > PutRelativeFile.
    """
    headers = {X_WOPI_VALID_RELATIVE_TARGET: encoded_utf7(taken.free_name)}
    return web.Response(status=409, headers={X_WOPI_SERVER_ERROR: "the name is taken", **headers})


def lock_mismatch(refused: LockMismatch) -> web.Response:
    """409 with the lock that is in the way; the header is there even if it is empty.

    Some clients log a 409 without a JSON body as an error of the host. Spec: clients > PutFile.
    """
    headers = {X_WOPI_LOCK: refused.current_lock_id, X_WOPI_LOCK_FAILURE_REASON: refused.reason}
    body = orjson.dumps({"LockFailureReason": refused.reason})
    return web.Response(status=409, headers=headers, body=body, content_type="application/json")
