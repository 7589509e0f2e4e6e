"""What the host knows of a user besides their grants."""

from dataclasses import dataclass
from typing import Final

USER_INFO_MAX: Final = 1024
"""Longest UserInfo, in ASCII characters. Spec: Files > PutUserInfo."""


@dataclass(frozen=True, slots=True)
class User:
    """One person, or one service that acts like one."""

    user_id: str
    sign_in_name: str
    friendly_name: str
    user_info: str = ""
    """The text of the last PutUserInfo, on any file."""
    is_edu: bool = False
    is_business: bool = False
    """LicenseCheckForEditIsEnabled."""


@dataclass(frozen=True, slots=True)
class UserInfoKept:
    """The user's UserInfo is as sent."""


@dataclass(frozen=True, slots=True)
class UserKnown:
    """The host knows the user; `is_new` if it didn't before."""

    is_new: bool
