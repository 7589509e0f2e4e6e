"""Operations on containers: a row for each answer that the protocol's page of the operation names."""

from datetime import timedelta
from typing import Any

import pytest

from services.gateway.wopi.children import PIECE
from services.gateway.wopi.containers import OPERATIONS
from services.gateway.wopi.dispatch import Operation
from shared.core.containers import MAX_DEPTH, ROOT_ID
from shared.core.names import BASE_NAME_MAX, decoded_utf7
from shared.core.permissions import Role
from tests.conformance.trees import Place, container_place, file_place, utf7
from tests.hosts import Answer, Host

NAMES = {"X_WOPI_SuggestedTarget": "new", "X_WOPI_RequestedName": "new", "X_WOPI_UrlType": "ReadOnly"}


async def sent(place: Place, operation: Operation) -> Answer:
    """The operation, with all that it needs."""
    path = f"/{operation.path}" if operation.path else ""
    if operation.method == "GET":
        return await place.get(path)
    return await place.post(operation.override, path, **NAMES)


each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


# --- what all operations have in common


@each_operation
async def test_a_token_that_nobody_signed_is_401(host: Host, operation: Operation) -> None:
    place = Place(host, f"{host.url}/wopi/containers/{ROOT_ID}?access_token=INVALID")

    assert (await sent(place, operation)).status == 401


@each_operation
async def test_an_expired_token_is_401(host: Host, operation: Operation) -> None:
    place = container_place(host, await host.container())
    host.clock.move(timedelta(hours=11))

    assert (await sent(place, operation)).status == 401


@each_operation
async def test_a_container_that_isnt_there_is_404(host: Host, operation: Operation) -> None:
    await host.user()

    assert (await sent(container_place(host, "nowhere"), operation)).status == 404


@each_operation
async def test_a_container_that_the_user_may_not_see_is_404(host: Host, operation: Operation) -> None:
    folder = await host.container()
    await host.grant_container(folder, "bob", Role.NONE)

    assert (await sent(container_place(host, folder, "bob"), operation)).status == 404


@each_operation
async def test_a_token_for_another_container_is_404(host: Host, operation: Operation) -> None:
    folder, other = await host.container(), await host.container("Other")
    place = container_place(host, other)

    assert (await sent(place.to(place.url.replace(other, folder)), operation)).status == 404


@each_operation
async def test_a_viewer_may_look_and_change_nothing(host: Host, operation: Operation) -> None:
    folder = await host.container()
    await host.grant_container(folder, "bob", Role.VIEWER)

    status = (await sent(container_place(host, folder, "bob"), operation)).status

    assert status == (200 if operation.least is Role.VIEWER else 404)


@each_operation
async def test_a_token_that_only_reads_changes_nothing_whatever_its_user_may(host: Host, operation: Operation) -> None:
    folder = await host.container()

    status = (await sent(container_place(host, folder, may_write=False), operation)).status

    assert status == (200 if operation.least is Role.VIEWER else 404)


@each_operation
async def test_whoever_may_edit_may_do_all_of_it(host: Host, operation: Operation) -> None:
    folder = await host.container()
    await host.grant_container(folder, "bob", Role.EDITOR)

    assert (await sent(container_place(host, folder, "bob"), operation)).status == 200


@pytest.mark.parametrize("override", [None, "NO_SUCH_THING", "DELETE", "LOCK"])
async def test_an_operation_that_containers_dont_have_is_501(host: Host, override: str | None) -> None:
    await host.user()

    assert (await container_place(host).post(override)).status == 501


# --- CheckContainerInfo


async def test_check_container_info_says_what_the_owner_may_do(host: Host) -> None:
    folder = await host.container("Plans")

    answer = await container_place(host, folder).get()

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json == {
        "Name": "Plans",
        "HostUrl": f"{host.url}/browse/{folder}",
        "SharingUrl": f"{host.url}/browse/{folder}/sharing",
        "IsAnonymousUser": False,
        "IsEduUser": False,
        "LicenseCheckForEditIsEnabled": False,
        "SupportedShareUrlTypes": ["ReadOnly", "ReadWrite"],
        "UserCanCreateChildContainer": True,
        "UserCanCreateChildFile": True,
        "UserCanDelete": True,
        "UserCanRename": True,
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
async def test_the_flags_follow_the_role(host: Host, role: Role) -> None:
    folder = await host.container()
    await host.grant_container(folder, "bob", role)

    info = (await container_place(host, folder, "bob").get()).json

    flags = ("UserCanCreateChildContainer", "UserCanCreateChildFile", "UserCanDelete", "UserCanRename")
    assert [info[flag] for flag in flags] == [role is Role.EDITOR] * 4
    assert "SharingUrl" not in info


async def test_nobody_may_delete_the_root(host: Host) -> None:
    info = (await container_place(host, user="operator").get()).json

    assert (info["UserCanDelete"], info["UserCanRename"]) == (False, True)


@pytest.mark.parametrize("is_true", [False, True])
async def test_what_is_said_of_the_user_equals_check_file_info(host: Host, is_true: bool) -> None:
    await host.user(is_edu=is_true, is_business=is_true)
    folder = await host.container()
    file_id = await host.file(container=folder)

    of_folder = (await container_place(host, folder).get()).json
    of_file = (await file_place(host, file_id).get()).json

    for name in ("IsEduUser", "LicenseCheckForEditIsEnabled", "IsAnonymousUser"):
        assert of_folder[name] is of_file[name]
    assert of_folder["IsEduUser"] is is_true


# --- EnumerateChildren


async def test_an_empty_container_has_two_empty_lists(host: Host) -> None:
    folder = await host.container()

    answer = await container_place(host, folder).get("/children")

    assert answer.json == {"ChildContainers": [], "ChildFiles": []}
    assert answer.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.on_both_hosts
async def test_children_are_told_with_the_values_of_check_file_info(host: Host) -> None:
    folder = await host.container()
    inner = await host.container("Zürich", folder)
    file_id = await host.file("Über 東京 😀.docx", b"hello", container=folder)
    place = container_place(host, folder)

    children = (await place.get("/children")).json

    (child_container,), (child_file,) = children["ChildContainers"], children["ChildFiles"]
    assert child_container["Name"] == "Zürich"
    assert place.to(child_container["Url"]).wopi_src == f"{host.url}/wopi/containers/{inner}"
    assert (await place.to(child_container["Url"]).get()).json["Name"] == "Zürich"
    assert place.to(child_file["Url"]).wopi_src == f"{host.url}/wopi/files/{file_id}"
    info = (await place.to(child_file["Url"]).get()).json
    assert child_file["Name"] == info["BaseFileName"] == "Über 東京 😀.docx"
    assert child_file["Size"] == info["Size"] == 5
    assert child_file["Version"] == info["Version"]
    assert child_file["LastModifiedTime"] == info["LastModifiedTime"]


async def test_only_immediate_children_are_listed(host: Host) -> None:
    folder = await host.container()
    inner = await host.container("Inner", folder)
    await host.file(container=inner)

    children = (await container_place(host, folder).get("/children")).json

    assert [one["Name"] for one in children["ChildContainers"]] == ["Inner"]
    assert children["ChildFiles"] == []


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (".docx", ["a.docx", "b.DOCX"]),
        (".DOCX", ["a.docx", "b.DOCX"]),
        (".docx,.xlsx", ["a.docx", "b.DOCX", "c.xlsx"]),
        (".docx, xlsx ,", ["a.docx", "b.DOCX", "c.xlsx"]),
        (".pptx", []),
        (".doc", []),
        (".gz", ["d.tar.gz"]),
        ("", ["a.docx", "b.DOCX", "c.xlsx", "d.tar.gz", "e"]),
        (" , ", ["a.docx", "b.DOCX", "c.xlsx", "d.tar.gz", "e"]),
    ],
)
async def test_the_filter_keeps_files_of_those_extensions_and_all_containers(
    host: Host, wanted: str, names: list[str]
) -> None:
    folder = await host.container()
    await host.container("Inner.zip", folder)
    for name in ("a.docx", "b.DOCX", "c.xlsx", "d.tar.gz", "e"):
        await host.file(name, container=folder)

    answer = await container_place(host, folder).get("/children", X_WOPI_FileExtensionFilterList=wanted)

    assert [one["Name"] for one in answer.json["ChildFiles"]] == names
    assert [one["Name"] for one in answer.json["ChildContainers"]] == ["Inner.zip"]


@pytest.mark.on_both_hosts
async def test_children_that_the_user_may_not_see_are_not_listed(host: Host) -> None:
    folder = await host.container()
    secret_folder = await host.container("Secret", folder)
    await host.container("Open", folder)
    secret_file = await host.file("secret.docx", container=folder)
    await host.file("open.docx", container=folder)
    await host.grant_container(secret_folder, "bob", Role.NONE)
    await host.grant(secret_file, "bob", Role.NONE)

    children = (await container_place(host, folder, "bob").get("/children")).json

    assert [one["Name"] for one in children["ChildContainers"]] == ["Open"]
    assert [one["Name"] for one in children["ChildFiles"]] == ["open.docx"]


@pytest.mark.on_both_hosts
async def test_a_container_of_many_pieces_is_listed_whole_and_in_order(host: Host) -> None:
    folder = await host.container()
    names = [f"{number:04}.txt" for number in range(2 * PIECE + 1)]
    for name in names:
        await host.file(name, b"", container=folder)

    children = (await container_place(host, folder).get("/children")).json

    assert [one["Name"] for one in children["ChildFiles"]] == names


# --- EnumerateAncestors


async def test_the_root_has_no_ancestors(host: Host) -> None:
    await host.user()

    answer = await container_place(host).get("/ancestry")

    assert answer.json == {"AncestorsWithRootFirst": []}
    assert "X-WOPI-EnumerationIncomplete" not in answer.headers


@pytest.mark.on_both_hosts
async def test_ancestors_come_root_first_and_lead_there(host: Host) -> None:
    outer = await host.container("Outer")
    inner = await host.container("Inner", outer)
    file_id = await host.file(container=inner)

    of_container = (await container_place(host, inner).get("/ancestry")).json["AncestorsWithRootFirst"]
    of_file = (await file_place(host, file_id).get("/ancestry")).json["AncestorsWithRootFirst"]

    assert [one["Name"] for one in of_container] == ["Documents", "Outer"]
    assert [one["Name"] for one in of_file] == ["Documents", "Outer", "Inner"]
    for one in of_file:
        assert (await Place(host, one["Url"]).get()).json["Name"] == one["Name"]


async def test_ancestors_that_the_user_may_not_see_are_left_out_and_the_answer_says_so(host: Host) -> None:
    outer = await host.container("Outer")
    inner = await host.container("Inner", outer)
    await host.user("guest", Role.NONE)
    await host.grant_container(inner, "guest", Role.VIEWER)
    file_id = await host.file(container=inner)

    answer = await file_place(host, file_id, "guest").get("/ancestry")

    assert [one["Name"] for one in answer.json["AncestorsWithRootFirst"]] == ["Inner"]
    assert answer.headers["X-WOPI-EnumerationIncomplete"] == "true"


# --- CreateChildContainer


async def test_a_suggested_container_is_made_and_described(host: Host) -> None:
    place = container_place(host, await host.container())

    answer = await place.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget=utf7("Entwürfe"))

    assert answer.status == 200
    pointer, info = answer.json["ContainerPointer"], answer.json["ContainerInfo"]
    assert pointer["Name"] == info["Name"] == "Entwürfe"
    made = place.to(pointer["Url"])
    assert (await made.get()).json == info
    assert [one["Name"] for one in (await place.get("/children")).json["ChildContainers"]] == ["Entwürfe"]


@pytest.mark.on_both_hosts
async def test_a_suggested_name_that_is_taken_is_counted_up(host: Host) -> None:
    place = container_place(host, await host.container())

    names = [
        (await place.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget="same")).json["ContainerPointer"]["Name"]
        for _ in range(3)
    ]

    assert names == ["same", "same (1)", "same (2)"]


@pytest.mark.parametrize(
    "suggested",
    [utf7("a/b:c*?"), utf7("\\"), utf7(".."), utf7("x" * 600), "+AAA-", "+2D0-", "+!", "é", utf7("CON{}^[]`%")],
    ids=["characters", "a path", "dots", "long", "NUL", "half a character", "no UTF-7", "Latin-1", "iOS"],
)
async def test_a_suggestion_is_never_refused(host: Host, suggested: str) -> None:
    place = container_place(host, await host.container())

    answer = await place.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget=suggested)

    assert answer.status == 200
    name = answer.json["ContainerPointer"]["Name"]
    assert 0 < len(name) <= BASE_NAME_MAX
    assert not set(name) & set('\\/:*?"<>|#{}^[]`%\0')


async def test_an_exact_container_name_is_used_to_the_letter(host: Host) -> None:
    place = container_place(host, await host.container())

    answer = await place.post("CREATE_CHILD_CONTAINER", X_WOPI_RelativeTarget="made+AF8-up name.v2")

    assert answer.json["ContainerPointer"]["Name"] == "made_up name.v2"


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("overwrite", ["true", "True", "false", ""])
async def test_an_exact_container_name_that_is_taken_is_409_and_never_overwritten(host: Host, overwrite: str) -> None:
    folder = await host.container()
    await host.container("größe", folder)
    place = container_place(host, folder)

    answer = await place.post(
        "CREATE_CHILD_CONTAINER",
        X_WOPI_RelativeTarget=utf7("größe"),
        X_WOPI_OverwriteRelativeTarget=overwrite,
    )

    assert answer.status == 409
    free = answer.headers["X-WOPI-ValidRelativeTarget"]
    assert free.isascii()
    assert decoded_utf7(free) == "größe (1)"
    again = await place.post("CREATE_CHILD_CONTAINER", X_WOPI_RelativeTarget=free)
    assert (again.status, again.json["ContainerPointer"]["Name"]) == (200, "größe (1)")


@pytest.mark.parametrize("name", [utf7("a/b"), "..", "a+AAo-", utf7("x" * 513), "+!", "+AAA-", utf7("a#")])
async def test_an_illegal_exact_container_name_is_400_and_says_why(host: Host, name: str) -> None:
    answer = await container_place(host, await host.container()).post(
        "CREATE_CHILD_CONTAINER", X_WOPI_RelativeTarget=name
    )

    assert answer.status == 400
    assert answer.headers["X-WOPI-InvalidContainerNameError"]


@pytest.mark.on_both_hosts
async def test_containers_that_would_lie_too_deep_are_501(host: Host) -> None:
    deepest = ROOT_ID
    for number in range(MAX_DEPTH - 1):
        deepest = await host.container(f"level {number}", deepest)

    answer = await container_place(host, deepest).post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget="deeper")

    assert answer.status == 501
    assert answer.headers["X-WOPI-ServerError"]


@pytest.mark.parametrize("override", ["CREATE_CHILD_CONTAINER", "CREATE_CHILD_FILE"])
@pytest.mark.parametrize(
    "targets",
    [
        {"X_WOPI_SuggestedTarget": "a", "X_WOPI_RelativeTarget": "a"},
        {"X_WOPI_SuggestedTarget": "", "X_WOPI_RelativeTarget": ""},
        {},
    ],
    ids=["both", "both empty", "neither"],
)
async def test_anything_but_exactly_one_target_is_501(host: Host, override: str, targets: dict[str, str]) -> None:
    place = container_place(host, await host.container())

    assert (await place.post(override, **targets)).status == 501
    assert (await place.get("/children")).json == {"ChildContainers": [], "ChildFiles": []}


async def test_an_empty_target_header_counts_as_absent(host: Host) -> None:
    place = container_place(host, await host.container())

    answer = await place.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget="a", X_WOPI_RelativeTarget="")

    assert answer.status == 200


# --- CreateChildFile


async def test_a_child_file_is_empty_and_ready_to_be_edited(host: Host) -> None:
    folder = await host.container()
    place = container_place(host, folder)

    answer = await place.post("CREATE_CHILD_FILE", body=b"ignored", X_WOPI_SuggestedTarget=utf7("Bäume.docx"))

    assert answer.status == 200
    made = place.to(answer.json["Url"])
    file_id = made.claims.resource_id
    assert answer.json == {
        "Name": "Bäume.docx",
        "Url": made.url,
        "HostViewUrl": f"{host.url}/open/{file_id}",
        "HostEditUrl": f"{host.url}/open/{file_id}?action=edit",
        "HostEditNewUrl": f"{host.url}/open/{file_id}?action=editnew",
    }
    info = (await made.get()).json
    assert (info["Size"], info["UserCanWrite"], info["OwnerId"]) == (0, True, "ann")
    assert (await made.post("PUT", "/contents", b"template")).status == 200
    assert (await made.get("/contents")).body == b"template"
    assert (await made.post("DELETE")).status == 200


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        (".docx", "Document.docx"),
        ("a.docx", "a.docx"),
        (utf7("a/b.docx"), "b.docx"),
        (utf7("a*b.docx"), "a-b.docx"),
        ("+!.docx", "Document.docx"),
        (utf7("x" * 600 + ".docx"), "x" * BASE_NAME_MAX + ".docx"),
    ],
)
async def test_a_suggested_file_name_is_mended_and_keeps_its_extension(host: Host, suggested: str, name: str) -> None:
    answer = await container_place(host, await host.container()).post(
        "CREATE_CHILD_FILE", X_WOPI_SuggestedTarget=suggested
    )

    assert (answer.status, answer.json["Name"]) == (200, name)


async def test_a_suggested_file_name_that_is_taken_is_counted_up_and_overwrites_nothing(host: Host) -> None:
    folder = await host.container()
    file_id = await host.file("a.docx", b"kept", container=folder)

    answer = await container_place(host, folder).post(
        "CREATE_CHILD_FILE", X_WOPI_SuggestedTarget="a.docx", X_WOPI_OverwriteRelativeTarget="true"
    )

    assert answer.json["Name"] == "a (1).docx"
    assert await host.bytes_of(file_id) == b"kept"


@pytest.mark.parametrize("overwrite", ["", "true", "False"])
async def test_an_exact_file_name_that_is_free_is_used_to_the_letter(host: Host, overwrite: str) -> None:
    answer = await container_place(host, await host.container()).post(
        "CREATE_CHILD_FILE", X_WOPI_RelativeTarget="made+AF8-up.wopitestx", X_WOPI_OverwriteRelativeTarget=overwrite
    )

    assert (answer.status, answer.json["Name"]) == (200, "made_up.wopitestx")


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("overwrite", ["", "false", "False"])
async def test_an_exact_file_name_that_is_taken_is_409_with_a_free_one(host: Host, overwrite: str) -> None:
    folder = await host.container()
    file_id = await host.file("größe.docx", b"kept", container=folder)

    answer = await container_place(host, folder).post(
        "CREATE_CHILD_FILE",
        X_WOPI_RelativeTarget=utf7("größe.docx"),
        X_WOPI_OverwriteRelativeTarget=overwrite,
    )

    assert answer.status == 409
    assert decoded_utf7(answer.headers["X-WOPI-ValidRelativeTarget"]) == "größe (1).docx"
    assert await host.bytes_of(file_id) == b"kept"


async def test_a_taken_file_name_comes_with_the_lock_of_the_file_that_has_it(host: Host) -> None:
    folder = await host.container()
    await host.wopi(await host.file("a.docx", container=folder)).lock("theirs")

    answer = await container_place(host, folder).post("CREATE_CHILD_FILE", X_WOPI_RelativeTarget="a.docx")

    assert (answer.status, answer.headers["X-WOPI-Lock"]) == (409, "theirs")


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("overwrite", ["true", "True", "TRUE"])
async def test_overwriting_an_unlocked_file_leaves_no_bytes_and_the_same_id(host: Host, overwrite: str) -> None:
    folder = await host.container()
    file_id = await host.file("a.docx", b"former", container=folder)
    before = (await host.head(file_id)).current.number

    answer = await container_place(host, folder).post(
        "CREATE_CHILD_FILE", X_WOPI_RelativeTarget="a.docx", X_WOPI_OverwriteRelativeTarget=overwrite
    )

    assert (answer.status, answer.json["Name"]) == (200, "a.docx")
    assert Place(host, answer.json["Url"]).claims.resource_id == file_id
    assert await host.bytes_of(file_id) == b""
    assert (await host.head(file_id)).current.number == before + 1


@pytest.mark.on_both_hosts
async def test_overwriting_a_locked_file_is_409_with_its_lock(host: Host) -> None:
    folder = await host.container()
    file_id = await host.file("a.docx", b"kept", container=folder)
    await host.wopi(file_id).lock("theirs")

    answer = await container_place(host, folder).post(
        "CREATE_CHILD_FILE", X_WOPI_RelativeTarget="a.docx", X_WOPI_OverwriteRelativeTarget="true"
    )

    assert (answer.status, answer.lock) == (409, "theirs")
    assert answer.headers["X-WOPI-LockFailureReason"]
    assert await host.bytes_of(file_id) == b"kept"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.NONE])
async def test_overwriting_a_file_that_the_user_may_not_write_is_501(host: Host, role: Role) -> None:
    folder = await host.container()
    file_id = await host.file("a.docx", b"kept", container=folder)
    await host.grant(file_id, "bob", role)

    answer = await container_place(host, folder, "bob").post(
        "CREATE_CHILD_FILE", X_WOPI_RelativeTarget="a.docx", X_WOPI_OverwriteRelativeTarget="true"
    )

    assert answer.status == 501
    assert await host.bytes_of(file_id) == b"kept"


@pytest.mark.parametrize("name", [utf7("a/b.docx"), "..", ".docx", utf7("x" * 513 + ".docx"), "+!", utf7("a|.docx")])
@pytest.mark.parametrize("overwrite", ["true", "false"])
async def test_an_illegal_exact_file_name_is_400_and_says_why(host: Host, name: str, overwrite: str) -> None:
    answer = await container_place(host, await host.container()).post(
        "CREATE_CHILD_FILE", X_WOPI_RelativeTarget=name, X_WOPI_OverwriteRelativeTarget=overwrite
    )

    assert answer.status == 400
    assert answer.headers["X-WOPI-InvalidFileNameError"]


# --- DeleteContainer


@pytest.mark.on_both_hosts
async def test_an_empty_container_is_deleted(host: Host) -> None:
    folder = await host.container()
    place = container_place(host, folder)

    assert (await place.post("DELETE_CONTAINER")).status == 200
    assert (await place.get()).status == 404
    assert (await place.post("DELETE_CONTAINER")).status == 404


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("child", ["file", "container"])
async def test_a_container_with_a_child_is_not_deleted_and_goes_on_to_work(host: Host, child: str) -> None:
    folder = await host.container()
    if child == "file":
        await host.file(container=folder)
    else:
        await host.container("Inner", folder)
    place = container_place(host, folder)

    assert (await place.post("DELETE_CONTAINER")).status == 409
    assert (await place.post("CREATE_CHILD_FILE", X_WOPI_SuggestedTarget="b.docx")).status == 200


async def test_the_root_is_not_deleted(host: Host) -> None:
    place = container_place(host, user="operator")

    assert (await place.post("DELETE_CONTAINER")).status == 409
    assert (await place.get()).status == 200


async def test_a_file_that_was_deleted_keeps_its_container_from_nothing(host: Host) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    await host.wopi(file_id).post("DELETE")

    assert (await container_place(host, folder).post("DELETE_CONTAINER")).status == 200


# --- RenameContainer


@pytest.mark.on_both_hosts
async def test_a_renamed_container_keeps_its_address_and_what_is_in_it(host: Host) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    place = container_place(host, folder)

    answer = await place.post("RENAME_CONTAINER", X_WOPI_RequestedName="container+AF8-name")

    assert (answer.status, answer.json) == (200, {"Name": "container_name"})
    assert (await place.get()).json["Name"] == "container_name"
    assert [one["Name"] for one in (await place.get("/children")).json["ChildFiles"]] == ["Report.docx"]
    ancestors = (await file_place(host, file_id).get("/ancestry")).json["AncestorsWithRootFirst"]
    assert ancestors[-1]["Name"] == "container_name"


async def test_the_root_can_be_renamed(host: Host) -> None:
    answer = await container_place(host, user="operator").post("RENAME_CONTAINER", X_WOPI_RequestedName=utf7("Büro"))

    assert (answer.status, answer.json) == (200, {"Name": "Büro"})


async def test_a_container_may_keep_its_name(host: Host) -> None:
    answer = await container_place(host, await host.container("Plans")).post(
        "RENAME_CONTAINER", X_WOPI_RequestedName="Plans"
    )

    assert (answer.status, answer.json) == (200, {"Name": "Plans"})


@pytest.mark.on_both_hosts
async def test_a_name_that_another_container_has_is_409(host: Host) -> None:
    await host.container("Taken")

    answer = await container_place(host, await host.container("Plans")).post(
        "RENAME_CONTAINER", X_WOPI_RequestedName="Taken"
    )

    assert answer.status == 409


@pytest.mark.parametrize("name", [utf7("a/b"), ".", "+!", utf7("x" * 251), utf7("a\u202eb")])
async def test_an_illegal_name_is_400_and_says_why(host: Host, name: str) -> None:
    answer = await container_place(host, await host.container()).post("RENAME_CONTAINER", X_WOPI_RequestedName=name)

    assert answer.status == 400
    assert answer.headers["X-WOPI-InvalidContainerNameError"]


@pytest.mark.parametrize("headers", [{}, {"X_WOPI_RequestedName": ""}], ids=["missing", "empty"])
async def test_no_name_is_400(host: Host, headers: dict[str, str]) -> None:
    assert (await container_place(host, await host.container()).post("RENAME_CONTAINER", **headers)).status == 400


# --- GetShareUrl, GetEcosystem


@pytest.mark.parametrize("url_type", ["ReadOnly", "ReadWrite"])
async def test_a_share_url_is_a_page_without_a_token(host: Host, url_type: str) -> None:
    answer = await container_place(host, await host.container()).post("GET_SHARE_URL", X_WOPI_UrlType=url_type)

    assert answer.status == 200
    assert answer.json["ShareUrl"].startswith(host.url)
    assert "access_token" not in answer.json["ShareUrl"]


@pytest.mark.parametrize("headers", [{"X_WOPI_UrlType": "UnknownType"}, {"X_WOPI_UrlType": ""}, {}])
async def test_a_share_url_of_another_type_is_501(host: Host, headers: dict[str, str]) -> None:
    assert (await container_place(host, await host.container()).post("GET_SHARE_URL", **headers)).status == 501


@pytest.mark.parametrize("kind", ["file", "container"])
async def test_the_ecosystem_is_found_from_a_file_and_from_a_container(host: Host, kind: str) -> None:
    place = file_place(host, await host.file()) if kind == "file" else container_place(host, await host.container())

    answer = await place.get("/ecosystem_pointer")

    ecosystem = place.to(answer.json["Url"])
    assert ecosystem.wopi_src == f"{host.url}/wopi/ecosystem"
    assert (await ecosystem.get()).json == {"SupportsContainers": True}


# --- tokens in answers


def addresses_in(value: Any) -> list[str]:
    """Every address with a token, however deep in an answer."""
    if isinstance(value, dict):
        return [one for inner in value.values() for one in addresses_in(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in addresses_in(inner)]
    return [value] if isinstance(value, str) and "access_token=" in value else []


@pytest.mark.parametrize("limits", [{}, {"may_write": False}, {"supports_locks": False}])
async def test_no_way_around_leads_to_a_token_that_says_more_or_lasts_longer(
    host: Host, limits: dict[str, bool]
) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    start = file_place(host, file_id, **limits)
    host.clock.move(timedelta(hours=1))

    parent = start.to((await start.get("/ancestry")).json["AncestorsWithRootFirst"][-1]["Url"])
    answers = [
        await start.get("/ancestry"),
        await start.get("/ecosystem_pointer"),
        await parent.get("/children"),
        await parent.get("/ancestry"),
        await parent.get("/ecosystem_pointer"),
    ]
    if start.claims.may_write:
        answers.append(await parent.post("CREATE_CHILD_FILE", X_WOPI_SuggestedTarget=".docx"))
        answers.append(await parent.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget="new"))

    found = [start.to(url) for answer in answers for url in addresses_in(answer.json)]
    assert len(found) >= len(answers)
    for place in found:
        assert place.expires_at_ms == start.expires_at_ms
        assert place.claims.user_id == start.claims.user_id
        assert (place.claims.may_write, place.claims.supports_locks) == (
            start.claims.may_write,
            start.claims.supports_locks,
        )
        assert place.claims.dialect is start.claims.dialect
