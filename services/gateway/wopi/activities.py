"""AddActivities: what people did in a document, such as comments, told to subscribers of events.

Spec: chunked file transfer > AddActivities.
"""

from typing import Any, Final

import orjson
from aiohttp import web

from services.gateway.context import GATEWAY
from services.gateway.requests import BadRequest, envelope
from services.gateway.uploads import small_body
from services.gateway.wopi.answers import json_answer
from services.gateway.wopi.dispatch import FILE
from shared.core.files import Activity
from shared.messages.commands import AddActivities

BODY_MAX: Final = 1024 * 1024
"""Longest body, in bytes."""
ACTIVITIES_MAX: Final = 1000
"""Most activities in one request."""
STORED: Final = 0
TYPE_NOT_SUPPORTED: Final = 3

_SUPPORTED: Final = frozenset({"comment"})


async def add_activities(request: web.Request) -> web.Response:
    """AddActivities: POST /wopi/files/{file_id}, ADD_ACTIVITIES.

    200 with a status for each activity: one of an unknown type doesn't fail the others; 400 for what can't be read.
    """
    activities = activities_in(await small_body(request, BODY_MAX))
    supported = tuple(one for one in activities if one.activity_type in _SUPPORTED)
    if supported:
        command = AddActivities(file_id=request[FILE].file.file_id, activities=supported, **envelope(request))
        await request.app[GATEWAY].bus.request(command)
    answers = [
        {"Id": one.activity_id, "Status": STORED if one.activity_type in _SUPPORTED else TYPE_NOT_SUPPORTED}
        for one in activities
    ]
    return json_answer({"ActivityResponses": answers})


def activities_in(body: bytes) -> tuple[Activity, ...]:
    """The activities of a request's body. Raises BadRequest."""
    try:
        parsed = orjson.loads(body)
    except ValueError as error:
        raise BadRequest("the body isn't JSON") from error
    listed = parsed.get("Activities") if isinstance(parsed, dict) else None
    if not isinstance(listed, list):
        raise BadRequest("the body must be an object with a list of Activities")
    if len(listed) > ACTIVITIES_MAX:
        raise BadRequest(f"there must not be more than {ACTIVITIES_MAX} Activities")
    return tuple(_activity(one) for one in listed)


def _activity(raw: Any) -> Activity:
    if not isinstance(raw, dict) or not isinstance(raw.get("Id"), str) or not isinstance(raw.get("Type"), str):
        raise BadRequest("each activity must be an object with an Id and a Type")
    # Times, people and data are handed on as they are: clients send times that are no valid dates.
    return Activity(raw["Id"], raw["Type"], orjson.dumps(raw).decode())
