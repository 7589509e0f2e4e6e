"""UTF-7 names as each client's encoder writes them. Spec: Files > UTF-7 in headers; clients > UTF-7 names."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.names import decoded_utf7, encoded_utf7
from tests.core.test_names import GOOD_NAMES

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
BASE64 = LETTERS | frozenset("+/")
DIRECT = LETTERS | frozenset("'(),-./:?")
OPTIONAL = frozenset('!"#$%&*;<=>@[]^_`{|}')


def encoded(text: str, bare: frozenset[str], *, always_closed: bool) -> str:
    """`text` as an encoder writes it that leaves the characters of `bare` as they are."""
    pieces, run = [], ""
    for character in [*text, ""]:
        if character and character not in bare and not (character == "+" and not run and not always_closed):
            run += character
            continue
        if run:
            shifted = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=")
            is_closed = always_closed or not character or character in BASE64 or character == "-"
            pieces.append(f"+{shifted}{'-' if is_closed else ''}")
            run = ""
        pieces.append("+-" if character == "+" else character)
    return "".join(pieces)


def dotnet(text: str) -> str:
    """As .NET, which closes every run that something follows which could be read as a part of it."""
    return encoded(text, DIRECT | frozenset(" \t\r\n"), always_closed=True)


def onlyoffice(text: str) -> str:
    """As the JavaScript package `utf7`: blanks are shifted too, and every run is closed."""
    return encoded(text, DIRECT, always_closed=True)


def iconv(text: str) -> str:
    """As iconv, in Collabora Online: optional characters are shifted, a blank and its like aren't."""
    return encoded(text, DIRECT | frozenset(" \t\r\n"), always_closed=False)


def lenient(text: str) -> str:
    """An encoder that leaves all optional characters bare."""
    return encoded(text, DIRECT | OPTIONAL | frozenset(" "), always_closed=True)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("+ANw-bersicht+ACAAJgAg-plan+ACA-(1)+AH4-.docx", "Übersicht & plan (1)~.docx"),
        ("+ANw-bersicht +ACY plan (1)+AH4.docx", "Übersicht & plan (1)~.docx"),
        ("/jan/hole+AWE-ovsk+AP0-/hello world+ACU-1.pdf", "/jan/holešovský/hello world%1.pdf"),
        ("madeup+AF8-name.wopitest", "madeup_name.wopitest"),
        ("madeup_name.wopitest", "madeup_name.wopitest"),
        ("+2D3eAA-.docx", "😀.docx"),
        ("caf+AOk", "café"),
        ("caf+AOk-", "café"),
        ("a+-b.docx", "a+b.docx"),
        ("+AC0-x", "-x"),
        ("+AOk--.txt", "é-.txt"),
        ("plain name.docx", "plain name.docx"),
        ("a+", "a"),
        ("", ""),
    ],
)
def test_names_as_clients_were_seen_to_send_them(header: str, name: str) -> None:
    assert decoded_utf7(header) == name


@pytest.mark.parametrize(
    "header",
    [
        "bad+!!",
        "caf\xe9.docx",
        "caf\udce9.docx",
        "报告.docx",
        "+2D0-.docx",
        "+3gA-.docx",
        "+A",
    ],
    ids=["no base64", "Latin-1", "raw bytes", "UTF-8", "half a pair", "other half", "half a character"],
)
def test_what_is_no_utf7_is_no_name(header: str) -> None:
    assert decoded_utf7(header) is None


@pytest.mark.parametrize("encode", [dotnet, onlyoffice, iconv, lenient, encoded_utf7])
@pytest.mark.parametrize("name", [*GOOD_NAMES, "a+b+.txt", "-+-.txt", "C++ & C#", "1+1=2", "a~b\\c"])
def test_each_encoder_is_understood(encode: object, name: str) -> None:
    header = encode(name)  # type: ignore[operator]

    assert header.isascii()
    assert decoded_utf7(header) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_text_survives_every_encoder(text: str) -> None:
    for encode in (dotnet, onlyoffice, iconv, lenient, encoded_utf7):
        assert decoded_utf7(encode(text)) == text


@given(st.text(max_size=60))
def test_decoding_never_fails_but_says_none(header: str) -> None:
    decoded = decoded_utf7(header)

    assert decoded is None or decoded.encode() is not None
