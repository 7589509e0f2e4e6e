"""Webhooks over the REST API: registered, looked after, and taken away by the operator alone."""

from typing import Any

import pytest

from shared.core.events import FileLockExpired
from shared.core.webhooks import WEBHOOKS_MAX, DeadLetter, Progress
from shared.messages.codec import encode_event
from shared.messages.events import Event
from tests.builders import NOON
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host

URL = "https://index.example.com/lectern?key=1"


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def a_webhook(api: Api, **fields: Any) -> str:
    """A new webhook; says its id."""
    answer = await api.post("/webhooks", {"url": URL} | fields)
    assert answer.status == 201, answer
    webhook_id: str = answer.json["id"]
    return webhook_id


async def a_letter(host: Host, webhook_id: str, number: int = 1) -> str:
    """A dead letter of the webhook; says its id."""
    event = Event("f1", number, NOON, "ann", "c1", FileLockExpired(1, NOON))
    letter = DeadLetter(webhook_id, event.event_id, encode_event(event).decode(), NOON, 3, "status 500")
    await host.gateway.metadata.webhooks.bury(letter)
    return letter.letter_id


async def test_a_webhook_is_registered_and_its_secret_told_once(host: Host, api: Api) -> None:
    await host.file()

    answer = await api.post("/webhooks", {"url": URL, "types": ["file.*"], "description": "Search index"})

    webhook_id, secret = answer.json["id"], answer.json["secret"]
    assert answer.headers["Location"] == f"{host.url}/api/v1/webhooks/{webhook_id}"
    assert len(secret) == len("whsec_") + 44
    found = await api.get(f"/webhooks/{webhook_id}")
    assert found.json == {
        "id": webhook_id,
        "url": URL,
        "types": ["file.*"],
        "description": "Search index",
        "created": "2026-03-02T12:00:00.123456Z",
        "is_active": True,
        "position": await host.gateway.events.latest(),
        "dead_letters": 0,
    }
    listed = await api.get("/webhooks")
    assert listed.json == {"items": [found.json]}
    assert secret.encode() not in found.body + listed.body


async def test_a_webhook_can_begin_at_any_position(host: Host, api: Api) -> None:
    await host.file()

    begun = await a_webhook(api, after="1")
    from_the_start = await a_webhook(api, after="")

    assert (await api.get(f"/webhooks/{begun}")).json["position"] == "1"
    assert "position" not in (await api.get(f"/webhooks/{from_the_start}")).json


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://x"},
        {"url": "https://a:b@c.example"},
        {"url": ""},
        {"types": ["file.creatd"]},
        {"types": ["file.*"] * 51},
        {"types": "file.*"},
        {"after": "x"},
        {"after": "999999"},
        {"description": "x" * 251},
        {"secret": "mine"},
    ],
)
async def test_what_makes_no_webhook_is_refused(api: Api, fields: dict[str, Any]) -> None:
    assert problem_of(await api.post("/webhooks", {"url": URL} | fields)) == (400, "bad-request")
    assert (await api.get("/webhooks")).json == {"items": []}


async def test_there_is_an_end_to_their_number(api: Api) -> None:
    for _ in range(WEBHOOKS_MAX):
        await a_webhook(api)

    assert problem_of(await api.post("/webhooks", {"url": URL})) == (409, "too-many")


async def test_a_webhook_is_changed_field_by_field(host: Host, api: Api) -> None:
    path = f"/webhooks/{await a_webhook(api, types=['file.created'], description='x')}"
    before = (await api.get(path)).json

    assert (await api.patch(path, {"is_active": False})).json == before | {"is_active": False}
    assert (await api.patch(path, {"types": []})).json == before | {"is_active": False, "types": []}
    changed = await api.patch(path, {"url": "http://127.0.0.1:1/", "description": "", "is_active": True})

    expected = before | {"url": "http://127.0.0.1:1/", "description": "", "types": []}
    assert changed.json == (await api.get(path)).json == expected
    assert problem_of(await api.patch(path, {"url": "nonsense"})) == (400, "bad-request")
    assert problem_of(await api.patch(path, {"types": ["nonsense"]})) == (400, "bad-request")
    assert (await api.get(path)).json == expected


async def test_a_new_secret_goes_beside_the_former_one(host: Host, api: Api) -> None:
    first = (await api.post("/webhooks", {"url": URL})).json

    second = (await api.post(f"/webhooks/{first['id']}/secret")).json

    hook = await host.gateway.metadata.webhooks.find(first["id"])
    assert hook is not None
    assert second["secret"] != first["secret"]
    assert (hook.secret, hook.former_secret) == (second["secret"], first["secret"])


async def test_events_can_be_asked_for_again(host: Host, api: Api) -> None:
    await host.file()
    webhook_id = await a_webhook(api)
    path = f"/webhooks/{webhook_id}/replay"

    assert (await api.post(path, {"after": "1"})).json["position"] == "1"
    assert "position" not in (await api.post(path, {"since": "2026-03-02T12:00:00Z"})).json

    hook = await host.gateway.metadata.webhooks.find(webhook_id)
    assert hook is not None
    assert (hook.generation, hook.begin) == (3, None)
    for wrong in ({}, {"after": "1", "since": "2026-03-02T12:00:00Z"}, {"after": "x"}, {"since": "2026-03-02"}):
        assert problem_of(await api.post(path, wrong)) == (400, "bad-request")


async def test_how_delivery_goes_is_told(host: Host, api: Api) -> None:
    webhook_id = await a_webhook(api)
    webhooks = host.gateway.metadata.webhooks
    _ = await webhooks.claim(webhook_id, "test", NOON, NOON)

    await webhooks.save_progress(webhook_id, "test", Progress(1, "1", NOON, NOON, "status 500"))
    await a_letter(host, webhook_id)

    found = (await api.get(f"/webhooks/{webhook_id}")).json
    told = {
        name: found[name] for name in ("position", "last_delivery", "failing_since", "last_failure", "dead_letters")
    }
    noon = "2026-03-02T12:00:00.123456Z"
    assert told == {
        "position": "1",
        "last_delivery": noon,
        "failing_since": noon,
        "last_failure": "status 500",
        "dead_letters": 1,
    }


async def test_dead_letters_are_listed_tried_again_and_dropped(host: Host, api: Api) -> None:
    webhook_id = await a_webhook(api)
    path = f"/webhooks/{webhook_id}/dead-letters"
    ids = [await a_letter(host, webhook_id, number) for number in range(1, 4)]

    items = (await api.get(path)).json["items"]
    assert [item["id"] for item in items] == ids
    assert items[0]["event"]["id"] == "f1:1"
    assert items[0]["event"]["data"]["user_id"] == "ann"
    assert [item["id"] for item in (await api.get(f"{path}?limit=1&after={ids[0]}")).json["items"]] == [ids[1]]

    assert (await api.post(f"{path}/{ids[1]}/retry")).json == {"count": 1}
    assert [item["is_waiting"] for item in (await api.get(path)).json["items"]] == [False, True, False]
    assert (await api.post(f"/webhooks/{webhook_id}/retry")).json == {"count": 3}
    assert (await api.delete(f"{path}/{ids[0]}")).status == 204
    assert [item["id"] for item in (await api.get(path)).json["items"]] == ids[1:]
    for call in (api.delete(f"{path}/{ids[0]}"), api.post(f"{path}/{ids[0]}/retry"), api.post(f"{path}/x-y/retry")):
        assert problem_of(await call) == (404, "not-found")


async def test_a_webhook_that_is_taken_away_is_gone_with_its_letters(host: Host, api: Api) -> None:
    webhook_id = await a_webhook(api)
    await a_letter(host, webhook_id)

    assert (await api.delete(f"/webhooks/{webhook_id}")).status == 204

    assert (await api.get("/webhooks")).json == {"items": []}
    assert await host.gateway.metadata.webhooks.count_letters() == 0
    for call in (
        api.get(f"/webhooks/{webhook_id}"),
        api.patch(f"/webhooks/{webhook_id}", {}),
        api.delete(f"/webhooks/{webhook_id}"),
        api.post(f"/webhooks/{webhook_id}/secret"),
        api.post(f"/webhooks/{webhook_id}/replay", {"after": ""}),
        api.get(f"/webhooks/{webhook_id}/dead-letters"),
        api.post(f"/webhooks/{webhook_id}/retry"),
    ):
        assert problem_of(await call) == (404, "not-found")


async def test_users_see_no_webhooks(host: Host, api: Api) -> None:
    webhook_id = await a_webhook(api)
    ann = api.as_user(await host.user("ann"))

    for call in (ann.get("/webhooks"), ann.post("/webhooks", {"url": URL}), ann.get(f"/webhooks/{webhook_id}")):
        assert problem_of(await call) == (404, "not-found")
