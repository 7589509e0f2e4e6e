"""What packages of XML parts are made of: zip entries, content types and relationships of Office Open XML (ECMA-376).

The bytes of one text are always the same, so that two starts make equal files.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Final

XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OPENXML: Final = "http://schemas.openxmlformats.org"
OFFICE_TYPE: Final = "application/vnd.openxmlformats-officedocument"
RELATIONSHIPS: Final = f"{OPENXML}/officeDocument/2006/relationships"
_THE_BEGINNING: Final = (1980, 1, 1, 0, 0, 0)


def package(parts: Mapping[str, str], uncompressed: str | None = None) -> bytes:
    """The parts as a zip file, in their order; the part `uncompressed` is stored as it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _THE_BEGINNING)
            entry.compress_type = zipfile.ZIP_STORED if name == uncompressed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def content_types(parts: Mapping[str, str]) -> str:
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{content_type}"/>' for name, content_type in parts.items()
    )
    return (
        f'{XML}<Types xmlns="{OPENXML}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def relationships(*targets: tuple[str, str]) -> str:
    """A relationships part: kind and target of each, numbered rId1, rId2, ..."""
    items = "".join(
        f'<Relationship Id="rId{number}" Type="{RELATIONSHIPS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{XML}<Relationships xmlns="{OPENXML}/package/2006/relationships">{items}</Relationships>'
