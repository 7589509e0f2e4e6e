"""A refusal of a rule as a problem: the one place where outcomes of commands become statuses of the API."""

from typing import Final, assert_never

from services.gateway.api.problems import Kind, Refused
from shared.core.containers import NotEmpty, RootStays, WouldLoop
from shared.core.contents import DocumentChanged, NoSuchVersion, VersionChanged
from shared.core.file import LockMismatch
from shared.core.files import NameIllegal, NameTaken
from shared.core.locks import NotThatLock
from shared.core.names import (
    container_name_fault,
    file_name_fault,
    suggested_container_name,
    suggested_file_name,
)

Refusal = (
    NameTaken
    | NameIllegal
    | LockMismatch
    | DocumentChanged
    | VersionChanged
    | NoSuchVersion
    | NotThatLock
    | NotEmpty
    | RootStays
    | WouldLoop
)

LOCKED: Final = "the file is locked: somebody has it open"

_KINDS: Final[dict[type[Refusal], Kind]] = {
    DocumentChanged: Kind.VERSION_CHANGED,
    NotThatLock: Kind.LOCK_CHANGED,
    RootStays: Kind.ROOT_STAYS,
    WouldLoop: Kind.WOULD_LOOP,
}


def refused(outcome: Refusal) -> Refused:
    """What the caller is told. A lock's id stays the client's secret."""
    match outcome:
        case NameTaken(name, free_name):
            return Refused(Kind.NAME_TAKEN, f"there is a {name} already", free_name=free_name)
        case NameIllegal(reason, legal_name):
            return Refused(Kind.BAD_REQUEST, reason, legal_name=legal_name)
        case LockMismatch():
            return Refused(Kind.LOCKED, LOCKED)
        case VersionChanged(current_version):
            detail = f"the file has changed: its version is {current_version} now"
            return Refused(Kind.VERSION_CHANGED, detail, current_version=current_version)
        case NoSuchVersion(version):
            return Refused(Kind.NOT_FOUND, f"the file keeps no version {version}")
        case NotEmpty():
            return Refused(Kind.NOT_EMPTY, "the container isn't empty")
        case DocumentChanged() | NotThatLock() | RootStays() | WouldLoop():
            return Refused(_KINDS[type(outcome)], outcome.reason)
        case other:
            assert_never(other)


def legal_file_name(name: str) -> str:
    """`name`. Raises Refused if no file can have it."""
    fault = file_name_fault(name)
    if fault is not None:
        raise Refused(Kind.BAD_REQUEST, fault, legal_name=suggested_file_name(name))
    return name


def legal_container_name(name: str) -> str:
    """`name`. Raises Refused if no container can have it."""
    fault = container_name_fault(name)
    if fault is not None:
        raise Refused(Kind.BAD_REQUEST, fault, legal_name=suggested_container_name(name))
    return name
