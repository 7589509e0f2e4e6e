"""Access tokens over HTTP: one user, one resource, until one moment. Spec: tokens and proof keys > Access tokens."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.gateway.context import Rules
from shared.core.permissions import Role
from shared.core.tokens import Claims, Dialect, Resource, TokenSigner
from tests.hosts import Answer, Host, WopiFile, running_host

TICK = timedelta(milliseconds=1)


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer:"])
async def test_a_client_may_send_its_token_in_the_header_alone(host: Host, scheme: str) -> None:
    file_id = await host.file()

    answer = await host.request("GET", f"/wopi/files/{file_id}", bearer(host.token(file_id), scheme))

    assert (answer.status, answer.json["UserId"]) == (200, "ann")


async def test_of_two_tokens_that_of_the_query_counts(host: Host) -> None:
    file_id = await host.file()
    ann, ben = host.token(file_id), host.token(file_id, await host.user("ben"))
    path = f"/wopi/files/{file_id}?access_token="

    answers = [
        await host.request("GET", path + ann, bearer(ben)),
        await host.request("GET", path + ann, bearer("INVALID")),
        await host.request("GET", path + "INVALID", bearer(ann)),
        await host.request("GET", path, bearer(ben)),
    ]

    assert [answer.status for answer in answers] == [200, 200, 401, 200]
    assert [answer.json["UserId"] for answer in answers if answer.status == 200] == ["ann", "ann", "ben"]


async def test_a_token_counts_wherever_it_stands_in_the_query_and_however_it_is_escaped(host: Host) -> None:
    file_id = await host.file()
    token = host.token(file_id)
    escaped = "".join(f"%{ord(one):02x}" for one in token)

    for query in (f"permission=edit&access_token={token}&x=1", f"access_token={escaped}", f"a&&access_token={token}"):
        assert (await host.request("GET", f"/wopi/files/{file_id}?{query}")).status == 200


@pytest.mark.parametrize(
    "token",
    ["", "INVALID", "0", "00", "zz", "%C3%A4", "%00", "%FF%FE", "deadbeef" * 20, "ab" * 5000, "../../etc/passwd"],
)
async def test_what_is_no_token_of_this_host_is_401(host: Host, token: str) -> None:
    file_id = await host.file()

    query = await host.request("GET", f"/wopi/files/{file_id}?access_token={token[:4000]}")
    header = await host.request("GET", f"/wopi/files/{file_id}", bearer(token[:4000]))

    assert (query.status, header.status) == (401, 401)


async def test_no_token_at_all_is_401(host: Host) -> None:
    file_id = await host.file()

    answer = await host.request("GET", f"/wopi/files/{file_id}")

    assert answer.status == 401
    assert answer.headers["X-WOPI-ServerError"]


async def test_a_token_that_another_host_signed_is_401(host: Host) -> None:
    file_id = await host.file()
    forged = TokenSigner(b"another secret" * 3).sign(host.claims(file_id))

    assert (await WopiFile(host, file_id, forged).get()).status == 401


async def test_each_changed_character_breaks_a_token(host: Host) -> None:
    file_id = await host.file()
    token = host.token(file_id)

    for at in range(len(token)):
        changed = token[:at] + ("1" if token[at] == "0" else "0") + token[at + 1 :]
        assert (await WopiFile(host, file_id, changed).get()).status == 401


async def test_a_token_ends_at_its_moment_and_not_before(host: Host) -> None:
    client = host.wopi(await host.file())
    left = host.claims(client.file_id).expires_at - host.clock()
    assert left > timedelta(hours=9, minutes=59)

    host.clock.move(left - TICK)
    assert (await client.get()).status == 200
    host.clock.move(TICK)

    assert [(await client.get()).status, (await client.put(b"late", "a")).status] == [401, 401]


async def test_a_token_for_one_file_opens_no_other(host: Host) -> None:
    one, other = await host.file(), await host.file("Other.docx")
    client = WopiFile(host, other, host.token(one))

    answers = [await client.get(), await client.get("/contents"), await client.lock("a"), await client.put(b"new")]

    assert [answer.status for answer in answers] == [404] * 4
    assert (await host.drafts(other), await host.bytes_of(other)) == ([], b"hello")


@pytest.mark.parametrize("resource", [Resource.CONTAINER, Resource.ECOSYSTEM, Resource.DOWNLOAD])
async def test_a_token_for_another_kind_of_resource_opens_no_file(host: Host, resource: Resource) -> None:
    file_id = await host.file()

    answer = await WopiFile(host, file_id, host.token(file_id, resource=resource)).get()

    assert answer.status == 404


async def test_unknown_foreign_and_forbidden_files_look_the_same(host: Host) -> None:
    file_id = await host.file()
    await host.user("mallory", Role.NONE)

    answers = [
        await host.wopi("nosuch").get(),
        await host.wopi(file_id, "mallory").get(),
        await host.wopi(file_id, "nobody").get(),
    ]

    assert {answer.status for answer in answers} == {404}
    assert {answer.body for answer in answers} == {b""}


@pytest.mark.parametrize(
    ("role", "reads", "writes"), [(Role.VIEWER, 200, 404), (Role.NONE, 404, 404), (Role.OWNER, 200, 200)]
)
async def test_a_changed_grant_works_at_once_with_the_token_in_hand(
    host: Host, role: Role, reads: int, writes: int
) -> None:
    client = host.wopi(await host.file(), await host.user("ben"))
    assert (await client.lock("a")).status == 200

    await host.grant(client.file_id, "ben", role)

    assert [(await client.get()).status, (await client.get("/contents")).status] == [reads, reads]
    assert [(await client.refresh("a")).status, (await client.put(b"new", "a")).status] == [writes, writes]
    await host.grant(client.file_id, "ben", None)
    assert (await client.refresh("a")).status == 200


async def test_a_grant_on_a_container_above_counts_too(host: Host) -> None:
    inner = await host.container("Inner", outer := await host.container("Outer"))
    client = host.wopi(await host.file(container=inner), await host.user("ben", Role.NONE))
    assert (await client.get()).status == 404

    await host.grant_container(outer, "ben", Role.VIEWER)

    assert (await client.get()).status == 200


async def test_a_reading_token_reads_whatever_its_user_may_do(host: Host) -> None:
    client = host.wopi(await host.file(), may_write=False)

    info = await client.info()

    assert (info["UserCanWrite"], info["ReadOnly"]) == (False, True)
    assert (await client.get("/contents")).status == 200
    assert [(await client.lock("a")).status, (await client.put(b"new")).status] == [404, 404]


def claims_in(host: Host, url: str) -> Claims:
    """What the token in an answer's URL says; the URL must tell its end as well."""
    query = parse_qs(urlsplit(url).query)
    claims = host.gateway.tokens.read(query["access_token"][0], host.clock())
    assert claims is not None
    assert query["access_token_ttl"] == [str(claims.expires_at_ms)]
    return claims


async def urls_from(host: Host, client: WopiFile) -> list[str]:
    """Every URL with a token that the answers to this client hold, two steps far."""
    ancestry = (await client.get("/ancestry")).json["AncestorsWithRootFirst"]
    copy: Answer = await client.post("PUT_RELATIVE", b"copy", X_WOPI_SuggestedTarget="Copy.docx")
    ecosystem = (await client.get("/ecosystem_pointer")).json["Url"]
    renamed = (await client.post("RENAME_FILE", X_WOPI_RequestedName="Renamed")).json["Url"]
    parent = ancestry[-1]["Url"].replace("?", "/children?", 1)
    children = (await host.request("GET", parent)).json
    root = ecosystem.replace("?", "/root_container_pointer?", 1)
    pointer = (await host.request("GET", root)).json["ContainerPointer"]["Url"]
    listed = [one["Url"] for one in (*children["ChildContainers"], *children["ChildFiles"])]
    return [*(one["Url"] for one in ancestry), copy.json["Url"], ecosystem, renamed, pointer, *listed]


async def test_no_chain_of_requests_makes_a_session_longer(host: Host) -> None:
    client = host.wopi(await host.file(container=await host.container()), dialect=Dialect.COLLABORA)
    given = host.claims(client.file_id)
    host.clock.move(timedelta(hours=9))

    urls = await urls_from(host, client)

    assert len(urls) > 6
    for url in urls:
        claims = claims_in(host, url)
        assert (claims.expires_at, claims.user_id) == (given.expires_at, "ann")
        assert claims.dialect is Dialect.COLLABORA
        assert (await host.request("GET", url)).status == 200
    host.clock.move(timedelta(hours=1))
    assert {(await host.request("GET", url)).status for url in urls} == {401}


async def test_tokens_last_as_long_as_the_host_is_set_to(tmp_path: Any) -> None:
    async with running_host(tmp_path / "data", rules=Rules(token_lifetime=timedelta(minutes=5))) as host:
        client = host.wopi(await host.file())

        host.clock.move(timedelta(minutes=5))

        assert (await client.get()).status == 401


async def test_a_request_that_cant_be_parsed_is_logged_without_its_token(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    client = host.wopi(await host.file())

    answer = await host.request("GET", client.url(query="&name=\xfc"))

    assert answer.status == 400
    assert "Error handling request" in caplog.text
    assert client.token not in caplog.text


async def test_an_address_that_was_asked_for_before_is_asked_for_in_vain_once_its_token_is_over(host: Host) -> None:
    client = host.wopi(await host.file())
    assert [(await client.get()).status for _ in range(2)] == [200, 200]

    host.clock.move(host.gateway.rules.token_lifetime)

    assert (await client.get()).status == 401


async def test_an_address_that_was_asked_for_before_is_looked_up_anew_each_time(host: Host) -> None:
    file_id = await host.file()
    client = host.wopi(file_id, await host.user("ben"))
    assert (await client.get()).status == 200

    await host.grant(file_id, "ben", Role.NONE)

    assert (await client.get()).status == 404
    assert (await client.post("GET_LOCK")).status == 404
