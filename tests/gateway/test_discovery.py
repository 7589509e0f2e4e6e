"""Discovery documents from a real server: kept, read again, and never given up for a bad one."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from services.gateway.auth.discovery import MAX_AGE, PAUSE, RETRY_PAUSE, SIZE_MAX, Discoveries
from shared.core.discovery import Discovery
from shared.core.tokens import Dialect
from tests.builders import Clock
from tests.discovery_server import Publisher, discovery_document, publishing

FIRST, SECOND = "https://client.example/first?", "https://client.example/second?"
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a;" if n == 1 else f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]><wopi-discovery>&a11;</wopi-discovery>"
)
EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><wopi-discovery>&x;</wopi-discovery>'
EXTERNAL_DTD = '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd"><wopi-discovery/>'
BROKEN_KEY = discovery_document().replace(b"</wopi", b'<proof-key modulus="!" exponent="AQAB" value="!"/></wopi')


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with publishing(discovery_document(FIRST, current="one")) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def discoveries(publisher: Publisher, clock: Clock) -> AsyncIterator[Discoveries]:
    # Not started: a test says itself when the document is read first.
    found = Discoveries({"": publisher.url}, None, clock)
    yield found
    await found.close()


def urlsrc(found: Discovery | None) -> str:
    assert found is not None
    action = found.action("edit", "docx")
    assert action is not None
    return action.urlsrc


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - polls another's state
            await asyncio.sleep(0.005)


async def test_a_document_is_read_once_and_kept(discoveries: Discoveries, publisher: Publisher, clock: Clock) -> None:
    first = await discoveries.of(Dialect.OFFICE)
    clock.move(MAX_AGE - timedelta(seconds=1))

    assert urlsrc(first) == FIRST
    assert first is not None
    assert first.proof_keys is not None
    assert first.proof_keys.old is None
    assert await discoveries.of(Dialect.OFFICE) is first
    assert publisher.reads == 1


async def test_many_who_ask_at_once_share_one_read(discoveries: Discoveries, publisher: Publisher) -> None:
    found = await asyncio.gather(*(discoveries.of(Dialect.OFFICE) for _ in range(30)))

    assert {urlsrc(one) for one in found} == {FIRST}
    assert publisher.reads == 1


async def test_an_old_document_serves_on_while_the_new_one_is_read(
    discoveries: Discoveries, publisher: Publisher, clock: Clock
) -> None:
    await discoveries.of(Dialect.OFFICE)
    publisher.document = discovery_document(SECOND)
    publisher.answers.clear()
    clock.move(MAX_AGE)

    assert urlsrc(await discoveries.of(Dialect.OFFICE)) == FIRST

    await until(lambda: publisher.reads == 2)
    publisher.answers.set()
    async with asyncio.timeout(10):
        while urlsrc(await discoveries.of(Dialect.OFFICE)) != SECOND:  # noqa: ASYNC110 - polls another's state
            await asyncio.sleep(0.005)


async def test_starting_reads_ahead_of_the_first_request(publisher: Publisher, clock: Clock) -> None:
    async with Discoveries({"office": publisher.url}, None, clock) as discoveries:
        await until(lambda: publisher.reads == 1)

        assert urlsrc(await discoveries.of(Dialect.OFFICE)) == FIRST
        assert publisher.reads == 1


async def test_closing_gives_up_a_read_that_is_under_way(publisher: Publisher, clock: Clock) -> None:
    publisher.answers.clear()

    async with asyncio.timeout(5), Discoveries({"office": publisher.url}, None, clock):
        await until(lambda: publisher.reads == 1)


async def test_a_document_is_read_again_when_asked_to_but_not_at_every_turn(
    discoveries: Discoveries, publisher: Publisher, clock: Clock
) -> None:
    await discoveries.of(Dialect.OFFICE)
    publisher.document = discovery_document(SECOND)

    for _ in range(50):
        assert urlsrc(await discoveries.refresh(Dialect.OFFICE)) == FIRST
    assert publisher.reads == 1
    clock.move(PAUSE)

    assert urlsrc(await discoveries.refresh(Dialect.OFFICE)) == SECOND
    assert urlsrc(await discoveries.of(Dialect.OFFICE)) == SECOND
    assert publisher.reads == 2


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"hello",
        b"<html><body>Sign in</body></html>",
        b"<wopi-discovery>",
        b"<wopi-discovery/>",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nonsense"?><wopi-discovery/>',
        BOMB.encode(),
        EXTERNAL.encode(),
        EXTERNAL_DTD.encode(),
        BROKEN_KEY,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<wopi-discovery>" + b" " * SIZE_MAX + b"</wopi-discovery>",
        gzip.compress(discovery_document(SECOND)),
    ],
    ids=[
        "empty", "no XML", "a page", "cut off", "no actions", "binary", "unknown encoding", "entities that explode",
        "an external entity", "an external DTD", "a broken key", "deep", "too large", "compressed",
    ],
)  # fmt: skip
async def test_a_bad_document_never_replaces_a_good_one(
    discoveries: Discoveries, publisher: Publisher, clock: Clock, document: bytes
) -> None:
    await discoveries.of(Dialect.OFFICE)
    publisher.document = document
    clock.move(PAUSE)

    assert urlsrc(await discoveries.refresh(Dialect.OFFICE)) == FIRST
    assert urlsrc(await discoveries.of(Dialect.OFFICE)) == FIRST
    assert publisher.reads == 2


@pytest.mark.parametrize("status", [404, 500, 503, 204])
async def test_a_bad_answer_never_replaces_a_good_document(
    discoveries: Discoveries, publisher: Publisher, clock: Clock, status: int
) -> None:
    await discoveries.of(Dialect.OFFICE)
    publisher.status = status
    clock.move(PAUSE)

    assert urlsrc(await discoveries.refresh(Dialect.OFFICE)) == FIRST


async def test_a_document_that_says_it_is_compressed_is_refused(discoveries: Discoveries, publisher: Publisher) -> None:
    publisher.document = gzip.compress(b" " * 10**8)
    publisher.headers = {"Content-Encoding": "gzip"}

    assert await discoveries.of(Dialect.OFFICE) is None


async def test_a_client_that_does_not_answer_is_not_waited_for(publisher: Publisher, clock: Clock) -> None:
    discoveries = Discoveries({"": publisher.url}, None, clock, timeout=timedelta(seconds=0.1))
    await discoveries.of(Dialect.OFFICE)
    publisher.answers.clear()
    clock.move(PAUSE)

    assert urlsrc(await discoveries.refresh(Dialect.OFFICE)) == FIRST
    await discoveries.close()


async def test_a_client_that_is_away_at_first_is_asked_again_soon(
    discoveries: Discoveries, publisher: Publisher, clock: Clock
) -> None:
    publisher.status = 503
    assert await discoveries.of(Dialect.OFFICE) is None
    publisher.status = 200

    assert await discoveries.of(Dialect.OFFICE) is None
    clock.move(RETRY_PAUSE)

    assert urlsrc(await discoveries.of(Dialect.OFFICE)) == FIRST
    assert publisher.reads == 2


async def test_nobody_at_the_address_is_no_error(clock: Clock) -> None:
    async with publishing(discovery_document()) as gone:
        url = gone.url

    async with Discoveries({"": url}, None, clock) as discoveries:
        assert await discoveries.of(Dialect.OFFICE) is None


async def test_each_kind_of_client_has_its_own_document_else_the_common_one(publisher: Publisher, clock: Clock) -> None:
    async with (
        publishing(discovery_document(SECOND)) as other,
        Discoveries({"": publisher.url, "collabora": other.url}, None, clock) as discoveries,
    ):
        assert urlsrc(await discoveries.of(Dialect.COLLABORA)) == SECOND
        assert urlsrc(await discoveries.of(Dialect.OFFICE)) == FIRST
        assert urlsrc(await discoveries.of(Dialect.ONLYOFFICE)) == FIRST


async def test_a_kind_of_client_that_is_not_configured_has_no_document(publisher: Publisher, clock: Clock) -> None:
    async with Discoveries({"collabora": publisher.url}, None, clock) as discoveries:
        assert await discoveries.of(Dialect.OFFICE) is None
        assert await discoveries.refresh(Dialect.OFFICE) is None
        discoveries.refresh_soon(Dialect.OFFICE)


async def test_the_wanted_zone_is_used(publisher: Publisher, clock: Clock) -> None:
    publisher.document = publisher.document.replace(
        b"<net-zone",
        b'<net-zone name="internal-http"><app name="Word"><action name="edit" ext="docx" urlsrc="http://inside/"/></app>'
        b"</net-zone><net-zone",
        1,
    )

    async with Discoveries({"": publisher.url}, "internal-http", clock) as discoveries:
        assert urlsrc(await discoveries.of(Dialect.OFFICE)) == "http://inside/"
