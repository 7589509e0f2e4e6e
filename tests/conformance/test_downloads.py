"""FileUrl and DownloadUrl: the newest bytes for whoever holds the address, and nothing that could act as the host."""

from datetime import timedelta
from urllib.parse import unquote

import pytest

from shared.core.permissions import Role
from shared.core.tokens import Dialect, Resource
from tests.conformance.names import SCRIPTS
from tests.hosts import Host


async def url_of(host: Host, **file: str) -> tuple[str, str]:
    """A new file's id and FileUrl."""
    file_id = await host.file(**file)
    return file_id, (await host.wopi(file_id).info())["FileUrl"]


async def test_a_bare_get_gives_the_newest_bytes_at_once(host: Host) -> None:
    file_id, url = await url_of(host)
    client = host.wopi(file_id)
    await client.lock("a")

    assert (await host.request("GET", url)).body == b"hello"
    saved = await client.put(b"newer bytes", "a")
    answer = await host.request("GET", url)

    assert (answer.status, answer.body, answer.version) == (200, b"newer bytes", saved.version)
    assert answer.headers["Content-Length"] == "11"


async def test_what_is_downloaded_is_kept_and_not_shown(host: Host) -> None:
    _, url = await url_of(host, name="page.html", content=b"<script>alert(1)</script>")

    headers = (await host.request("GET", url)).headers

    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("base", SCRIPTS)
async def test_a_download_has_the_files_name_in_every_script(host: Host, base: str) -> None:
    _, url = await url_of(host, name=base + ".docx")

    answer = await host.request("GET", url)

    disposition = answer.headers["Content-Disposition"]
    assert (answer.status, answer.body) == (200, b"hello")
    assert disposition.isascii()
    encoded = disposition.split("filename*=UTF-8''")[1]
    assert unquote(encoded) == base + ".docx"


async def test_the_name_in_the_address_is_for_people_alone(host: Host) -> None:
    file_id, url = await url_of(host)
    await host.wopi(file_id).post("RENAME_FILE", X_WOPI_RequestedName="Other")

    assert (await host.request("GET", url)).status == 200
    assert (await host.request("GET", url.rsplit("/", 1)[0] + "/anything.exe")).status == 200


async def test_ranges_and_head_work_as_for_get_file(host: Host) -> None:
    _, url = await url_of(host)

    part = await host.request("GET", url, {"Range": "bytes=1-2"})
    beyond = await host.request("GET", url, {"Range": "bytes=9-"})
    head = await host.request("HEAD", url)

    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"el", "bytes 1-2/5")
    assert beyond.status == 416
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "5", b"")


async def test_a_revoked_grant_ends_it_at_once(host: Host) -> None:
    file_id = await host.file()
    url = (await host.wopi(file_id, await host.user("ben")).info())["FileUrl"]
    assert (await host.request("GET", url)).status == 200

    await host.grant(file_id, "ben", Role.NONE)

    assert (await host.request("GET", url)).status == 404


async def test_it_ends_with_the_token_that_asked_for_it(host: Host) -> None:
    _, url = await url_of(host)

    host.clock.move(timedelta(hours=10))

    assert (await host.request("GET", url)).status == 401


async def test_no_other_token_downloads(host: Host) -> None:
    file_id = await host.file()

    statuses = [
        (await host.request("GET", f"/download/{token}/a.docx")).status
        for token in (
            "INVALID",
            host.token(file_id),
            host.token(file_id, resource=Resource.CONTAINER),
            host.token("nosuch", resource=Resource.DOWNLOAD),
        )
    ]

    assert statuses == [401, 404, 404, 404]


async def test_a_deleted_file_is_gone(host: Host) -> None:
    file_id, url = await url_of(host)
    await host.wopi(file_id).post("DELETE")

    assert (await host.request("GET", url)).status == 404


@pytest.mark.parametrize("dialect", [Dialect.COLLABORA, Dialect.ONLYOFFICE])
async def test_clients_that_show_check_file_info_to_the_browser_get_no_such_address(
    host: Host, dialect: Dialect
) -> None:
    info = await host.wopi(await host.file(), dialect=dialect).info()

    assert "FileUrl" not in info
    assert "DownloadUrl" not in info
