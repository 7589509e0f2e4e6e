"""What an operation of the API is: one row that says how it is called, what it takes, and all that it can answer.

Routes and the OpenAPI document are made from the same rows, and the row's types are those that the handler gets its
input in. What every operation has in common happens here: signing in, parsing, and turning errors into problems.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from services.gateway.access import ContainerAccess, FileAccess, container_access, file_access
from services.gateway.api.inputs import NoBody, body_of, query_of, refuse_undecodable_target
from services.gateway.api.problems import Kind, Refused, problem_response, refusal_of
from services.gateway.api.sign_in import challenge, sign_in
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import ERROR_ANSWER, ErrorAnswer, log_id
from services.gateway.wopi.dispatch import OPERATION, RESOURCE_ID
from shared.core.errors import LecternError, NotFound
from shared.core.permissions import Role
from shared.core.users import OPERATOR_ID, User

QueryT = TypeVar("QueryT", bound=Struct)
BodyT = TypeVar("BodyT", bound=Struct)
QueryT_co = TypeVar("QueryT_co", bound=Struct, covariant=True)
BodyT_co = TypeVar("BodyT_co", bound=Struct, covariant=True)

PREFIX: Final = "/api/v1"
ID_PATTERN: Final = "[A-Za-z0-9]{1,64}"
NO_STORE: Final = {"Cache-Control": "no-store"}
NUMBER_PATTERN: Final = "[1-9][0-9]{0,14}"

_ID: Final = re.compile(ID_PATTERN)
_NUMBER: Final = re.compile(NUMBER_PATTERN)


class Who(Enum):
    """Who may call an operation. What they then may do is a matter of their role on the resource."""

    USERS = "users"
    OPERATOR = "operator"


class Form(Enum):
    """The form of a body that isn't JSON."""

    BYTES = "application/octet-stream"
    EVENTS = "text/event-stream"
    EMPTY = ""


Body = type[Struct] | Form | Any
"""What an answer carries: a type (or union of types) that becomes JSON, or a form."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation succeeds."""

    body: Body
    meaning: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header -> what it says."""


@dataclass(frozen=True, slots=True)
class Call(Generic[QueryT_co, BodyT_co]):
    """One request, signed in and parsed."""

    request: web.Request
    gateway: Gateway
    user: User
    """Who calls, or the user whom the operator acts for."""
    query: QueryT_co
    body: BodyT_co
    least: Role
    """The role on the resource of the path that the operation needs."""

    @property
    def is_operator(self) -> bool:
        """Whether the operator calls, in nobody else's name."""
        return self.user.user_id == OPERATOR_ID

    def part(self, name: str) -> str:
        """The part of the path with that name, decoded."""
        return self.request.match_info[name]

    def address(self, path: str) -> str:
        """The full address of `path`, which is below PREFIX."""
        return f"{self.gateway.addresses.public_url}{PREFIX}{path}"

    def id(self, name: str) -> str:
        """The part of the path with that name, which is an id. Raises NotFound for what can't be one."""
        text = self.part(name)
        if not _ID.fullmatch(text):
            raise NotFound("there is nothing with such an id")
        return text

    async def file(self) -> FileAccess:
        """The file of the path, for a user who has the role that the operation needs. Raises NotFound."""
        return await file_access(self.gateway, self.user, self.id("file_id"), self.least)

    async def container(self) -> ContainerAccess:
        """The container of the path, for a user who has the role that the operation needs. Raises NotFound."""
        return await container_access(self.gateway, self.user, self.id("container_id"), self.least)

    def number(self, name: str) -> int:
        """The part of the path with that name, which is a version. Raises NotFound for what can't be one."""
        text = self.part(name)
        if not _NUMBER.fullmatch(text):
            raise NotFound("there is no such version")
        return int(text)


AnyCall = Call[Struct, Struct]
Handler = Callable[[Call[QueryT, BodyT]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Operation(Generic[QueryT, BodyT]):
    """One row of the API's table."""

    method: str
    path: str
    """Below PREFIX."""
    handler: Handler[QueryT, BodyT]
    query: type[QueryT]
    body: type[BodyT]
    answers: Mapping[int, Answer]
    problems: tuple[Kind, ...] = ()
    """Besides those that every operation of its kind can have."""
    needs: Role = Role.NONE
    """The least role on the file or container of the path; NONE if there is none in the path."""
    who: Who = Who.USERS
    takes_bytes: bool = False
    """Whether the body is the bytes of a file, which the handler reads itself."""

    @property
    def name(self) -> str:
        """The handler's name: operationId in the document, and the operation in logs."""
        return self.handler.__name__

    @property
    def takes_json(self) -> bool:
        """Whether the body is JSON."""
        return self.body is not NoBody

    @property
    def has_head(self) -> bool:
        """Whether HEAD is known as well: for what is downloaded."""
        return self.method == "GET" and any(answer.body is Form.BYTES for answer in self.answers.values())

    @property
    def is_conditional(self) -> bool:
        """Whether If-Match and If-None-Match count."""
        return Kind.PRECONDITION_FAILED in self.problems

    @property
    def all_problems(self) -> tuple[Kind, ...]:
        """All kinds of problems that it can answer with."""
        kinds = [Kind.BAD_REQUEST, Kind.UNAUTHORIZED]
        if "{" in self.path or self.who is Who.OPERATOR:
            kinds.append(Kind.NOT_FOUND)
        if self.takes_json or self.takes_bytes:
            kinds += [Kind.TIMEOUT, Kind.TOO_LARGE]
        if self.takes_json:
            kinds.append(Kind.UNSUPPORTED_MEDIA_TYPE)
        return (*kinds, *self.problems, Kind.INTERNAL, Kind.UNAVAILABLE)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer a request: the route's handler."""
        request[OPERATION], request[RESOURCE_ID] = self.name, self._resource_id(request)
        answer: ErrorAnswer = partial(error_answer, request)
        request[ERROR_ANSWER] = answer
        refuse_undecodable_target(request)
        return await self.handler(await self._call(request))

    @staticmethod
    def _resource_id(request: web.Request) -> str:
        """The id in the path, for logs."""
        parts = request.match_info
        return log_id(
            parts.get("file_id") or parts.get("container_id") or parts.get("draft_id") or parts.get("webhook_id") or ""
        )

    async def _call(self, request: web.Request) -> Call[QueryT, BodyT]:
        user = await sign_in(request)
        if self.who is Who.OPERATOR and user.user_id != OPERATOR_ID:
            raise NotFound("there is nothing here that this user may see")
        query = query_of(request, self.query)
        body = self.body() if self.body is NoBody else await body_of(request, self.body)
        return Call(request, request.app[GATEWAY], user, query, body, self.needs)


def error_answer(request: web.Request, error: LecternError) -> web.Response:
    """The problem document that an error becomes, with a challenge if it's a matter of who asks."""
    refused = error if isinstance(error, Refused) else refusal_of(error)
    return problem_response(refused, NO_STORE | (challenge(request) if refused.kind is Kind.UNAUTHORIZED else {}))


def json_response(body: Struct, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The resource as an answer; never to be kept by caches, for it depends on who asks."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers=NO_STORE | dict(headers or {}),
    )


def no_content() -> web.Response:
    """The answer of an operation that has nothing to tell but success."""
    return web.Response(status=204, headers=NO_STORE)
