"""The JSON that the API answers with. The OpenAPI document is made from these very types.

What isn't known or doesn't apply is left out; nothing is null. Times are RFC 3339 in UTC with up to six decimals, and
are taken back as they were given. People are named by their sign-in name if that leads back to them, else by their id:
what stands here can be used wherever the API takes a user.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

RoleName = Literal["none", "viewer", "editor", "owner"]
DialectName = Literal["office", "collabora", "onlyoffice"]

Id = Annotated[str, Meta(pattern="^[A-Za-z0-9]{1,64}$", examples=["0b7d1c2e9a3f4d5e8f60718293a4b5c6"])]
Time = Annotated[datetime, Meta(tz=True, examples=["2026-03-01T12:30:00.000001Z"])]
Person = Annotated[str, Meta(description="A user: their sign-in name or id; empty for nobody.", examples=["anna"])]
Size = Annotated[int, Meta(ge=0, description="In bytes.", examples=[2048])]
VersionNumber = Annotated[int, Meta(ge=1, description="Grows with each change of the content.", examples=[3])]
Sha256 = Annotated[
    str,
    Meta(description="SHA-256 of the bytes in base64.", examples=["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]),
]
Path = Annotated[
    str,
    Meta(
        description="From the root, with a slash in front. Absent if the user may not see a container on the way.",
        examples=["/Reports/March.docx"],
    ),
]
Role = Annotated[RoleName, Meta(description="What the calling user may do here.")]


class LockResource(Struct, frozen=True, kw_only=True):
    """A lock: a client has the file open. The lock's id is the client's secret and never shown."""

    taken_at: Annotated[Time, Meta(description="Names this lock when it is to be broken.")]
    taken_by: Person
    refreshed_at: Time
    refreshed_by: Person
    expires_at: Time
    client: Annotated[str, Meta(description="What the client calls itself.")]
    session_id: Annotated[str, Meta(description="The client's name for the session.")]


class FileResource(Struct, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """A file."""

    id: Id
    name: Annotated[str, Meta(description="With extension.", examples=["March.docx"])]
    container_id: Id
    path: Path | UnsetType = UNSET
    size: Size
    version: VersionNumber
    sha256: Sha256
    last_modified: Annotated[Time, Meta(description="When the content was last saved.")]
    last_modified_by: Person
    created: Time
    owner: Person
    role: Role
    lock: LockResource | UnsetType = UNSET


class ContainerResource(Struct, frozen=True, kw_only=True, tag_field="kind", tag="container"):
    """A container of files and other containers."""

    id: Id
    name: Annotated[str, Meta(examples=["Reports"])]
    parent_id: Annotated[Id | UnsetType, Meta(description="Absent for the root.")] = UNSET
    path: Path | UnsetType = UNSET
    created: Time
    owner: Person
    role: Role


class Children(Struct, frozen=True, kw_only=True):
    """A page of what is in a container: containers first, then files, each by name."""

    items: list[ContainerResource | FileResource]
    next: Annotated[
        str | UnsetType, Meta(description="Give it as `after` for the next page. Absent if this is the last one.")
    ] = UNSET


class VersionResource(Struct, frozen=True, kw_only=True):
    """One state of a file's content."""

    version: VersionNumber
    size: Size
    sha256: Sha256
    saved_at: Time
    saved_by: Person
    editors: Annotated[list[Person], Meta(description="Everyone whose changes are in this save, as far as known.")]
    client: Annotated[str, Meta(description="What the client that saved calls itself.")]
    is_current: bool


class Versions(Struct, frozen=True, kw_only=True):
    """The versions of a file that are kept, the newest first."""

    items: list[VersionResource]


class DraftResource(Struct, frozen=True, kw_only=True):
    """The bytes of a save that was refused or failed, kept so that nobody's work is lost."""

    id: Id
    file_id: Id
    file_name: str
    base_version: VersionNumber
    size: Size
    sha256: Sha256
    saved_by: Person
    client: Annotated[str, Meta(description="What the client that tried to save calls itself.")]
    refused_at: Time
    reason: str


class Drafts(Struct, frozen=True, kw_only=True):
    """Drafts, the oldest first."""

    items: list[DraftResource]


class LockState(Struct, frozen=True, kw_only=True):
    """Whether a file is locked, and by whom."""

    locked: bool
    lock: LockResource | UnsetType = UNSET


class LockedFile(Struct, frozen=True, kw_only=True):
    """A file with the lock on it."""

    file: FileResource
    lock: LockResource


class LockedFiles(Struct, frozen=True, kw_only=True):
    """Files that are locked, those first whose locks expire soonest."""

    items: list[LockedFile]


class SaveResource(Struct, frozen=True, kw_only=True):
    """The last save of a file."""

    file_id: Id
    name: str
    path: Path | UnsetType = UNSET
    version: VersionNumber
    size: Size
    saved_at: Time
    saved_by: Person
    client: Annotated[str, Meta(description="What the client that saved calls itself.")]
    session_id: Annotated[str, Meta(description="The client's name for the session.")]
    editors: list[Person]


class Saves(Struct, frozen=True, kw_only=True):
    """The last save of each file, the latest first."""

    items: list[SaveResource]


class GrantResource(Struct, frozen=True, kw_only=True):
    """A role that a user was given here. The grant nearest to a resource decides."""

    user: Person
    role: RoleName


class Grants(Struct, frozen=True, kw_only=True):
    """The grants on this very resource, without those further up."""

    items: list[GrantResource]


class UserResource(Struct, frozen=True, kw_only=True):
    """A user."""

    id: Annotated[str, Meta(description="What WOPI clients know the user by.", examples=["anna"])]
    name: Annotated[str, Meta(description="The sign-in name.", examples=["anna"])]
    friendly_name: Annotated[str, Meta(examples=["Anna Schmidt"])]
    base_role: Annotated[RoleName, Meta(description="The role wherever no grant names the user.")]
    is_edu: bool
    is_business: bool
    is_operator: Annotated[bool, Meta(description="Whether this is the operator, who owns everything.")]


class AccessToken(Struct, frozen=True, kw_only=True):
    """A WOPI access token, and the WOPI address that it's good for."""

    wopi_src: Annotated[str, Meta(examples=["https://docs.example.com/wopi/files/0b7d1c2e9a3f4d5e"])]
    access_token: str
    access_token_ttl: Annotated[
        int, Meta(description="When the token expires, in milliseconds since 1970-01-01 UTC.", examples=[1772370600000])
    ]


class OpenAction(Struct, frozen=True, kw_only=True):
    """What a page needs to open a file: POST the token and its ttl as a form to `action_url`, in a frame."""

    action_url: str
    access_token: str
    access_token_ttl: Annotated[int, Meta(description="When the token expires, in milliseconds since 1970-01-01 UTC.")]
    favicon_url: Annotated[str | UnsetType, Meta(description="The client's icon for this type of file.")] = UNSET


class CloudEvent(Struct, frozen=True, kw_only=True):
    """What happened to one file or container (CloudEvents 1.0). Its id is the same whenever it is delivered again."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(description="The resource's id and the event's number.", examples=["0b7d1c2e9a3f4d5e:7"])]
    source: Annotated[str, Meta(description="The host's address.", examples=["https://docs.example.com"])]
    type: Annotated[str, Meta(examples=["file.content_changed"])]
    subject: Annotated[str, Meta(description="The resource's id.", examples=["0b7d1c2e9a3f4d5e"])]
    time: Time
    datacontenttype: Literal["application/json"]
    data: Annotated[dict[str, Any], Meta(description="What belongs to the type of event.", examples=[{"sequence": 7}])]


class EventMessage(Struct, frozen=True, kw_only=True):
    """One server-sent event."""

    id: Annotated[str, Meta(description="Its place in the stream: go on `after` it.", examples=["42"])]
    event: Annotated[str, Meta(description="The type of event.", examples=["file.content_changed"])]
    data: Annotated[
        str,
        Meta(
            description="A CloudEvent in JSON.",
            extra_json_schema={
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": "#/components/schemas/CloudEvent"},
            },
        ),
    ]


class WebhookResource(Struct, frozen=True, kw_only=True):
    """An address that is told of events, and how that goes."""

    id: Id
    url: Annotated[str, Meta(examples=["https://index.example.com/lectern"])]
    types: Annotated[list[str], Meta(description="None stands for all.", examples=[["file.content_changed"]])]
    description: str
    created: Time
    is_active: bool
    stopped_because: Annotated[str | UnsetType, Meta(description="Why the host itself made it inactive.")] = UNSET
    position: Annotated[
        str | UnsetType, Meta(description="All events up to there are delivered or dead letters.", examples=["42"])
    ] = UNSET
    last_delivery: Annotated[Time | UnsetType, Meta(description="When the receiver last took an event.")] = UNSET
    failing_since: Annotated[Time | UnsetType, Meta(description="Absent if the last attempt succeeded.")] = UNSET
    last_failure: Annotated[str | UnsetType, Meta(description="What went wrong last.")] = UNSET
    dead_letters: Annotated[int, Meta(ge=0, description="How many events were given up and are kept.")]


class Webhooks(Struct, frozen=True, kw_only=True):
    """Webhooks, the oldest first."""

    items: list[WebhookResource]


class WebhookSecret(Struct, frozen=True, kw_only=True):
    """A webhook's secret: shown this once."""

    id: Id
    secret: Annotated[
        str,
        Meta(
            description="The key of the signatures: after `whsec_`, in Base64.",
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
        ),
    ]


class DeadLetterResource(Struct, frozen=True, kw_only=True):
    """An event that was given up for a webhook."""

    id: Id
    event: CloudEvent
    failed_at: Time
    attempts: Annotated[int, Meta(ge=1)]
    reason: Annotated[str, Meta(examples=["the receiver answered with status 500"])]
    is_waiting: Annotated[bool, Meta(description="Whether it's to be tried once more.")]


class DeadLetters(Struct, frozen=True, kw_only=True):
    """Dead letters, in the order in which they failed first."""

    items: list[DeadLetterResource]


class RetriedLetters(Struct, frozen=True, kw_only=True):
    """How many dead letters are to be tried once more."""

    count: Annotated[int, Meta(ge=0)]
