"""What the host knows of a user besides their grants, and how ids of users are made.

A user id is what clients accept everywhere: letters and digits. A name that is such a text is its own id; any other name
(an address, a name in another script, an identity provider's subject) gets an id that is derived from it, so that every
replica gives one name the same id without asking anybody.
Spec: CheckFileInfo > Required (user ids).
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from shared.core.permissions import Role

USER_INFO_MAX: Final = 1024
"""Longest UserInfo, in ASCII characters. Spec: Files > PutUserInfo."""
USER_NAME_MAX: Final = 256
"""Longest name of a user, in characters."""
OPERATOR_ID: Final = "operator"
"""The user that the operator's API key stands for when it names no other."""

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_DERIVED_ID: Final = re.compile(r"u[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class User:
    """One person, or one service that acts like one."""

    user_id: str
    sign_in_name: str
    friendly_name: str
    user_info: str = ""
    """The text of the last PutUserInfo, on any file."""
    base_role: Role = Role.NONE
    """The user's role wherever no grant names them. Set when the user becomes known."""
    is_edu: bool = False
    is_business: bool = False
    """LicenseCheckForEditIsEnabled."""
    is_anonymous: bool = False


def user_id_of(name: str, *, is_trusted: bool = True) -> str:
    """The id of the user called `name`.

    With `is_trusted` an id that was derived before stands for itself, so that ids can be used as names. A name that a
    user could have picked is never taken for the id of another one: give False for what an identity provider says.
    """
    text = unicodedata.normalize("NFC", name)
    if _PLAIN_ID.fullmatch(text) and (is_trusted or not (_DERIVED_ID.fullmatch(text) or text == OPERATOR_ID)):
        return text
    return "u" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def user_name_fault(name: str) -> str | None:
    """Why `name` can't be a user's name, as a sentence; None if it can."""
    if not name or name != name.strip():
        return "a user's name must not be empty, nor start or end with a blank"
    if len(name) > USER_NAME_MAX:
        return f"a user's name must not be longer than {USER_NAME_MAX} characters"
    if not name.isprintable():
        return "a user's name must not contain control characters"
    return None


@dataclass(frozen=True, slots=True)
class UserInfoKept:
    """The user's UserInfo is as sent."""


@dataclass(frozen=True, slots=True)
class UserKnown:
    """The host knows the user; `is_new` if it didn't before."""

    is_new: bool
