"""The host's own pages: the same for everybody, about nothing in particular, and unable to run anything."""

import base64
import hashlib
import re

import pytest

from shared.core.urls import Addresses
from tests.hosts import Host


async def test_the_first_page_says_where_everything_is(host: Host) -> None:
    answer = await host.request("GET", "/")

    text = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for address in ("/wopi", "/wopibootstrapper", "/api/openapi.json", "/healthz", "/readyz", "/metrics"):
        assert host.url + address in text
    for link in re.findall(r'href="([^"]+)"', text):
        assert (await host.request("GET", link)).status == 200, link


async def test_every_page_that_a_file_or_container_has_answers_alike_whether_it_exists_or_not(host: Host) -> None:
    addresses, file_id, folder = Addresses(host.url), await host.file(), await host.container()

    pages = [
        await host.request("GET", address)
        for file in (file_id, "nothing", "a%20b")
        for address in (
            addresses.host_view(file),
            addresses.host_edit(file),
            addresses.host_edit_new(file),
            addresses.host_embedded_view(file),
            addresses.sharing_page(file),
            addresses.versions_page(file),
        )
    ] + [
        await host.request("GET", address)
        for container in (folder, "nothing")
        for address in (addresses.container_page(container), addresses.container_sharing_page(container))
    ]

    assert {(page.status, page.body) for page in pages} == {(200, pages[0].body)}
    assert b"lectern token" in pages[0].body


@pytest.mark.parametrize("path", ["/", "/open/anything", "/browse/anything"])
async def test_a_page_loads_runs_and_keeps_nothing(host: Host, path: str) -> None:
    answer = await host.request("GET", path)

    headers, text = answer.headers, answer.body.decode()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{style_hash}';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert "<script" not in text
    assert not re.search(r'style="|\bon\w+=|src=', text)


async def test_what_an_address_says_is_never_on_the_page(host: Host) -> None:
    answer = await host.request("GET", "/open/%3Cscript%3Ealert(1)%3C/script%3E?x=<script>")

    assert answer.status == 200
    assert b"script" not in answer.body


async def test_pages_are_only_read(host: Host) -> None:
    assert (await host.request("HEAD", "/open/x")).status == 200
    assert (await host.request("POST", "/open/x")).status == 405
