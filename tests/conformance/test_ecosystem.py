"""Operations on the ecosystem."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from services.gateway.wopi.dispatch import Operation
from services.gateway.wopi.ecosystem import OPERATIONS
from shared.core.containers import ROOT_ID
from shared.core.permissions import Role
from shared.core.tokens import Dialect, Resource
from tests.conformance.trees import Place, container_place, ecosystem_place, file_place
from tests.hosts import Answer, Host

GET_WOPI_SRC = "GET_WOPI_SRC_WITH_ACCESS_TOKEN"

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


async def sent(place: Place, operation: Operation) -> Answer:
    """The operation, with all that it needs."""
    path = f"/{operation.path}" if operation.path else ""
    if operation.method == "GET":
        return await place.get(path)
    native_name = f"{place.host.url}/browse/{ROOT_ID}"
    return await place.post(operation.override, path, X_WOPI_HostNativeFileName=native_name)


# --- what all operations have in common


@each_operation
async def test_a_token_that_nobody_signed_is_401(host: Host, operation: Operation) -> None:
    assert (await sent(Place(host, f"{host.url}/wopi/ecosystem?access_token=INVALID"), operation)).status == 401


@each_operation
async def test_an_expired_token_is_401(host: Host, operation: Operation) -> None:
    await host.user()
    place = ecosystem_place(host)
    host.clock.move(timedelta(hours=11))

    assert (await sent(place, operation)).status == 401


@each_operation
async def test_a_token_for_a_container_is_404(host: Host, operation: Operation) -> None:
    await host.user()
    url = container_place(host).url.replace(f"/containers/{ROOT_ID}", "/ecosystem")

    assert (await sent(Place(host, url), operation)).status == 404


@each_operation
async def test_a_user_whom_the_host_doesnt_know_is_404(host: Host, operation: Operation) -> None:
    assert (await sent(ecosystem_place(host, "nobody"), operation)).status == 404


@each_operation
async def test_every_user_of_the_host_may_ask(host: Host, operation: Operation) -> None:
    await host.user("vera", Role.VIEWER)

    assert (await sent(ecosystem_place(host, "vera"), operation)).status == 200


@pytest.mark.parametrize("override", [None, "NO_SUCH_THING", "LOCK"])
async def test_an_operation_that_the_ecosystem_doesnt_have_is_501(host: Host, override: str | None) -> None:
    await host.user()

    assert (await ecosystem_place(host).post(override)).status == 501


async def test_an_address_below_the_ecosystem_that_isnt_there_is_404(host: Host) -> None:
    await host.user()

    assert (await ecosystem_place(host).get("/nowhere")).status == 404


# --- CheckEcosystem, GetRootContainer


async def test_check_ecosystem_says_the_same_of_containers_as_check_file_info(host: Host) -> None:
    info = (await file_place(host, await host.file()).get()).json

    answer = await ecosystem_place(host).get()

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json == {"SupportsContainers": info["SupportsContainers"]} == {"SupportsContainers": True}


async def test_the_root_container_comes_with_its_info(host: Host) -> None:
    await host.user()
    place = ecosystem_place(host)

    answer = await place.get("/root_container_pointer")

    pointer, info = answer.json["ContainerPointer"], answer.json["ContainerInfo"]
    root = place.to(pointer["Url"])
    assert root.wopi_src == f"{host.url}/wopi/containers/{ROOT_ID}"
    assert pointer["Name"] == info["Name"] == "Documents"
    assert (await root.get()).json == info


async def test_a_user_who_may_not_see_the_root_doesnt_get_it(host: Host) -> None:
    await host.user("guest", Role.NONE)

    assert (await ecosystem_place(host, "guest").get("/root_container_pointer")).status == 404


async def test_the_root_containers_token_lasts_as_long_as_the_ecosystems(host: Host) -> None:
    await host.user()
    place = ecosystem_place(host, may_write=False, dialect=Dialect.COLLABORA)
    host.clock.move(timedelta(hours=9))

    answer = await place.get("/root_container_pointer")

    root = place.to(answer.json["ContainerPointer"]["Url"])
    assert root.expires_at_ms == place.expires_at_ms
    assert (root.claims.may_write, root.claims.dialect) == (False, Dialect.COLLABORA)
    assert answer.json["ContainerInfo"]["UserCanCreateChildFile"] is False


# --- GetFileWopiSrc


@pytest.mark.parametrize(
    "form",
    [
        "{url}/wopi/files/{file_id}",
        "{url}/wopi/files/{file_id}?access_token=whatever&access_token_ttl=0",
        "{url}/open/{file_id}",
        "{url}/open/{file_id}?action=edit",
        "{url}/open/{file_id}?action=edit#page=2",
    ],
)
async def test_every_address_of_a_file_leads_to_its_wopi_src(host: Host, form: str) -> None:
    file_id = await host.file()
    place = ecosystem_place(host)

    answer = await place.post(GET_WOPI_SRC, X_WOPI_HostNativeFileName=form.format(url=host.url, file_id=file_id))

    found = place.to(answer.json["Url"])
    assert found.wopi_src == f"{host.url}/wopi/files/{file_id}"
    assert found.expires_at_ms == place.expires_at_ms
    assert (await found.get()).json["BaseFileName"] == "Report.docx"


@pytest.mark.parametrize("name", ["HostViewUrl", "HostEditUrl", "HostEmbeddedViewUrl", "FileVersionUrl"])
async def test_the_addresses_of_check_file_info_lead_back(host: Host, name: str) -> None:
    file_id = await host.file()
    info = (await file_place(host, file_id).get()).json
    place = ecosystem_place(host)

    answer = await place.post(GET_WOPI_SRC, X_WOPI_HostNativeFileName=info[name])

    assert place.to(answer.json["Url"]).claims.resource_id == file_id


@pytest.mark.parametrize("url_type", ["ReadOnly", "ReadWrite"])
@pytest.mark.parametrize("resource", [Resource.FILE, Resource.CONTAINER])
async def test_share_urls_lead_back(host: Host, url_type: str, resource: Resource) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    shared = file_place(host, file_id) if resource is Resource.FILE else container_place(host, folder)
    share_url = (await shared.post("GET_SHARE_URL", X_WOPI_UrlType=url_type)).json["ShareUrl"]
    place = ecosystem_place(host)

    answer = await place.post(GET_WOPI_SRC, X_WOPI_HostNativeFileName=share_url)

    found = place.to(answer.json["Url"])
    assert (found.claims.resource, found.wopi_src) == (resource, shared.wopi_src)


@pytest.mark.parametrize(
    "native_name",
    [
        "",
        "Report.docx",
        "/Documents/Report.docx",
        "{url}/wopi/files/nowhere",
        "{url}/wopi/files/",
        "{url}/wopi/files/{file_id}/contents",
        "{url}/api/v1/files/{file_id}",
        "{url}.example.org/open/{file_id}",
        "https://elsewhere.example/open/{file_id}",
        "https://elsewhere.example/?{url}/open/{file_id}",
        "http://[",
        "{quoted}",
    ],
)
async def test_what_is_no_address_of_this_host_is_404(host: Host, native_name: str) -> None:
    file_id = await host.file()
    quoted = quote(f"{host.url}/open/{file_id}", safe="")
    native_name = native_name.format(url=host.url, file_id=file_id, quoted=quoted)

    answer = await ecosystem_place(host).post(GET_WOPI_SRC, X_WOPI_HostNativeFileName=native_name)

    assert answer.status == 404


async def test_a_missing_native_name_is_404(host: Host) -> None:
    await host.user()

    assert (await ecosystem_place(host).post(GET_WOPI_SRC)).status == 404


async def test_an_address_gives_nothing_to_a_user_without_a_right(host: Host) -> None:
    file_id = await host.file()
    await host.grant(file_id, "bob", Role.NONE)

    answer = await ecosystem_place(host, "bob").post(
        GET_WOPI_SRC, X_WOPI_HostNativeFileName=f"{host.url}/open/{file_id}"
    )

    assert answer.status == 404
