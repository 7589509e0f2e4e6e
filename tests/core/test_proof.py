"""Proof keys: bytes, times and both forms of a key. Spec: tokens and proof keys > Test vectors."""

import base64
import hashlib
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.proof import (
    MAX_AGE,
    MAX_AHEAD,
    Combination,
    ProofKeys,
    RsaKey,
    decoded_base64,
    key_of_blob,
    key_of_numbers,
    moment_of,
    signed_bytes,
    ticks_of,
    timestamp_fault,
    timestamp_ticks,
)
from tests.builders import NOON
from tests.proof_vectors import DISCOVERY, VECTORS, Vector


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_signed_bytes_of_the_published_vectors(vector: Vector) -> None:
    signed = signed_bytes(vector.token, vector.url, vector.ticks)

    assert len(signed) == vector.length
    assert hashlib.sha256(signed).hexdigest() == vector.sha256


def test_each_part_follows_its_length() -> None:
    signed = signed_bytes("abC", "https://h/x?y=%2f", 256)

    assert signed == b"\0\0\0\x03abC" + b"\0\0\0\x11HTTPS://H/X?Y=%2F" + b"\0\0\0\x08" + struct.pack(">q", 256)


def test_an_old_collabora_signs_the_url_as_it_is_written() -> None:
    assert b"https://h/x" in signed_bytes("t", "https://h/x", 1, as_written=True)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(), st.integers(0, 2**63 - 1))
def test_the_length_is_twenty_more_than_both_texts(token: str, url: str, ticks: int) -> None:
    url = url.encode("utf-8", "ignore").decode()

    assert len(signed_bytes(token, url, ticks)) == 20 + len(token.encode()) + len(url.encode())


# --- time


def test_the_time_of_the_first_vector() -> None:
    assert moment_of(635655897610773532) == datetime(2015, 4, 25, 20, 16, 1, 77353, tzinfo=UTC)
    assert ticks_of(datetime(1970, 1, 1, tzinfo=UTC)) == 621355968000000000


@given(st.datetimes().map(lambda one: one.replace(tzinfo=UTC)))
def test_ticks_and_moments_are_each_others_inverse(moment: datetime) -> None:
    assert moment_of(ticks_of(moment)) == moment


@pytest.mark.parametrize(
    ("offset", "counts"),
    [
        (timedelta(0), True),
        (-MAX_AGE, True),
        (-MAX_AGE - timedelta(microseconds=1), False),
        (MAX_AHEAD, True),
        (MAX_AHEAD + timedelta(microseconds=1), False),
        (-timedelta(days=3650), False),
        (timedelta(days=3650), False),
    ],
)
def test_a_proof_counts_for_twenty_minutes(offset: timedelta, counts: bool) -> None:
    assert (timestamp_fault(ticks_of(NOON + offset), NOON) is None) == counts


def test_ticks_past_all_time_are_no_moment() -> None:
    assert moment_of(2**63 - 1) is None
    assert timestamp_fault(2**63 - 1, NOON)


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("635655897610773532", 635655897610773532),
        ("0", 0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        (" 1", None),
        ("١٢", None),
        ("9" * 19, None),
        ("9" * 5000, None),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
    ],
)
def test_a_timestamp_is_a_number(text: str | None, ticks: int | None) -> None:
    assert timestamp_ticks(text) == ticks


# --- keys


@pytest.mark.parametrize("prefix", ["", "old"])
def test_both_forms_of_a_key_are_the_same_key(prefix: str) -> None:
    by_numbers = key_of_numbers(DISCOVERY[prefix + "modulus"], DISCOVERY[prefix + "exponent"])

    assert by_numbers is not None
    assert key_of_blob(DISCOVERY[prefix + "value"]) == by_numbers
    assert (by_numbers.modulus.bit_length(), by_numbers.exponent) == (2048, 65537)


def changed(at: int, to: bytes) -> str:
    blob = bytearray(base64.b64decode(DISCOVERY["value"]))
    blob[at : at + len(to)] = to
    return base64.b64encode(blob).decode()


def test_the_key_of_a_signature_algorithm_is_taken_too() -> None:
    assert key_of_blob(changed(4, struct.pack("<I", 0x2400))) == key_of_blob(DISCOVERY["value"])


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "no base64!",
        "AQAB",
        changed(0, b"\x07"),
        changed(1, b"\x03"),
        changed(4, b"\0\0\0\0"),
        changed(8, b"RSA2"),
        changed(12, struct.pack("<I", 4096)),
        changed(16, struct.pack("<I", 0)),
        changed(20, b"\0"),
        DISCOVERY["value"][:100],
        "A" * 100_000,
    ],
)
def test_what_is_no_public_key_blob_is_no_key(value: str | None) -> None:
    assert key_of_blob(value) is None


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (None, "AQAB"),
        (DISCOVERY["modulus"], None),
        (DISCOVERY["modulus"], ""),
        ("!", "AQAB"),
        ("AQAB", "AQAB"),
        (DISCOVERY["modulus"], "AQ=="),
        (DISCOVERY["modulus"], "AgAA"),
        (base64.b64encode(b"\xff" * 1025).decode(), "AQAB"),
        (base64.b64encode(b"\xff" * 255 + b"\xfe").decode(), "AQAB"),
    ],
)
def test_numbers_that_no_signature_can_be_checked_with_are_no_key(modulus: str | None, exponent: str | None) -> None:
    assert key_of_numbers(modulus, exponent) is None


@pytest.mark.parametrize("text", [None, "", "ä", "a", "a b", "====", "\udcff"])
def test_what_is_no_base64_has_no_bytes(text: str | None) -> None:
    assert decoded_base64(text) is None


def test_three_combinations_count() -> None:
    keys = ProofKeys(RsaKey(1, 3), RsaKey(5, 3))

    assert [(one.header, one.key_of(keys)) for one in Combination] == [
        ("X-WOPI-Proof", keys.current),
        ("X-WOPI-ProofOld", keys.current),
        ("X-WOPI-Proof", keys.old),
    ]
    assert Combination.CLIENT_WILL_ROTATE.key_of(ProofKeys(keys.current)) is None
