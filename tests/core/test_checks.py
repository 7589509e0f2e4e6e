"""CheckFileInfo, CheckContainerInfo and CheckEcosystem against the types that the protocol gives their properties."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.core.checks import check_container_info, check_ecosystem, check_file_info
from shared.core.containers import ROOT_ID, Container
from shared.core.contents import last_modified_time
from shared.core.file import EMPTY_CONTENT, FileHead
from shared.core.permissions import Role
from shared.core.tokens import Claims, Dialect, Resource
from shared.core.urls import Addresses
from shared.core.users import User
from tests.builders import NOON, a_file, a_grant, a_user, a_version

HOST = Addresses("https://wopi.example.com/office")
CLAIMS = Claims(Resource.FILE, "f1", "ann", NOON)
ROOT = Container(ROOT_ID, "", "All files", "operator", NOON)
FOLDER = Container("c1", ROOT_ID, "Reports", "operator", NOON)
CHAIN = (ROOT, FOLDER)
FILE = a_file(container_id="c1", owner_id="bob", current=a_version(7))
DOWNLOAD = "https://wopi.example.com/office/download/secret/Report.docx"

BOOLS = frozenset(
    [
        "SupportsAddActivities",
        "SupportsContainers",
        "SupportsDeleteFile",
        "SupportsEcosystem",
        "SupportsExtendedLockLength",
        "SupportsGetFileWopiSrc",
        "SupportsGetLock",
        "SupportsLocks",
        "SupportsRename",
        "SupportsUpdate",
        "SupportsUserInfo",
        "IsAnonymousUser",
        "IsEduUser",
        "LicenseCheckForEditIsEnabled",
        "ReadOnly",
        "UserCanNotWriteRelative",
        "UserCanRename",
        "UserCanWrite",
        "HasContentRange",
        "IsAdminUser",
    ]
)
TEXTS = frozenset(
    [
        "BaseFileName",
        "OwnerId",
        "UserId",
        "Version",
        "UserFriendlyName",
        "UserInfo",
        "FileExtension",
        "LastModifiedTime",
        "SHA256",
        "BreadcrumbBrandName",
        "BreadcrumbDocName",
        "BreadcrumbFolderName",
        "PostMessageOrigin",
    ]
)
ADDRESSES = frozenset(
    [
        "CloseUrl",
        "DownloadUrl",
        "FileSharingUrl",
        "FileUrl",
        "FileVersionUrl",
        "HostEditUrl",
        "HostEmbeddedViewUrl",
        "HostViewUrl",
        "BreadcrumbBrandUrl",
        "BreadcrumbFolderUrl",
    ]
)
NUMBERS = frozenset({"Size", "FileNameMaxLength"})
LISTS = frozenset({"SupportedShareUrlTypes"})
PLUS = frozenset(
    [
        "SupportsCoauth",
        "SequenceNumber",
        "OfficeCollaborationServiceEndpointUrl",
        "RealTimeChannelEndpointUrl",
        "AccessTokenExpiry",
        "ServerTime",
        "SharingStatus",
        "FileGeoLocationCode",
    ]
)
REQUIRED = frozenset({"BaseFileName", "OwnerId", "Size", "UserId", "Version"})


def info_of(
    file: FileHead = FILE,
    user: User | None = None,
    role: Role = Role.EDITOR,
    claims: Claims = CLAIMS,
    chain: tuple[Container, ...] = CHAIN,
) -> dict[str, Any]:
    return check_file_info(file, chain, user or a_user(), role, claims, HOST, file_url=DOWNLOAD, download_url=DOWNLOAD)


def assert_fits_the_classic_schema(info: dict[str, Any]) -> None:
    assert info.keys() >= REQUIRED
    assert not info.keys() & PLUS
    assert None not in info.values()
    for name, value in info.items():
        if name in BOOLS:
            assert type(value) is bool, name
        elif name in NUMBERS:
            assert type(value) is int, name
        elif name in LISTS:
            assert value
            assert all(type(one) is str for one in value), name
        elif name in ADDRESSES:
            parts = urlsplit(value)
            assert parts.scheme == "https", name
            assert parts.netloc == "wopi.example.com", name
        else:
            assert name in TEXTS
            assert type(value) is str, name
            assert value, name
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", info["LastModifiedTime"])
    assert re.fullmatch(r"[A-Za-z0-9]+", info["UserId"])
    assert not info["BaseFileName"].startswith(".")


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.OWNER])
@pytest.mark.parametrize("may_write", [True, False])
@pytest.mark.parametrize("supports_locks", [True, False])
def test_each_answer_fits_the_classic_schema(
    dialect: Dialect, role: Role, may_write: bool, supports_locks: bool
) -> None:
    claims = replace(CLAIMS, dialect=dialect, may_write=may_write, supports_locks=supports_locks)

    assert_fits_the_classic_schema(info_of(role=role, claims=claims, user=a_user(user_info="x")))


def test_the_file_is_told_as_it_is() -> None:
    info = info_of()

    expected = {
        "BaseFileName": "Report.docx",
        "FileExtension": ".docx",
        "OwnerId": "bob",
        "UserId": "ann",
        "UserFriendlyName": "Ann",
        "Size": FILE.current.content.size_bytes,
        "SHA256": FILE.current.content.sha256,
        "Version": "7",
        "LastModifiedTime": last_modified_time(NOON),
        "BreadcrumbFolderName": "Reports",
        "PostMessageOrigin": "https://wopi.example.com",
        "FileNameMaxLength": 250,
        "CloseUrl": HOST.container_page("c1"),
    }
    assert {name: info[name] for name in expected} == expected


def test_every_operation_that_works_is_offered() -> None:
    info = info_of()

    for name in BOOLS:
        if name.startswith("Supports"):
            assert info[name] is True, name
    assert list(info["SupportedShareUrlTypes"]) == ["ReadOnly", "ReadWrite"]


def test_an_empty_file_without_an_extension_has_none() -> None:
    info = info_of(a_file(name="README", current=a_version(content=EMPTY_CONTENT)))

    assert info["Size"] == 0
    assert "FileExtension" not in info


@pytest.mark.parametrize(
    ("role", "may_write", "folder_role", "flags"),
    [
        # UserCanWrite, UserCanRename, ReadOnly, UserCanNotWriteRelative, HostEditUrl, FileSharingUrl
        (Role.VIEWER, True, Role.VIEWER, (False, False, True, True, False, False)),
        (Role.VIEWER, False, Role.VIEWER, (False, False, True, True, False, False)),
        (Role.EDITOR, True, Role.EDITOR, (True, True, False, False, True, False)),
        (Role.EDITOR, True, Role.VIEWER, (True, True, False, True, True, False)),
        (Role.EDITOR, True, Role.NONE, (True, True, False, True, True, False)),
        (Role.VIEWER, True, Role.EDITOR, (False, False, True, False, False, False)),
        (Role.EDITOR, False, Role.EDITOR, (False, False, True, True, True, False)),
        (Role.OWNER, True, Role.OWNER, (True, True, False, False, True, True)),
        (Role.OWNER, False, Role.OWNER, (False, False, True, True, True, True)),
    ],
)
def test_flags_say_what_the_user_may_do_with_this_token(
    role: Role, may_write: bool, folder_role: Role, flags: tuple[bool, ...]
) -> None:
    info = info_of(role=role, user=a_user(base_role=folder_role), claims=replace(CLAIMS, may_write=may_write))

    told = tuple(info[name] for name in ("UserCanWrite", "UserCanRename", "ReadOnly", "UserCanNotWriteRelative"))
    assert (*told, "HostEditUrl" in info, "FileSharingUrl" in info) == flags


def test_a_user_who_may_not_see_the_folder_is_not_told_of_it() -> None:
    info = info_of(user=a_user(base_role=Role.NONE))

    assert "Reports" not in str(info)
    assert not any(name.startswith("BreadcrumbFolder") for name in info)
    assert info["CloseUrl"] == "https://wopi.example.com/office/"


def test_a_grant_on_the_folder_counts_for_what_is_told_of_it() -> None:
    chain = (ROOT, replace(FOLDER, grants=(a_grant("ann", Role.NONE),)))

    assert "BreadcrumbFolderName" not in info_of(chain=chain)


def test_a_client_without_locks_is_told_that_there_are_none() -> None:
    info = info_of(claims=replace(CLAIMS, supports_locks=False))

    assert (info["SupportsLocks"], info["SupportsGetLock"], info["SupportsExtendedLockLength"]) == (False,) * 3


def test_only_clients_that_keep_secrets_get_them() -> None:
    told = {
        dialect: info_of(claims=replace(CLAIMS, dialect=dialect), user=a_user(user_info="mine")) for dialect in Dialect
    }

    assert told[Dialect.OFFICE]["FileUrl"] == told[Dialect.OFFICE]["DownloadUrl"] == DOWNLOAD
    for dialect in (Dialect.COLLABORA, Dialect.ONLYOFFICE):
        assert "secret" not in str(told[dialect])
    assert told[Dialect.OFFICE]["UserInfo"] == told[Dialect.COLLABORA]["UserInfo"] == "mine"
    assert "mine" not in str(told[Dialect.ONLYOFFICE])
    assert told[Dialect.ONLYOFFICE]["SupportsUserInfo"] is False


def test_nothing_secret_is_told_of_where_and_how_content_is_kept() -> None:
    file = replace(FILE, lock=None, current=a_version(7))

    text = str(info_of(file))

    assert file.current.content.key not in text
    assert file.current.saved_by.session_id not in text


def test_collabora_is_told_who_is_no_administrator() -> None:
    assert info_of(claims=replace(CLAIMS, dialect=Dialect.COLLABORA))["IsAdminUser"] is False


def test_a_user_without_a_friendly_name_goes_by_the_name_they_sign_in_with() -> None:
    assert info_of(user=a_user(friendly_name=""))["UserFriendlyName"] == "ann"


def test_one_answer_does_not_change_the_next() -> None:
    first = info_of()
    first["SupportsLocks"] = "spoilt"
    first.clear()

    assert_fits_the_classic_schema(info_of())


# --- containers and the ecosystem


def container_info(container: Container, role: Role, *, may_write: bool = True, **user: Any) -> dict[str, Any]:
    claims = replace(CLAIMS, resource=Resource.CONTAINER, may_write=may_write)
    return check_container_info(container, a_user(**user), role, claims, HOST)


@pytest.mark.parametrize(
    ("container", "role", "may_write", "flags"),
    [
        # create container, create file, delete, rename, sharing page
        (FOLDER, Role.VIEWER, True, (False, False, False, False, False)),
        (FOLDER, Role.EDITOR, True, (True, True, True, True, False)),
        (FOLDER, Role.EDITOR, False, (False, False, False, False, False)),
        (FOLDER, Role.OWNER, True, (True, True, True, True, True)),
        (ROOT, Role.OWNER, True, (True, True, False, True, True)),
    ],
)
def test_check_container_info(container: Container, role: Role, may_write: bool, flags: tuple[bool, ...]) -> None:
    info = container_info(container, role, may_write=may_write)

    names = ("UserCanCreateChildContainer", "UserCanCreateChildFile", "UserCanDelete", "UserCanRename")
    assert (*(info[name] for name in names), "SharingUrl" in info) == flags
    assert info["Name"] == container.name
    assert info["HostUrl"] == HOST.container_page(container.container_id)
    assert list(info["SupportedShareUrlTypes"]) == ["ReadOnly", "ReadWrite"]
    assert None not in info.values()


@pytest.mark.parametrize("fields", [{}, {"is_edu": True}, {"is_business": True}, {"is_anonymous": True}])
def test_a_file_and_its_container_say_the_same_of_a_user(fields: dict[str, bool]) -> None:
    names = {"IsEduUser": "is_edu", "LicenseCheckForEditIsEnabled": "is_business", "IsAnonymousUser": "is_anonymous"}

    file, container = info_of(user=a_user(**fields)), container_info(FOLDER, Role.EDITOR, **fields)

    for name, field in names.items():
        assert file[name] is container[name] is fields.get(field, False)


def test_check_ecosystem() -> None:
    assert check_ecosystem() == {"SupportsContainers": True}
