"""What the API answers when it refuses: problem documents, each of a kind that a program can tell.

Spec: RFC 9457.
"""

from enum import Enum
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from shared.core.errors import LecternError

MEDIA_TYPE: Final = "application/problem+json"
_URN: Final = "urn:problem-type:lectern:"


class Kind(Enum):
    """A kind of problem: the end of its `type`, the status that it comes with, and what it means."""

    BAD_REQUEST = "bad-request", HTTPStatus.BAD_REQUEST, "the request can't be understood, or a name is illegal"
    UNAUTHORIZED = "unauthorized", HTTPStatus.UNAUTHORIZED, "the key or token is missing, wrong or expired"
    NOT_FOUND = "not-found", HTTPStatus.NOT_FOUND, "it isn't there, or the caller may not see or do that"
    METHOD_NOT_ALLOWED = "method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "the address doesn't know the method"
    TIMEOUT = "timeout", HTTPStatus.REQUEST_TIMEOUT, "no byte of the body arrived for too long"
    NAME_TAKEN = "name-taken", HTTPStatus.CONFLICT, "there is one of that name already"
    LOCKED = "locked", HTTPStatus.CONFLICT, "a client has the file open"
    LOCK_CHANGED = "lock-changed", HTTPStatus.CONFLICT, "the lock that was looked at is gone, or is another one now"
    VERSION_CHANGED = "version-changed", HTTPStatus.CONFLICT, "the file was changed by someone else"
    NOT_EMPTY = "not-empty", HTTPStatus.CONFLICT, "the container has children"
    ROOT_STAYS = "root-stays", HTTPStatus.CONFLICT, "the root container can't be moved or deleted"
    WOULD_LOOP = "would-loop", HTTPStatus.CONFLICT, "the container would be inside itself, or too deep"
    FIXED = "fixed", HTTPStatus.CONFLICT, "that can't be changed"
    TOO_MANY = "too-many", HTTPStatus.CONFLICT, "there are as many as there can be"
    NO_ACTION = "no-action", HTTPStatus.CONFLICT, "there is no WOPI client that could open the file like that"
    PRECONDITION_FAILED = "precondition-failed", HTTPStatus.PRECONDITION_FAILED, "If-Match or If-None-Match says no"
    TOO_LARGE = "too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is larger than the host takes"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body isn't JSON"
    RANGE_NOT_SATISFIABLE = (
        "range-not-satisfiable",
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "the range lies outside of the content",
    )
    INTERNAL = "internal", HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on the host; its log says more"
    UNAVAILABLE = "unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "a part of the host doesn't answer now; try again"

    def __init__(self, slug: str, status: HTTPStatus, meaning: str) -> None:
        self.slug = slug
        self.status = status
        self.meaning = meaning

    @property
    def urn(self) -> str:
        """`type` of the problem document."""
        return _URN + self.slug


_BY_STATUS: Final = {kind.status: kind for kind in reversed(Kind)}
"""The kind for a status that an error hints at; the first of several."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused or failed (RFC 9457)."""

    type: Annotated[str, Meta(description="The kind of problem; programs go by it.", examples=[Kind.LOCKED.urn])]
    title: Annotated[str, Meta(description="The status in words.", examples=["Conflict"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[409])]
    detail: Annotated[str, Meta(description="A sentence for a person.", examples=["the file is locked"])]
    free_name: Annotated[str | UnsetType, Meta(description="A name that would do instead of the taken one.")] = UNSET
    legal_name: Annotated[str | UnsetType, Meta(description="A name that would do instead of the illegal one.")] = UNSET
    current_version: Annotated[int | UnsetType, Meta(description="The file's version now.")] = UNSET


class Refused(LecternError):
    """Ends a request with a problem document of that kind."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        free_name: str | UnsetType = UNSET,
        legal_name: str | UnsetType = UNSET,
        current_version: int | UnsetType = UNSET,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.problem = Problem(
            type=kind.urn,
            title=kind.status.phrase,
            status=kind.status.value,
            detail=detail,
            free_name=free_name,
            legal_name=legal_name,
            current_version=current_version,
        )


def refusal_of(error: LecternError) -> Refused:
    """The problem that an error is, by the status that it hints at."""
    kind = _BY_STATUS.get(HTTPStatus(error.status), Kind.INTERNAL)
    return Refused(kind, str(error) or kind.status.phrase)


def problem_response(refused: Refused, headers: dict[str, str] | None = None) -> web.Response:
    """The answer that tells of the problem."""
    return web.Response(
        status=refused.kind.status.value,
        body=msgspec.json.encode(refused.problem),
        content_type=MEDIA_TYPE,
        headers=headers,
    )
