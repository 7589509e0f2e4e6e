"""A public address with a path: the same host answers whether a proxy takes that path away or leaves it there."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hosts import API_KEY, Host, running_host

ADDRESSES_IN_INFO = (
    "BreadcrumbBrandUrl",
    "CloseUrl",
    "DownloadUrl",
    "FileUrl",
    "FileVersionUrl",
    "HostEditUrl",
    "HostViewUrl",
)


@pytest.fixture(params=["/office", "/wopi", "/a/wopi/b"])
async def below(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    async with running_host(tmp_path / "data", public_url=f"https://example.com{request.param}") as host:
        yield host


@pytest.mark.parametrize("kept", [True, False])
async def test_all_that_the_host_gives_out_is_there(below: Host, kept: bool) -> None:
    client = below.wopi(await below.file())
    info = await client.info()
    path = below.gateway.addresses.path

    for name in ADDRESSES_IN_INFO:
        target = urlsplit(info[name])
        assert target.path.startswith(path + "/")
        address = target.path if kept else target.path.removeprefix(path)
        assert (await below.request("GET", f"{address}?{target.query}")).status == 200, name


async def test_every_kind_of_address_is_below_the_public_path(below: Host) -> None:
    client = below.wopi(await below.file())
    path = below.gateway.addresses.path
    key = {"Authorization": f"Bearer {API_KEY}"}

    assert (await below.request("GET", path + client.url())).status == 200
    assert (await below.request("GET", path + client.url("/contents"))).body == b"hello"
    assert (await below.request("GET", f"{path}/wopibootstrapper")).status == 401
    assert (await below.request("GET", f"{path}/api/v1/me", key)).status == 200
    assert (await below.request("GET", f"{path}/api/openapi.json")).status == 200
    assert (await below.request("GET", f"{path}/api/v1/nothing", key)).status == 404
    for name in ("healthz", "readyz"):
        assert (await below.request("GET", f"{path}/{name}")).status == 200
