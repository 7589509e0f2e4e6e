"""The port of metadata: files, containers, users and drafts, each in a store that saves one document in one step.

Promises that every adapter keeps:

- What a method has returned is durable, and every later read sees it.
- `replace` is a compare-and-set on the document's revision: state, events and outcomes are saved together or not at all.
- Events of one resource are numbered without gaps and reach subscribers in that order, at least once.
- The name of a file is unique among the files of a container, that of a container among the containers of its parent,
  by `shared.core.names.name_key`; what is deleted holds no name.
- Deleted resources are seen by `load` alone, so that a redelivered command finds what it did; all other reads don't
  find them.
- Objects handed out are frozen and may be shared.
- A server or disk that doesn't answer raises Unavailable.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.core.containers import Container
from shared.core.drafts import Draft
from shared.core.errors import LecternError
from shared.core.file import File, FileHead
from shared.core.users import User
from shared.messages.events import Event
from shared.ports.webhooks import WebhookStore

StateT = TypeVar("StateT")


class NameInUse(LecternError):
    """Another resource in the same container has the name; nothing was changed."""

    status = 409


@dataclass(frozen=True, slots=True)
class Applied:
    """A command that took effect, and what was answered: a redelivery gets the same."""

    command_id: str
    applied_at: datetime
    outcome: bytes
    """As `shared.messages.codec.encode_outcome` made it."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[StateT]):
    """A document as it was read."""

    state: StateT
    revision: int
    sequence: int
    """Number of the resource's last event."""
    applied: tuple[Applied, ...] = ()


@dataclass(frozen=True, slots=True)
class Change(Generic[StateT]):
    """What to put in place of a document, or to begin one with."""

    state: StateT
    events: tuple[Event, ...] = ()
    """In order, numbered on from the document's last one."""
    applied: tuple[Applied, ...] = ()
    """All that are to be kept from now on."""


class AggregateStore(Protocol[StateT]):
    """What files and containers have in common; `key` is the resource's id."""

    async def load(self, key: str) -> Loaded[StateT]:
        """The document for a change, even if the resource is deleted. Raises NotFound if there never was one."""

    async def insert(self, change: Change[StateT]) -> bool:
        """Begin a document. False, and nothing is changed, if one of that id exists; raises NameInUse."""

    async def replace(self, loaded: Loaded[StateT], change: Change[StateT]) -> bool:
        """Put `change` in place of `loaded`, in one durable step.

        False, and nothing is changed, if the document is no longer at `loaded.revision`; raises NameInUse.
        """

    async def names_taken(self, parent_id: str, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that a sibling in the container `parent_id` has."""

    async def forget_deleted(self, before: datetime, limit: int) -> int:
        """Remove what is left of resources deleted before that time, if their events are out; says how many."""


class FileStore(AggregateStore[File], Protocol):
    """Files."""

    async def find(self, file_id: str) -> FileHead | None:
        """The file for a read; None if there is none."""

    async def by_name(self, container_id: str, name: str) -> FileHead | None:
        """The file of that name in the container; None if there is none."""

    async def in_container(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[FileHead]:
        """Files directly in the container, in the order of their name keys; `after` is the name of the last one had."""

    async def locked(self, *, expired_by: datetime | None = None, limit: int = 1000) -> Sequence[FileHead]:
        """Files with a lock, those that expire soonest first; with `expired_by` only those whose time was up by then."""

    async def saved_since(self, since: datetime, limit: int = 1000) -> Sequence[FileHead]:
        """Files whose current content was saved at or after `since`, the latest first."""

    async def with_former_before(self, before: datetime, limit: int) -> Sequence[str]:
        """Ids of files that keep a former version that was replaced before that time."""

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a file refers to, in its content or in a former version."""

    async def count(self) -> int:
        """How many files there are."""

    async def count_locked(self) -> int:
        """How many of them carry a lock, with those whose time is up."""


class ContainerStore(AggregateStore[Container], Protocol):
    """Containers."""

    async def find(self, container_id: str) -> Container | None:
        """The container; None if there is none."""

    async def chain(self, container_id: str) -> tuple[Container, ...]:
        """The containers from the root down to this one, itself included; () if there is no such container."""

    async def by_name(self, parent_id: str, name: str) -> Container | None:
        """The container of that name in the parent; None if there is none."""

    async def children(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[Container]:
        """Containers directly in the container, in the order of their name keys; `after` as for files."""

    async def closing(self) -> Sequence[Container]:
        """Containers that are marked as closing: their deletion broke off, if it isn't under way."""


class UserStore(Protocol):
    """Users."""

    async def find(self, user_id: str) -> User | None:
        """The user; None if the host doesn't know them."""

    async def register(self, user: User) -> bool:
        """Make the user known, or change all but their UserInfo and base role; True if they weren't known before."""

    async def put_user_info(self, user_id: str, user_info: str) -> None:
        """Keep the user's UserInfo; a user not known yet becomes known by their id."""


class DraftStore(Protocol):
    """Drafts."""

    async def insert(self, draft: Draft) -> None:
        """Keep the draft; one of that id already there stays as it is."""

    async def find(self, draft_id: str) -> Draft | None:
        """The draft; None if there is none."""

    async def of_file(self, file_id: str) -> Sequence[Draft]:
        """The drafts of a file, the oldest first."""

    async def all(self, *, before: datetime | None = None, limit: int = 1000) -> Sequence[Draft]:
        """Drafts of all files, the oldest first; with `before` only those refused before that time."""

    async def count(self) -> int:
        """How many drafts there are."""

    async def delete(self, draft_id: str) -> None:
        """Let go of the draft, if it's there."""

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a draft refers to."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The stores of one host."""

    files: FileStore
    containers: ContainerStore
    users: UserStore
    drafts: DraftStore
    webhooks: WebhookStore
    is_ready: "Ready" = field(repr=False)


class Ready(Protocol):
    """Asks the server or disk behind a port whether it answers."""

    async def __call__(self) -> None:
        """Returns if it does; raises Unavailable with the reason if it doesn't."""
