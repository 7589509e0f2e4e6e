"""The one root of the errors that Lectern raises.

A refusal of the protocol is an answer, not an error (see `shared.core.decision`). What is raised is what a caller can't
be expected to deal with; the gateway translates it once, at its border.
"""

from typing import ClassVar


class LecternError(Exception):
    """`str(error)` is a sentence for a person, sent as X-WOPI-ServerError; `status` is a hint for the gateway."""

    status: ClassVar[int] = 500


class NotFound(LecternError):
    """The resource doesn't exist, or this user may not know that it does: both look the same from outside."""

    status = 404


class Contended(LecternError):
    """Too many writers raced for one resource; the caller may try again."""

    status = 503


class DeadlinePassed(LecternError):
    """No reply came before the command's deadline. Whether it takes effect is not known here."""

    status = 503


class Unavailable(LecternError):
    """A server or a disk that this needs doesn't answer."""

    status = 503
