"""The sample documents: well-formed packages, whose parts are all declared and all there."""

import io
import zipfile
from pathlib import PurePosixPath
from typing import Final
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from services.samples.contents import sample_files
from services.samples.documents import docx, xlsx
from shared.core.names import file_name_fault

FILES: Final = sample_files()
OPENXML: Final = ["Letter.docx", "Budget.xlsx", "Slides.pptx"]


def parts_of(content: bytes) -> dict[str, bytes]:
    """Name and bytes of each part."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def elements(xml: bytes, name: str) -> list[Element]:
    """Elements of that local name."""
    return [one for one in fromstring(xml).iter() if one.tag.rpartition("}")[2] == name]


@pytest.mark.parametrize("name", OPENXML)
def test_every_part_is_well_formed_and_has_a_declared_type(name: str) -> None:
    parts = parts_of(FILES[name])

    types = parts["[Content_Types].xml"]
    declared = {one.attrib["PartName"].lstrip("/") for one in elements(types, "Override")}

    assert next(iter(parts)) == "[Content_Types].xml"
    assert declared == {part for part in parts if not part.endswith(".rels") and part != "[Content_Types].xml"}
    assert all(fromstring(part) is not None for part in parts.values())


@pytest.mark.parametrize("name", OPENXML)
def test_every_relationship_leads_to_a_part(name: str) -> None:
    parts = parts_of(FILES[name])

    targets = []
    for part, xml in parts.items():
        if part.endswith(".rels"):
            base = PurePosixPath(part).parent.parent
            targets += [resolved(base, one.attrib["Target"]) for one in elements(xml, "Relationship")]

    assert targets
    assert [target for target in targets if target not in parts] == []


def resolved(base: PurePosixPath, target: str) -> str:
    """A relationship's target as the name of a part."""
    steps: list[str] = []
    for step in (base / target).parts:
        if step == "..":
            steps.pop()
        else:
            steps.append(step)
    return "/".join(steps)


def test_an_odt_begins_with_its_uncompressed_type() -> None:
    with zipfile.ZipFile(io.BytesIO(FILES["Notes.odt"])) as archive:
        first = archive.infolist()[0]

        assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
        assert archive.read(first) == b"application/vnd.oasis.opendocument.text"


def test_text_with_markup_in_it_stays_text() -> None:
    (text,) = elements(parts_of(docx(["<b> & </b>"]))["word/document.xml"], "t")
    (cell,) = elements(parts_of(xlsx("A&B", [["<x>"]]))["xl/worksheets/sheet1.xml"], "t")

    assert (text.text, cell.text) == ("<b> & </b>", "<x>")


def test_the_samples_are_the_same_at_every_start_and_have_legal_names() -> None:
    assert sample_files() == FILES
    assert [file_name_fault(name) for name in FILES] == [None] * len(FILES)


def test_there_is_an_empty_file_for_the_validator() -> None:
    assert [content for name, content in FILES.items() if name.endswith(".wopitest")] == [b""]
