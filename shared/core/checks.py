"""The bodies of CheckFileInfo, CheckContainerInfo and CheckEcosystem: all that the host can truthfully say, and no nulls.

A flag is only there if every operation behind it works, and says what this user may do with this token now. None of the
eight properties of CSPP Plus is sent: some without the others fit no client. What goes into a body may end up in a
browser, so that secrets go only to clients that keep them.
Spec: CheckFileInfo; containers > CheckContainerInfo; ecosystem > CheckEcosystem; clients > CheckFileInfo properties.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from shared.core.containers import ROOT_ID, Container
from shared.core.contents import item_version, last_modified_time
from shared.core.file import FileHead
from shared.core.names import BASE_NAME_MAX, extension_of
from shared.core.permissions import Role, role_of
from shared.core.tokens import Claims, Dialect
from shared.core.urls import SHARE_URL_TYPES, Addresses
from shared.core.users import User

BRAND: Final = "Lectern"

_PROMISES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "SupportedShareUrlTypes": SHARE_URL_TYPES,
        "SupportsAddActivities": True,
        "SupportsContainers": True,
        "SupportsDeleteFile": True,
        "SupportsEcosystem": True,
        "SupportsGetFileWopiSrc": True,
        "SupportsRename": True,
        "SupportsUpdate": True,
        "FileNameMaxLength": BASE_NAME_MAX,
        "BreadcrumbBrandName": BRAND,
    }
)
_LOCK_PROMISES: Final = ("SupportsLocks", "SupportsGetLock", "SupportsExtendedLockLength")


def check_file_info(
    file: FileHead,
    chain: tuple[Container, ...],
    user: User,
    role: Role,
    claims: Claims,
    addresses: Addresses,
    *,
    file_url: str = "",
    download_url: str = "",
) -> dict[str, Any]:
    """The body of CheckFileInfo. `chain` are the containers above the file, root first; `role` is the user's on the file.

    `file_url` and `download_url` are addresses that need no other permission: a client that hands CheckFileInfo on to
    the browser doesn't get them. "" for none.

    Spec: Files > CheckFileInfo; CheckFileInfo.
    """
    current = file.current
    content = current.content
    file_id = file.file_id
    may_write = claims.may_write and role >= Role.EDITOR
    folder_role = role_of(user.user_id, user.base_role, chain)
    info = _of_host(addresses, claims.dialect, claims.supports_locks).copy()
    info |= {
        "BaseFileName": file.name,
        "BreadcrumbDocName": file.name,
        "OwnerId": file.owner_id,
        "Size": content.size_bytes,
        "SHA256": content.sha256,
        "Version": item_version(current),
        "LastModifiedTime": last_modified_time(current.saved_at),
        "UserCanWrite": may_write,
        "ReadOnly": not may_write,
        "UserCanRename": may_write,
        # Collabora takes a missing value for true.
        "UserCanNotWriteRelative": not (claims.may_write and folder_role >= Role.EDITOR),
        "HostViewUrl": addresses.host_view(file_id),
        "HostEmbeddedViewUrl": addresses.host_embedded_view(file_id),
        "FileVersionUrl": addresses.versions_page(file_id),
    }
    _add_user(info, user)
    if extension := extension_of(file.name):
        info["FileExtension"] = extension
    if role >= Role.EDITOR:
        info["HostEditUrl"] = addresses.host_edit(file_id)
    if role >= Role.OWNER:
        info["FileSharingUrl"] = addresses.sharing_page(file_id)
    if folder_role >= Role.VIEWER and chain:
        folder = chain[-1]
        info["BreadcrumbFolderName"] = folder.name
        info["BreadcrumbFolderUrl"] = info["CloseUrl"] = addresses.container_page(folder.container_id)
    else:
        info["CloseUrl"] = addresses.home()
    if claims.dialect is not Dialect.ONLYOFFICE and user.user_info:
        info["UserInfo"] = user.user_info
    if claims.dialect is Dialect.OFFICE:
        _add_secret_addresses(info, file_url, download_url)
    return info


def check_container_info(
    container: Container, user: User, role: Role, claims: Claims, addresses: Addresses
) -> dict[str, Any]:
    """The body of CheckContainerInfo, and the ContainerInfo of other answers.

    Spec: containers > CheckContainerInfo.
    """
    may_write = claims.may_write and role >= Role.EDITOR
    info = {
        "Name": container.name,
        "HostUrl": addresses.container_page(container.container_id),
        "IsAnonymousUser": user.is_anonymous,
        "IsEduUser": user.is_edu,
        "LicenseCheckForEditIsEnabled": user.is_business,
        "SupportedShareUrlTypes": SHARE_URL_TYPES,
        "UserCanCreateChildContainer": may_write,
        "UserCanCreateChildFile": may_write,
        "UserCanDelete": may_write and container.container_id != ROOT_ID,
        "UserCanRename": may_write,
    }
    if role >= Role.OWNER:
        info["SharingUrl"] = addresses.container_sharing_page(container.container_id)
    return info


def check_ecosystem() -> dict[str, Any]:
    """The body of CheckEcosystem. Spec: ecosystem > CheckEcosystem."""
    return {"SupportsContainers": True}


@lru_cache(maxsize=32)
def _of_host(addresses: Addresses, dialect: Dialect, supports_locks: bool) -> dict[str, Any]:
    """What is the same for all files and users. To be copied, not changed."""
    info: dict[str, Any] = {
        **_PROMISES,
        **dict.fromkeys(_LOCK_PROMISES, supports_locks),
        "BreadcrumbBrandUrl": addresses.home(),
        "PostMessageOrigin": addresses.origin,
        # ONLYOFFICE never calls PutUserInfo, and would show what others put there to the browser.
        "SupportsUserInfo": dialect is not Dialect.ONLYOFFICE,
    }
    if dialect is Dialect.COLLABORA:
        info["IsAdminUser"] = False  # its absence is reported as an error
        info["HasContentRange"] = True
    return info


def _add_user(info: dict[str, Any], user: User) -> None:
    """What CheckFileInfo says of the user: equal for a file and its container where both say it."""
    info["UserId"] = user.user_id
    info["UserFriendlyName"] = user.friendly_name or user.sign_in_name
    info["IsAnonymousUser"] = user.is_anonymous
    info["IsEduUser"] = user.is_edu
    info["LicenseCheckForEditIsEnabled"] = user.is_business


def _add_secret_addresses(info: dict[str, Any], file_url: str, download_url: str) -> None:
    if file_url:
        info["FileUrl"] = file_url
    if download_url:
        info["DownloadUrl"] = download_url
