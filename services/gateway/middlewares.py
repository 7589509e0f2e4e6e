"""The one middleware: ids, one log line and one measurement a request, and errors turned into answers.

It is one and not four because CheckFileInfo is asked for at every turn: each layer around a handler costs it time.
"""

from time import perf_counter
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from services.gateway.context import GATEWAY
from services.gateway.requests import CORRELATION_ID, ERROR_ANSWER, USER_ID, ErrorAnswer, correlation_id_of, log_text
from services.gateway.wopi.answers import X_WOPI_SERVER_ERROR
from services.gateway.wopi.dispatch import OPERATION, RESOURCE_ID, Dispatch, segments
from shared.core.errors import LecternError
from shared.service.logging import InfoLines, get_logger

X_WOPI_SERVER_VERSION: Final = "X-WOPI-ServerVersion"
X_WOPI_MACHINE_NAME: Final = "X-WOPI-MachineName"
FAILED: Final = "something went wrong on the host; its log says more under this request's id"

DISPATCH: Final = web.AppKey("dispatch", Dispatch)
LINES: Final = web.AppKey("lines", InfoLines)


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the request, whatever happens, and tell of it once."""
    started = perf_counter()
    correlation_id = correlation_id_of(request)
    request[CORRELATION_ID] = correlation_id
    structlog.contextvars.bind_contextvars(correlation_id=correlation_id)
    if request.match_info.http_exception is not None and segments(request.path):
        handler = request.app[DISPATCH]
    reason = None
    try:
        response = await handler(request)
    except LecternError as error:
        response, reason = _failed(request, error), str(error)
    except web.HTTPException as error:
        _tell(request, error.status, started, None)
        raise
    except ConnectionError:
        # The client went away while it was being answered: nobody is left to be told anything.
        _tell(request, 499, started, None)
        raise
    except Exception as error:  # noqa: BLE001 - the outermost border: logged here, answered without any detail
        get_logger().error("request_failed", exc_info=error)
        response, reason = _failed(request, LecternError(FAILED)), type(error).__name__
    _tell(request, response.status, started, reason)
    return response


def _failed(request: web.Request, error: LecternError) -> web.Response:
    answer: ErrorAnswer = request.get(ERROR_ANSWER, error_answer)
    return answer(error)


def error_answer(error: LecternError) -> web.Response:
    """The answer that an error of ours becomes."""
    return web.Response(status=error.status, headers={X_WOPI_SERVER_ERROR: header_text(str(error))})


def header_text(text: str) -> str:
    """`text` as a header can hold it: one line of printable ASCII."""
    return log_text(" ".join(text.split())) or "refused"


def _tell(request: web.Request, status: int, started: float, reason: str | None) -> None:
    seconds = perf_counter() - started
    operation = request.get(OPERATION) or "other"
    request.app[GATEWAY].metrics.request(operation, status, seconds)
    line = {
        "operation": operation,
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "method": request.method,
        "resource_id": request.get(RESOURCE_ID, ""),
        "user": request.get(USER_ID),
        "correlation_id": request[CORRELATION_ID],
        "session_id": log_text(request.headers.get("X-WOPI-SessionId")),
    }
    if reason:
        line["reason"] = reason
    request.app[LINES].write(line)


async def name_the_host(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer carries."""
    rules = request.app[GATEWAY].rules
    headers = response.headers
    headers[X_WOPI_SERVER_VERSION] = rules.server_version
    headers[X_WOPI_MACHINE_NAME] = rules.machine_name
    headers["Server"] = "Lectern"  # the default tells which versions of what there is to attack
