"""The commands: what the gateway asks the services to do.

A command's class says which service answers it and, by its type argument, which outcomes the answer may be. Commands of
one `key` are handled in the order in which they were sent. Messages only ever gain optional fields.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from shared.core.containers import (
    ROOT_ID,
    ContainerMade,
    ContainerNamed,
    ContainerPlaced,
    NotEmpty,
    RootStays,
    WouldLoop,
)
from shared.core.contents import DocumentChanged, NoSuchVersion, Save, Saved, VersionChanged
from shared.core.drafts import DraftDiscarded, DraftKept
from shared.core.file import Caller, Content, LockMismatch
from shared.core.files import (
    ActivitiesAdded,
    Activity,
    Created,
    Deleted,
    GrantSet,
    Moved,
    NameIllegal,
    NameTaken,
    Renamed,
)
from shared.core.locks import Locked, NotThatLock, Unlocked
from shared.core.permissions import Role
from shared.core.users import User, UserInfoKept, UserKnown
from shared.core.webhooks import LetterDropped, LettersWaiting, TooManyWebhooks, Webhook, WebhookKept, WebhookRemoved

OutcomeT_co = TypeVar("OutcomeT_co", covariant=True)


class Service(StrEnum):
    """Who answers a command; also the name of its topic's last part."""

    LOCK = "lock"
    STORAGE = "storage"
    ECOSYSTEM = "ecosystem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[OutcomeT_co]):
    """What every command carries.

    `command_id` makes a redelivery harmless; past `deadline` the command is dropped, for its sender has given up.
    """

    service: ClassVar[Service]

    command_id: str
    deadline: datetime
    caller: Caller
    correlation_id: str = ""

    @property
    def key(self) -> str:
        """Id of the resource whose commands keep their order."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCommand(Command[OutcomeT_co]):
    """A command to one file."""

    file_id: str

    @property
    def key(self) -> str:
        """The file's id."""
        return self.file_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCommand(Command[OutcomeT_co]):
    """A command to one container."""

    container_id: str

    @property
    def key(self) -> str:
        """The container's id."""
        return self.container_id


# --- lock


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile(FileCommand[Locked | LockMismatch]):
    """Spec: Files > Lock."""

    service = Service.LOCK
    lock_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockAndRelock(FileCommand[Locked | LockMismatch]):
    """Spec: Files > UnlockAndRelock."""

    service = Service.LOCK
    lock_id: str
    old_lock_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshLock(FileCommand[Locked | LockMismatch]):
    """Spec: Files > RefreshLock."""

    service = Service.LOCK
    lock_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockFile(FileCommand[Unlocked | LockMismatch]):
    """Spec: Files > Unlock."""

    service = Service.LOCK
    lock_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceUnlock(FileCommand[Unlocked | NotThatLock]):
    """Break the lock that was taken at `taken_at`: an operator's or owner's deliberate act."""

    service = Service.LOCK
    taken_at: datetime
    reason: str


# --- storage: files


class Naming(StrEnum):
    """What to do about a name that is illegal or taken."""

    EXACT = "exact"
    """Refuse."""
    OVERWRITE = "overwrite"
    """Refuse an illegal name; switch the file that has the name to the new content."""
    SUGGESTED = "suggested"
    """Mend it, count up until it's free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitContent(FileCommand[Saved | LockMismatch | DocumentChanged]):
    """PutFile, after the bytes have been streamed to `content.key`. Spec: Files > PutFile."""

    service = Service.STORAGE
    content: Content
    save: Save


@dataclass(frozen=True, slots=True, kw_only=True)
class OverwriteContent(FileCommand[Saved | LockMismatch | DocumentChanged | VersionChanged]):
    """An upload through the host's own API onto a file that exists: only while it isn't locked."""

    service = Service.STORAGE
    content: Content
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFile(ContainerCommand[Created | NameTaken | NameIllegal | LockMismatch]):
    """PutRelativeFile, CreateChildFile, or an upload: a file of that name in the container holds the content.

    `new_file_id` is chosen by the sender, so that a redelivery can't make a second file.
    Spec: Files > PutRelativeFile, Containers > CreateChildFile.
    """

    service = Service.STORAGE
    new_file_id: str
    name: str
    naming: Naming
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFile(FileCommand[Renamed | LockMismatch | NameTaken | NameIllegal]):
    """Rename to `name`: without extension if SUGGESTED (the protocol's RenameFile), whole if EXACT (the host's API).

    Spec: Files > RenameFile.
    """

    service = Service.STORAGE
    name: str
    naming: Naming
    lock_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFile(FileCommand[Moved | LockMismatch | NameTaken | NameIllegal]):
    """Put the file into another container; `name` None keeps its name."""

    service = Service.STORAGE
    container_id: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFile(FileCommand[Deleted | LockMismatch]):
    """Spec: Files > DeleteFile."""

    service = Service.STORAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreVersion(FileCommand[Saved | LockMismatch | DocumentChanged | VersionChanged | NoSuchVersion]):
    """Bring a former version's bytes back as a new version."""

    service = Service.STORAGE
    version: int
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFileGrant(FileCommand[GrantSet]):
    """Give a user a role on a file; None takes the grant away, so that those above count again."""

    service = Service.STORAGE
    user_id: str
    role: Role | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddActivities(FileCommand[ActivitiesAdded]):
    """Spec: chunked file transfer > AddActivities."""

    service = Service.STORAGE
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepDraft(FileCommand[DraftKept]):
    """Keep the bytes of a save that was refused or failed."""

    service = Service.STORAGE
    draft_id: str
    content: Content
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreDraft(FileCommand[Saved | LockMismatch | DocumentChanged | VersionChanged]):
    """Make a draft's bytes the file's content, as a new version, and let go of the draft."""

    service = Service.STORAGE
    draft_id: str
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardDraft(FileCommand[DraftDiscarded]):
    """Let go of a draft."""

    service = Service.STORAGE
    draft_id: str


# --- storage: users


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCommand(Command[OutcomeT_co]):
    """A command about one user."""

    user_id: str

    @property
    def key(self) -> str:
        """The user's id."""
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUserInfo(UserCommand[UserInfoKept]):
    """Spec: Files > PutUserInfo."""

    service = Service.STORAGE
    user_info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser(UserCommand[UserKnown]):
    """Make a user known by name, or tell of a changed name. UserInfo stays, and so does the base role."""

    service = Service.STORAGE
    user: User


# --- ecosystem


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateContainer(ContainerCommand[ContainerMade | NameTaken | NameIllegal | WouldLoop]):
    """A new container in `container_id`. Spec: Containers > CreateChildContainer."""

    service = Service.ECOSYSTEM
    new_container_id: str
    name: str
    naming: Naming


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameContainer(ContainerCommand[ContainerNamed | NameTaken | NameIllegal]):
    """Spec: Containers > RenameContainer."""

    service = Service.ECOSYSTEM
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveContainer(ContainerCommand[ContainerPlaced | NameTaken | NameIllegal | RootStays | WouldLoop]):
    """Put a container into another one; `name` None keeps its name."""

    service = Service.ECOSYSTEM
    parent_id: str
    name: str | None = None

    @property
    def key(self) -> str:
        """The root's id, for all moves of containers: two at once could make a loop."""
        return ROOT_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteContainer(ContainerCommand[Deleted | NotEmpty | RootStays]):
    """Spec: Containers > DeleteContainer."""

    service = Service.ECOSYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContainerGrant(ContainerCommand[GrantSet]):
    """Give a user a role on a container and all below it; None takes the grant away."""

    service = Service.ECOSYSTEM
    user_id: str
    role: Role | None


# --- ecosystem: webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCommand(Command[OutcomeT_co]):
    """A command about one webhook."""

    webhook_id: str

    @property
    def key(self) -> str:
        """The webhook's id."""
        return self.webhook_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterWebhook(WebhookCommand[WebhookKept | TooManyWebhooks]):
    """A new webhook."""

    service = Service.ECOSYSTEM
    hook: Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhook(WebhookCommand[WebhookKept]):
    """Change what isn't None. A new secret goes beside the one before for a while."""

    service = Service.ECOSYSTEM
    url: str | None = None
    types: tuple[str, ...] | None = None
    description: str | None = None
    is_active: bool | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEvents(WebhookCommand[WebhookKept]):
    """Deliver anew: events after a position (None: from the oldest kept), from a time on (None: from any)."""

    service = Service.ECOSYSTEM
    after: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveWebhook(WebhookCommand[WebhookRemoved]):
    """Let go of the webhook and its dead letters."""

    service = Service.ECOSYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDeadLetters(WebhookCommand[LettersWaiting]):
    """Try a dead letter once more; without an id, all of the webhook."""

    service = Service.ECOSYSTEM
    letter_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropDeadLetter(WebhookCommand[LetterDropped]):
    """Let go of a dead letter."""

    service = Service.ECOSYSTEM
    letter_id: str
