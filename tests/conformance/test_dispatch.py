"""From path, method and override to an operation, and the order of checks. Spec: endpoints > Dispatch rules."""

import pytest

from services.gateway.wopi import containers, ecosystem
from services.gateway.wopi.operations import FILE_OPERATIONS
from shared.core.permissions import Role
from shared.core.tokens import Resource
from tests.hosts import Host

WITHOUT_PATH = [one for one in FILE_OPERATIONS if one.method == "POST" and not one.path]
LEGACY = ["COBALT", "READ_SECURE_STORE", "GET_RESTRICTED_LINK", "REVOKE_RESTRICTED_LINK"]
PLUS = [
    "GET_COAUTH_LOCK",
    "REFRESH_COAUTH_LOCK",
    "UNLOCK_COAUTH_LOCK",
    "GET_COAUTH_TABLE",
    "GET_CHUNKED_FILE",
    "GET_SEQUENCE_NUMBER",
    "GET_CHUNKS",
    "CREATE_UPLOAD_SESSION",
    "UPDATE_UPLOAD_SESSION",
]


@pytest.mark.parametrize("override", [*LEGACY, *PLUS])
async def test_what_the_host_doesnt_offer_is_refused_with_a_reason(host: Host, override: str) -> None:
    client = host.wopi(await host.file())

    answer = await client.post(override, b"<xml/>")

    assert answer.status == 501
    assert answer.headers["X-WOPI-ServerError"].startswith("this host")


async def test_chunked_puts_are_not_offered(host: Host) -> None:
    client = host.wopi(await host.file())

    answer = await client.post("PUT_CHUNKED_FILE", b"frames", "/contents")

    assert answer.status == 501
    assert "SupportsCoauth" in answer.headers["X-WOPI-ServerError"]


@pytest.mark.parametrize("override", [None, "", "  ", "FLY", "LOCK UNLOCK", "X" * 4000])
async def test_no_or_an_unknown_override_is_not_supported(host: Host, override: str | None) -> None:
    client = host.wopi(await host.file())

    answer = await client.post(override, X_WOPI_Lock="a")

    assert answer.status == 501
    assert answer.headers["X-WOPI-ServerError"]


@pytest.mark.parametrize("override", ["lock", "Lock", " LOCK "])
async def test_letter_case_and_blanks_of_the_override_dont_count(host: Host, override: str) -> None:
    client = host.wopi(await host.file())

    assert (await client.post(override, X_WOPI_Lock="a")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/wopi",
        "/wopi/",
        "/wopi/files",
        "/wopi/files/",
        "/wopi/nothing/x",
        "/wopi/files/{id}/nothing",
        "/wopi/files/{id}/contents/more",
        "/wopi/files/ids/{id}",
        "/wopi/containers",
        "/wopi/ecosystem/nothing",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_paths_are_not_found(host: Host, path: str, method: str) -> None:
    file_id = await host.file()

    answer = await host.request(method, path.format(id=file_id) + f"?access_token={host.token(file_id)}")

    assert answer.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "", "GET,POST"),
        ("DELETE", "", "GET,POST"),
        ("PATCH", "/contents", "GET,POST"),
        ("POST", "/ancestry", "GET"),
        ("POST", "/ecosystem_pointer", "GET"),
        ("OPTIONS", "/contents", "GET,POST"),
    ],
)
async def test_a_wrong_method_is_not_allowed(host: Host, method: str, path: str, allowed: str) -> None:
    client = host.wopi(await host.file())

    answer = await host.request(method, client.url(path))

    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path",
    [
        "/wopi/files/{id}/",
        "/wopi/files/{id}//",
        "//wopi/files/{id}",
        "/wopi//files/{id}",
        "/wopi/files//{id}",
        "///wopi///files///{id}///",
        "/proxied/wopi/files/{id}",
    ],
)
async def test_slashes_that_proxies_double_or_add_dont_count(host: Host, path: str) -> None:
    file_id = await host.file()
    query = f"?access_token={host.token(file_id)}"

    info = await host.request("GET", path.format(id=file_id) + query)
    contents = await host.request("GET", path.format(id=file_id).rstrip("/") + "/contents/" + query)

    assert (info.status, info.json["BaseFileName"]) == (200, "Report.docx")
    assert (contents.status, contents.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/wopi/folders/f1", "/wopi/folders/f1/children"])
async def test_folders_of_onenote_are_not_offered(host: Host, path: str) -> None:
    file_id = await host.file()

    answer = await host.request("GET", f"{path}?access_token={host.token(file_id)}")

    assert answer.status == 501
    assert "SupportsFolders" in answer.headers["X-WOPI-ServerError"]


async def test_the_token_is_looked_at_before_the_resource_and_the_headers(host: Host) -> None:
    answer = await host.request("POST", "/wopi/files/nosuch?access_token=INVALID", {"X-WOPI-Override": "LOCK"})

    assert answer.status == 401


async def test_the_resource_is_looked_at_before_the_headers(host: Host) -> None:
    file_id = await host.file()
    token = host.token("nosuch")

    answer = await host.request("POST", f"/wopi/files/nosuch?access_token={token}", {"X-WOPI-Override": "LOCK"})

    assert answer.status == 404
    assert (await host.wopi(file_id).post("LOCK")).status == 400


async def test_headers_are_looked_at_before_the_lock(host: Host) -> None:
    client = host.wopi(await host.file())
    await client.lock("theirs")

    assert (await client.post("UNLOCK", X_WOPI_Lock="L" * 1025)).status == 400


async def test_every_row_says_what_it_needs_and_none_is_hidden_by_another() -> None:
    for rows, resource in (
        (FILE_OPERATIONS, Resource.FILE),
        (containers.OPERATIONS, Resource.CONTAINER),
        (ecosystem.OPERATIONS, Resource.ECOSYSTEM),
    ):
        assert {row.resource for row in rows} == {resource}
        assert len({(row.path, row.method, row.override) for row in rows}) == len(rows)
        assert all(row.handler.__doc__ or row.override for row in rows)


@pytest.mark.parametrize("row", [one for one in FILE_OPERATIONS if one.least > Role.VIEWER], ids=lambda row: row.name)
async def test_what_changes_a_file_is_404_for_who_may_only_read_and_for_strangers(host: Host, row) -> None:
    file_id = await host.file()
    before = await host.head(file_id)
    await host.user("eve", Role.VIEWER)
    await host.user("mallory", Role.NONE)
    path = f"/{row.path}" if row.path else ""
    headers = {"X_WOPI_Lock": "a", "X_WOPI_RequestedName": "Other"}

    for client in (
        host.wopi(file_id, "eve", may_write=False),
        host.wopi(file_id, "ann", may_write=False),
        host.wopi(file_id, "mallory", may_write=False),
        host.wopi(file_id, "nobody", may_write=False),
    ):
        answer = await client.post(row.override, b"{}", path, **headers)
        assert answer.status == 404

    assert await host.head(file_id) == before


@pytest.mark.parametrize("row", WITHOUT_PATH, ids=lambda row: row.name)
async def test_every_operation_is_401_with_a_bad_token(host: Host, row) -> None:
    file_id = await host.file()

    answer = await host.request(
        "POST", f"/wopi/files/{file_id}?access_token=INVALID", {"X-WOPI-Override": row.override, "X-WOPI-Lock": "a"}
    )

    assert answer.status == 401
    assert answer.headers["X-WOPI-ServerError"]


@pytest.mark.parametrize("path", ["", "/contents", "/ancestry", "/ecosystem_pointer"])
async def test_every_answer_names_the_host(host: Host, path: str) -> None:
    client = host.wopi(await host.file())

    for answer in (await client.get(path), await host.request("GET", f"/wopi/files/x{path}")):
        assert answer.headers["X-WOPI-ServerVersion"].startswith("lectern")
        assert answer.headers["X-WOPI-MachineName"]


async def test_unknown_headers_and_parameters_are_ignored(host: Host) -> None:
    client = host.wopi(await host.file())

    answer = await host.request(
        "GET", client.url(query="&access_token_ttl=0&permission=edit&%ff=%00&x"), {"X-WOPI-New": "ä"}
    )

    assert answer.status == 200
