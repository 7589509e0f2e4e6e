"""Every command, outcome, failure and event survives the one codec, and what is none of them is refused with a reason."""

from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import EnumType
from typing import Any, Final, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.errors import Contended, DeadlinePassed, LecternError, NotFound, Unavailable
from shared.core.events import FileContentChanged
from shared.messages.codec import (
    COMMAND_TYPES,
    FAILURE_TYPES,
    OUTCOME_TYPES,
    Undecodable,
    decode_command,
    decode_event,
    decode_outcome,
    encode_command,
    encode_event,
    encode_outcome,
)
from shared.messages.commands import Command, LockFile, Service
from shared.messages.events import FACT_TYPES, Event, cloud_event
from tests.builders import NOON, an_envelope

moments = st.datetimes().map(lambda one: one.replace(tzinfo=UTC))
PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    datetime: moments,
    type(None): st.none(),
}
EVERY_FACT = tuple(FACT_TYPES.values())


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """All that a field of that type can hold."""
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: values_of(hints[field.name]) for field in fields(hint)})
    if isinstance(hint, EnumType):
        return st.sampled_from(list(hint))
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    return st.one_of(*map(values_of, arguments))


def events() -> st.SearchStrategy[Event]:
    facts = st.one_of(*map(values_of, EVERY_FACT))
    return st.builds(
        Event, st.text(), st.integers(1, 2**40), moments, user_id=st.text(), correlation_id=st.text(), fact=facts
    )


some = settings(max_examples=30)


@pytest.mark.parametrize("kind", COMMAND_TYPES.values(), ids=COMMAND_TYPES)
def test_every_command_survives(kind: type[Command[Any]]) -> None:
    @some
    @given(values_of(kind))
    def survives(command: Command[Any]) -> None:
        assert decode_command(encode_command(command)) == command

    survives()


@pytest.mark.parametrize("kind", OUTCOME_TYPES.values(), ids=OUTCOME_TYPES)
def test_every_outcome_survives(kind: type[Any]) -> None:
    @some
    @given(values_of(kind))
    def survives(outcome: object) -> None:
        assert decode_outcome(encode_outcome(outcome)) == outcome

    survives()


@given(events())
def test_every_event_survives(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("failure", [NotFound, Contended, DeadlinePassed, Unavailable, LecternError])
def test_every_failure_survives_with_its_sentence(failure: type[LecternError]) -> None:
    decoded = decode_outcome(encode_outcome(failure("it's gone")))

    assert (type(decoded), str(decoded)) == (failure, "it's gone")
    assert failure.__name__ in FAILURE_TYPES


def test_a_failure_of_another_kind_arrives_as_its_root() -> None:
    assert type(decode_outcome(encode_outcome(Undecodable("no")))) is LecternError


def test_every_command_names_its_service_and_outcomes() -> None:
    assert len(COMMAND_TYPES) >= 20
    for kind in COMMAND_TYPES.values():
        assert kind.service in Service
        assert kind.key is not Command.key
    assert not OUTCOME_TYPES.keys() & FAILURE_TYPES.keys()


COMMAND = LockFile(file_id="f1", lock_id="A", **an_envelope(command_id="1"))
RAW = orjson.loads(encode_command(COMMAND))


def test_a_field_that_is_not_known_yet_is_ignored() -> None:
    raw = orjson.dumps({**RAW, "data": {**RAW["data"], "later": 1}, "trace": "x"})

    assert decode_command(raw) == COMMAND


def test_an_optional_field_may_be_missing() -> None:
    data = {name: value for name, value in RAW["data"].items() if name != "correlation_id"}

    assert decode_command(orjson.dumps({**RAW, "data": data})) == replace(COMMAND, correlation_id="")


@pytest.mark.parametrize("name", [field.name for field in fields(COMMAND) if field.default is MISSING])
def test_a_needed_field_must_not_be_missing_or_wrong(name: str) -> None:
    without = {key: value for key, value in RAW["data"].items() if key != name}

    for data in (without, {**RAW["data"], name: None}, {**RAW["data"], name: []}):
        with pytest.raises(Undecodable, match="LockFile"):
            decode_command(orjson.dumps({**RAW, "data": data}))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b"null", b"[]", b"{}", b'{"type":1,"data":{}}', b'{"type":"LockFile"}', b'{"type":"X","data":{}}'],
)  # fmt: skip
@pytest.mark.parametrize("decode", [decode_command, decode_outcome, decode_event])
def test_what_is_no_message_is_refused_with_a_reason(decode: Any, raw: bytes) -> None:
    with pytest.raises(Undecodable, match=r"."):
        decode(raw)


def test_the_name_of_a_class_that_is_no_message_is_refused() -> None:
    for name in ("Command", "FileCommand", "object", "str"):
        with pytest.raises(Undecodable):
            decode_command(orjson.dumps({"type": name, "data": {}}))


EVENT = Event("f1", 3, NOON, "ann", "c1", FileContentChanged("a.docx", 2, 5, "hash", ("ann",)))


@pytest.mark.parametrize("name", ["resource_id", "sequence", "occurred_at", "user_id", "correlation_id", "fact"])
def test_an_event_that_lacks_a_field_is_refused(name: str) -> None:
    raw = orjson.loads(encode_event(EVENT))
    del raw["data"][name]

    for extra in ({}, {"later": 1, "more": 2}):
        with pytest.raises(Undecodable):
            decode_event(orjson.dumps({**raw, "data": {**raw["data"], **extra}}))


# --- the public form


@given(events())
def test_the_public_form_is_a_cloud_event(event: Event) -> None:
    public = orjson.loads(orjson.dumps(cloud_event(event, "https://wopi.example.com")))

    assert public["specversion"] == "1.0"
    assert (public["source"], public["type"]) == ("https://wopi.example.com", event.fact.type)
    assert public["id"] == f"{event.resource_id}:{event.sequence}"
    assert datetime.fromisoformat(public["time"]) == event.occurred_at
    data = public["data"]
    key = "container_id" if event.fact.type.startswith("container.") else "file_id"
    assert data[key] == public["subject"] == event.resource_id
    assert (data["sequence"], data["user_id"]) == (event.sequence, event.user_id)
    for field in fields(event.fact):
        assert field.name in data


def test_no_fact_has_room_for_a_secret() -> None:
    for fact in EVERY_FACT:
        names = {field.name for field in fields(fact)}
        assert not names & {"lock_id", "token", "access_token", "user_info", "key", "content"}, fact
        assert names.isdisjoint({"sequence", "user_id", "correlation_id", "file_id"}), fact
