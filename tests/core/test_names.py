"""Names of files and containers in every script, and how wishes become names."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.names import (
    BASE_NAME_MAX,
    candidates,
    container_name_fault,
    extension_of,
    file_name_fault,
    name_key,
    renamed_file_name,
    split_name,
    suggested_container_name,
    suggested_file_name,
)

GOOD_NAMES = [
    "Report.docx",
    "a",
    "Übersicht & plan (1)~.docx",
    "hôlešovská hello +1.odt",
    "Отчёт за год.xlsx",
    "Έκθεση.pptx",
    "报告 2026.docx",
    "年次報告書.xlsx",
    "보고서.pptx",
    "تقرير.docx",
    "דוח.docx",
    "रिपोर्ट.docx",
    "รายงาน.docx",
    "báo cáo.docx",
    "😀🧾.docx",
    "e\u0301clair.txt",
    "l'été, c'est fini; voilà!.txt",
    "report v1.2.docx",
    "Dr. Smith",
    "archive.tar.gz",
    "x" * BASE_NAME_MAX + ".docx",
    "a=b@c$d_e.txt",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_of_every_script_are_legal_and_stay_as_they_are(name: str) -> None:
    assert file_name_fault(name) is None
    assert suggested_file_name(name) == name


@pytest.mark.parametrize("character", [*'\\/:*?"<>|#{}^[]`%', "\0", "\n", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_no_name_has_a_character_that_a_client_fails_on(character: str) -> None:
    name = f"a{character}b.docx"

    assert file_name_fault(name)
    assert container_name_fault(name)
    assert suggested_file_name(name) in {"a-b.docx", "b.docx"}
    assert suggested_container_name(name) in {"a-b.docx", "b.docx"}


@pytest.mark.parametrize("fault", [file_name_fault, container_name_fault])
@pytest.mark.parametrize(
    "name", ["", ".", "..", ".docx", " a.docx", "a.docx ", "a.", "\u3000a", "a\u00a0", "x" * (BASE_NAME_MAX + 1)]
)
def test_no_name_is_empty_hidden_ragged_or_too_long(fault: object, name: str) -> None:
    reason = fault(name)  # type: ignore[operator]

    assert reason
    assert reason.encode("latin-1")


@pytest.mark.parametrize("name", ["CON", "nul.txt", "Aux.tar.gz", "com1.docx", "LPT9", "con .docx"])
def test_no_name_is_that_of_a_device_on_windows(name: str) -> None:
    assert file_name_fault(name)
    assert container_name_fault(name)
    file_name, container_name = suggested_file_name(name), suggested_container_name(name)
    assert (file_name_fault(file_name), container_name_fault(container_name)) == (None, None)
    assert file_name.startswith("_" + name[:3])
    assert container_name.startswith("_" + name[:3])


@pytest.mark.parametrize("name", ["CONTRACT.docx", "com0", "com10.docx", "my con.docx", "CON-1.docx"])
def test_names_that_only_begin_like_a_device_are_legal(name: str) -> None:
    assert file_name_fault(name) is None
    assert container_name_fault(name) is None


def test_a_blank_before_the_extension_is_refused() -> None:
    assert file_name_fault("a .docx")


@pytest.mark.parametrize(
    ("name", "base", "extension"),
    [
        ("Report.docx", "Report", ".docx"),
        ("Report.DOCX", "Report", ".DOCX"),
        ("report v1.2.docx", "report v1.2", ".docx"),
        ("README", "README", ""),
        (".docx", ".docx", ""),
        ("a.", "a", "."),
        ("Dr. Smith", "Dr. Smith", ""),
        ("a." + "x" * 40, "a." + "x" * 40, ""),
        ("", "", ""),
    ],
)
def test_an_extension_follows_the_last_dot(name: str, base: str, extension: str) -> None:
    assert split_name(name) == (base, extension)
    assert extension_of(name) == extension.lower()


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        (".docx", "Document.docx"),
        (".wopitestx", "Document.wopitestx"),
        ("", "Document"),
        ("..", "Document"),
        ("a.docx", "a.docx"),
        (" a.docx ", "a.docx"),
        ("/jan/hôlešovský/hello world%1.pdf", "hello world-1.pdf"),
        ("C:\\Temp\\plan.xlsx", "plan.xlsx"),
        ("what?.docx", "what-.docx"),
        ("???.docx", "---.docx"),
        ("...docx", "Document.docx"),
        ("a .docx", "a.docx"),
        ("x" * 600 + ".docx", "x" * BASE_NAME_MAX + ".docx"),
        ("ж" * 600 + ".wopitest", "ж" * BASE_NAME_MAX + ".wopitest"),
    ],
)
def test_a_wish_is_mended_and_keeps_its_extension(wish: str, name: str) -> None:
    assert suggested_file_name(wish) == name


@pytest.mark.parametrize(
    ("wish", "present", "name"),
    [
        ("Plan", "Report.docx", "Plan.docx"),
        ("Plan", "Report.DOCX", "Plan.DOCX"),
        ("report v1.2", "Report.docx", "report v1.2.docx"),
        ("Plan.xlsx", "Report.docx", "Plan.xlsx.docx"),
        ("Plan?", "Report.docx", "Plan-.docx"),
        ("..", "Report.docx", "Report.docx"),
        ("  ", "Report.docx", "Report.docx"),
        ("a/b", "Report.docx", "b.docx"),
        ("x" * 600, "Report.docx", "x" * BASE_NAME_MAX + ".docx"),
        ("Plan", "README", "Plan"),
        ("Plan.exe", "README", "Plan-exe"),
        ("План", "Report.docx", "План.docx"),
    ],
)
def test_a_rename_never_changes_the_extension(wish: str, present: str, name: str) -> None:
    assert renamed_file_name(wish, present) == name


def test_candidates_count_up_before_the_extension() -> None:
    assert list(islice(candidates("a.docx"), 3)) == ["a.docx", "a (1).docx", "a (2).docx"]
    assert list(islice(candidates("v1.2", is_file=False), 2)) == ["v1.2", "v1.2 (1)"]


def test_names_that_look_alike_by_composition_are_one_name() -> None:
    assert name_key("e\u0301clair.txt") == name_key("éclair.txt")
    assert name_key("A.txt") != name_key("a.txt")


# --- laws

awkward = st.sampled_from([*" ./\\.:+-()*", "\u202e", "\ud800", "\u00a0", "\u3000", "\u200f", "\U0001f600"])
wishes = st.text(st.one_of(st.characters(), awkward), max_size=300)


@given(wishes)
def test_every_wish_becomes_a_legal_name_and_a_legal_wish_stays(wish: str) -> None:
    name = suggested_file_name(wish)

    assert file_name_fault(name) is None
    assert file_name_fault(wish) is not None or name == wish
    assert name.encode()


@given(wishes)
def test_every_wish_becomes_a_legal_container_name(wish: str) -> None:
    name = suggested_container_name(wish)

    assert container_name_fault(name) is None
    assert container_name_fault(wish) is not None or name == wish
    assert all(container_name_fault(one) is None for one in islice(candidates(name, is_file=False), 12))


@given(wishes)
def test_every_candidate_is_legal_and_different_and_keeps_the_extension(wish: str) -> None:
    name = suggested_file_name(wish)

    tried = list(islice(candidates(name), 12))

    assert len(set(tried)) == len(tried)
    assert all(file_name_fault(one) is None and split_name(one)[1] == split_name(name)[1] for one in tried)


@given(wishes, wishes)
def test_every_rename_is_legal_and_keeps_the_extension(wish: str, present_wish: str) -> None:
    present = suggested_file_name(present_wish)

    name = renamed_file_name(wish, present)

    assert file_name_fault(name) is None
    assert split_name(name)[1] == split_name(present)[1]
