"""What the API takes: query parameters and JSON bodies, typed, limited, and refused with a sentence.

A body is a flat object of at most BODY_MAX_BYTES: an object or list where a plain value belongs, or a field that isn't
known, ends the reading at once, so that no nesting is ever followed.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Final, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, inspect, structs

from services.gateway.api.problems import Kind, Refused
from services.gateway.api.resources import DialectName, RoleName
from services.gateway.uploads import pieces
from shared.core.names import BASE_NAME_MAX, EXTENSION_MAX
from shared.core.users import USER_NAME_MAX
from shared.core.webhooks import DESCRIPTION_MAX, KINDS, URL_MAX
from shared.messages.events import FACT_TYPES

BODY_MAX_BYTES: Final = 1024 * 1024
PAGE_MAX: Final = 1000
"""Most items of one page."""
REASON_MAX: Final = 1000
PATH_MAX: Final = 20_000
"""Longest path in a body, in characters: MAX_DEPTH containers and a file."""
QUERY_PATH_MAX: Final = 4000
"""Longest path in a query, in characters: an address is limited, too."""
VERSION_MAX: Final = 10**15
"""Past any version that a file will have."""

LANGUAGE_PATTERN: Final = "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS: Final = {"true": True, "false": False}

InputT = TypeVar("InputT", bound=Struct)

VersionInput = Annotated[
    float,  # in JSON, 3.0 is the number 3
    Meta(
        description="The file's current version, as far as the caller knows.",
        ge=1,
        le=VERSION_MAX,
        multiple_of=1,
        examples=[3],
    ),
]
_FOR_WHOM: Final = "Absent for the caller. A name that the operator gives and that isn't known becomes known."

FileName = Annotated[
    str,
    Meta(
        description="With extension. Without control characters and without any of "
        r'\ / : * ? " < > | # { } ^ [ ] ` %'
        "; no dot or blank at its start or end, no blank before the extension.",
        min_length=1,
        max_length=BASE_NAME_MAX + EXTENSION_MAX,
        examples=["March.docx"],
        extra_json_schema={"format": "file-name"},
    ),
]
ContainerName = Annotated[
    str,
    Meta(
        description="As for files, but without an extension of its own.",
        min_length=1,
        max_length=BASE_NAME_MAX,
        examples=["Reports"],
        extra_json_schema={"format": "container-name"},
    ),
]
UserName = Annotated[
    str,
    Meta(
        description="A sign-in name or an id: printable, without blanks around it.",
        min_length=1,
        max_length=USER_NAME_MAX,
        examples=["anna"],
        extra_json_schema={"format": "user-name"},
    ),
]
FriendlyName = Annotated[
    str,
    Meta(min_length=1, max_length=USER_NAME_MAX, examples=["Anna Schmidt"], extra_json_schema={"format": "user-name"}),
]
ActionName = Annotated[
    str,
    Meta(
        description="An action of the client's discovery document, such as `view` or `edit`. Absent: `edit` if the user may"
        " and the client can, `editnew` for an empty file, else `view`.",
        max_length=64,
        examples=["edit"],
    ),
]
Language = Annotated[
    str,
    Meta(
        description="Language of the client's user interface.",
        max_length=35,
        examples=["de-DE"],
        extra_json_schema={"pattern": f"^{LANGUAGE_PATTERN}$"},
    ),
]
IdInput = Annotated[str, Meta(max_length=64, examples=["0b7d1c2e9a3f4d5e8f60718293a4b5c6"])]
PathInput = Annotated[
    str, Meta(max_length=PATH_MAX, examples=["/Reports/March.docx"], extra_json_schema={"pattern": "^/"})
]


EventTypes = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": [*FACT_TYPES, *KINDS]})]],
    Meta(
        description="Types of events; `file.*` and `container.*` stand for all of a kind, none for all.", max_length=50
    ),
]
WebhookUrl = Annotated[
    str,
    Meta(
        description="Absolute, http or https, without user name and fragment. Must lead to a public address, or to one in"
        " LECTERN_WEBHOOK_NETWORKS.",
        max_length=URL_MAX,
        examples=["https://index.example.com/lectern"],
        extra_json_schema={"format": "webhook-url"},
    ),
]
WebhookDescription = Annotated[
    str, Meta(description="For people.", max_length=DESCRIPTION_MAX, examples=["Search index"])
]


class NoQuery(Struct, frozen=True, kw_only=True):
    """Takes no query parameters."""


class NoBody(Struct, frozen=True, kw_only=True):
    """Takes no body."""


class ResolveQuery(Struct, frozen=True, kw_only=True):
    """Which path to look up."""

    path: Annotated[
        str,
        Meta(
            description='From the root: "/" is the root, "/a/" a container, "/a" a file or else a container.',
            max_length=QUERY_PATH_MAX,
            examples=["/Reports/March.docx"],
            extra_json_schema={"pattern": "^/"},
        ),
    ]


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which page of a listing."""

    after: (
        Annotated[
            str,
            Meta(
                description="`next` of the page before.",
                max_length=QUERY_PATH_MAX,
                extra_json_schema={"pattern": "^$|^(container|file):"},
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX, description="Most items of the page.")] = 100


class SavesQuery(Struct, frozen=True, kw_only=True):
    """Since when."""

    since: (
        Annotated[
            datetime,
            Meta(tz=True, description="Only saves at or after that time.", examples=["2026-03-01T00:00:00Z"]),
        ]
        | UnsetType
    ) = UNSET


class UnlockQuery(Struct, frozen=True, kw_only=True):
    """Which lock is to be broken, and why."""

    taken_at: Annotated[
        datetime,
        Meta(
            tz=True,
            description="`taken_at` of the lock that was looked at: a newer lock is left alone.",
            examples=["2026-03-01T12:30:00.000001Z"],
        ),
    ]
    reason: Annotated[
        str, Meta(max_length=REASON_MAX, description="Told to subscribers of events.", examples=["Word has crashed"])
    ] = ""


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Where to begin, and whether to stay."""

    after: Annotated[
        str | UnsetType,
        Meta(
            description="The `id` of the last event had; `latest` for none of those that are there already.",
            extra_json_schema={"format": "event-position"},
        ),
    ] = UNSET
    follow: Annotated[bool, Meta(description="Whether to wait for new events.")] = True


class NewContainer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container that is to be made."""

    name: ContainerName


class ContainerChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new name, another place, or both."""

    name: ContainerName | UnsetType = UNSET
    parent_id: IdInput | UnsetType = UNSET


class FileChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new name, another container, or both."""

    name: FileName | UnsetType = UNSET
    container_id: IdInput | UnsetType = UNSET


class CopyWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the copy is to be; without a name, it gets the file's, counted up if that is taken."""

    container_id: IdInput | UnsetType = UNSET
    name: FileName | UnsetType = UNSET


class RestoreWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A safeguard: nothing is restored over a save that the caller hasn't seen."""

    expected_version: VersionInput | UnsetType = UNSET

    @property
    def expected(self) -> int | None:
        """The version as a number without a fraction; None if any will do."""
        return None if self.expected_version is UNSET else int(self.expected_version)


class GrantWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The role to be given; `none` keeps the user out, whatever is granted further up."""

    role: RoleName


class TokenWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom and for what: exactly one of `path`, `file_id`, `container_id`."""

    user: Annotated[UserName | UnsetType, Meta(description=_FOR_WHOM)] = UNSET
    path: PathInput | UnsetType = UNSET
    file_id: IdInput | UnsetType = UNSET
    container_id: IdInput | UnsetType = UNSET
    dialect: Annotated[DialectName, Meta(description="The kind of client that the token is for.")] = "office"
    read_only: Annotated[bool, Meta(description="A token that only ever reads.")] = False
    supports_locks: Annotated[bool, Meta(description="False for a client that can't lock.")] = True


class NewWebhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are to go, and which."""

    url: WebhookUrl
    types: EventTypes = []
    description: WebhookDescription = ""
    after: Annotated[
        str | UnsetType,
        Meta(
            description="The position of the last event that isn't wanted any more; absent for new events alone.",
            extra_json_schema={"format": "event-position"},
        ),
    ] = UNSET


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another one."""

    url: WebhookUrl | UnsetType = UNSET
    types: EventTypes | UnsetType = UNSET
    description: WebhookDescription | UnsetType = UNSET
    is_active: Annotated[bool | UnsetType, Meta(description="False pauses delivery; true goes on where it was.")] = (
        UNSET
    )


class ReplayWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where delivery is to begin anew: exactly one of `after`, `since`."""

    after: Annotated[
        str | UnsetType,
        Meta(
            description="The position of the last event that isn't to be delivered again.",
            extra_json_schema={"format": "event-position"},
        ),
    ] = UNSET
    since: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="All events kept that happened at that time or later.",
                examples=["2026-03-01T00:00:00Z"],
            ),
        ]
        | UnsetType
    ) = UNSET


class LettersQuery(Struct, frozen=True, kw_only=True):
    """Which page of dead letters."""

    after: Annotated[str, Meta(description="`id` of the last one had.", max_length=64)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX, description="Most items of the page.")] = 100


ONE_OF: Final[Mapping[type[Struct], tuple[str, ...]]] = {
    TokenWish: ("path", "file_id", "container_id"),
    ReplayWish: ("after", "since"),
}
"""Of which fields exactly one is needed."""


class OpenWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the file is to be opened, and by whom."""

    action: ActionName | UnsetType = UNSET
    user: Annotated[UserName | UnsetType, Meta(description=_FOR_WHOM)] = UNSET
    dialect: Annotated[DialectName, Meta(description="The kind of client that opens it.")] = "office"
    ui: Language | UnsetType = UNSET


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be known of a user."""

    friendly_name: FriendlyName | UnsetType = UNSET
    base_role: Annotated[
        RoleName | UnsetType,
        Meta(description="Only for a user who isn't known yet; later, grant a role on the root container instead."),
    ] = UNSET
    is_edu: bool | UnsetType = UNSET
    is_business: bool | UnsetType = UNSET


def refuse_undecodable_target(request: web.Request) -> None:
    """Raises Refused if the request's address has percent-escapes that are no text."""
    try:
        unquote_to_bytes(request.raw_path).decode()
    except UnicodeError:
        raise Refused(Kind.BAD_REQUEST, "the address must be UTF-8, percent-encoded") from None


def query_of(request: web.Request, expected: type[InputT]) -> InputT:
    """The query parameters; unknown ones are overlooked, of several with one name the last counts."""
    given = {name: _plain(text, _query_types(expected).get(name)) for name, text in request.query.items()}
    try:
        return msgspec.convert(given, expected)
    except msgspec.ValidationError as error:
        raise Refused(Kind.BAD_REQUEST, f"query: {_sentence(error)}") from None


@cache
def _query_types(expected: type[Struct]) -> dict[str, type[inspect.Type]]:
    described = {field.name: inspect.type_info(field.type) for field in structs.fields(expected)}
    return {name: type(kind.type if isinstance(kind, inspect.Metadata) else kind) for name, kind in described.items()}


def _plain(text: str, kind: type[inspect.Type] | None) -> str | int | bool:
    """A parameter's text as the value that it stands for; as it is if it stands for none."""
    if kind is inspect.IntType and _INTEGER.fullmatch(text):
        return int(text)
    if kind is inspect.BoolType and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    return text


async def body_of(request: web.Request, expected: type[InputT]) -> InputT:
    """The JSON body; an empty one stands for an object without fields."""
    raw = bytearray()
    async for piece in pieces(request):
        raw += piece
        if len(raw) > BODY_MAX_BYTES:
            raise Refused(Kind.TOO_LARGE, f"the body must not be larger than {BODY_MAX_BYTES} bytes")
    if raw and request.headers.get("Content-Type") and not _is_json(request.content_type):
        raise Refused(Kind.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
    try:
        body = msgspec.json.decode(bytes(raw) or b"{}", type=expected)
    except msgspec.ValidationError as error:
        raise Refused(Kind.BAD_REQUEST, f"body: {_sentence(error)}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused(Kind.BAD_REQUEST, "the body must be JSON in UTF-8") from None
    alternatives = ONE_OF.get(expected, ())
    if alternatives and sum(getattr(body, name) is not UNSET for name in alternatives) != 1:
        raise Refused(Kind.BAD_REQUEST, f"body: exactly one of {', '.join(alternatives)} is needed")
    return body


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]
