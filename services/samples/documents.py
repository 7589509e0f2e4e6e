"""Smallest documents that office suites open without complaint: docx, xlsx and odt."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from services.samples.parts import OFFICE_TYPE, OPENXML, RELATIONSHIPS, XML, content_types, package, relationships

_MIMETYPE: Final = "mimetype"


def docx(paragraphs: Sequence[str]) -> bytes:
    """A Word document with these paragraphs."""
    body = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(paragraph)}</w:t></w:r></w:p>' for paragraph in paragraphs
    )
    page = '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1418" w:right="1418" w:bottom="1134" w:left="1418"'
    page += ' w:header="709" w:footer="709" w:gutter="0"/>'
    document = (
        f'{XML}<w:document xmlns:w="{OPENXML}/wordprocessingml/2006/main">'
        f"<w:body>{body}<w:sectPr>{page}</w:sectPr></w:body></w:document>"
    )
    return package(
        {
            "[Content_Types].xml": content_types(
                {"word/document.xml": f"{OFFICE_TYPE}.wordprocessingml.document.main+xml"}
            ),
            "_rels/.rels": relationships(("officeDocument", "word/document.xml")),
            "word/document.xml": document,
        }
    )


def _cell(column: int, row: int, value: str | float) -> str:
    place = f"{chr(ord('A') + column)}{row}"
    if isinstance(value, str) and value.startswith("="):
        return f'<c r="{place}"><f>{escape(value[1:])}</f></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def xlsx(sheet_name: str, rows: Sequence[Sequence[str | float]]) -> bytes:
    """An Excel workbook with one sheet of up to 26 columns; a text that starts with = is a formula."""
    lines = "".join(
        f'<row r="{number}">' + "".join(_cell(column, number, value) for column, value in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    spreadsheet = f"{OPENXML}/spreadsheetml/2006/main"
    workbook = (
        f'{XML}<workbook xmlns="{spreadsheet}" xmlns:r="{RELATIONSHIPS}">'
        f'<sheets><sheet name="{escape(sheet_name)}" sheetId="1" r:id="rId1"/></sheets>'
        '<calcPr calcId="0" fullCalcOnLoad="1"/></workbook>'
    )
    return package(
        {
            "[Content_Types].xml": content_types(
                {
                    "xl/workbook.xml": f"{OFFICE_TYPE}.spreadsheetml.sheet.main+xml",
                    "xl/worksheets/sheet1.xml": f"{OFFICE_TYPE}.spreadsheetml.worksheet+xml",
                }
            ),
            "_rels/.rels": relationships(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": workbook,
            "xl/_rels/workbook.xml.rels": relationships(("worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": (
                f'{XML}<worksheet xmlns="{spreadsheet}"><sheetData>{lines}</sheetData></worksheet>'
            ),
        }
    )


def odt(paragraphs: Sequence[str]) -> bytes:
    """An OpenDocument text with these paragraphs. Its first entry names its type, uncompressed, as the format wants."""
    mime_type = "application/vnd.oasis.opendocument.text"
    names = "urn:oasis:names:tc:opendocument:xmlns"
    body = "".join(f"<text:p>{escape(paragraph)}</text:p>" for paragraph in paragraphs)
    return package(
        {
            _MIMETYPE: mime_type,
            "content.xml": (
                f'{XML}<office:document-content xmlns:office="{names}:office:1.0" xmlns:text="{names}:text:1.0"'
                f' office:version="1.2"><office:body><office:text>{body}</office:text></office:body>'
                "</office:document-content>"
            ),
            "META-INF/manifest.xml": (
                f'{XML}<manifest:manifest xmlns:manifest="{names}:manifest:1.0" manifest:version="1.2">'
                f'<manifest:file-entry manifest:full-path="/" manifest:version="1.2" manifest:media-type="{mime_type}"/>'
                '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
                "</manifest:manifest>"
            ),
        },
        uncompressed=_MIMETYPE,
    )
