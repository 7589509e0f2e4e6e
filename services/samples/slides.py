"""The smallest complete pptx: slides with the one layout, master and theme that they need."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from services.samples.parts import OFFICE_TYPE, OPENXML, RELATIONSHIPS, XML, content_types, package, relationships

_NAMESPACES: Final = (
    f'xmlns:a="{OPENXML}/drawingml/2006/main" xmlns:r="{RELATIONSHIPS}" xmlns:p="{OPENXML}/presentationml/2006/main"'
)
_GROUP: Final = (
    '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm><a:off x="0" y="0"/>'
    '<a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm></p:grpSpPr>'
)
_COLOURS: Final = {
    "dk1": "000000",
    "lt1": "FFFFFF",
    "dk2": "1F2937",
    "lt2": "F3F4F6",
    "accent1": "2563EB",
    "accent2": "D97706",
    "accent3": "059669",
    "accent4": "7C3AED",
    "accent5": "DC2626",
    "accent6": "0891B2",
    "hlink": "1D4ED8",
    "folHlink": "6D28D9",
}
_COLOUR_MAP: Final = (
    '<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" accent2="accent2" accent3="accent3"'
    ' accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>'
)


def _theme() -> str:
    colours = "".join(f'<a:{name}><a:srgbClr val="{value}"/></a:{name}>' for name, value in _COLOURS.items())
    font = '<a:latin typeface="Calibri"/><a:ea typeface=""/><a:cs typeface=""/>'
    fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
    line = f'<a:ln w="9525">{fill}</a:ln>'
    effect = "<a:effectStyle><a:effectLst/></a:effectStyle>"
    return (
        f'{XML}<a:theme xmlns:a="{OPENXML}/drawingml/2006/main" name="Lectern"><a:themeElements>'
        f'<a:clrScheme name="Lectern">{colours}</a:clrScheme>'
        f'<a:fontScheme name="Lectern"><a:majorFont>{font}</a:majorFont><a:minorFont>{font}</a:minorFont></a:fontScheme>'
        f'<a:fmtScheme name="Lectern"><a:fillStyleLst>{fill * 3}</a:fillStyleLst><a:lnStyleLst>{line * 3}</a:lnStyleLst>'
        f"<a:effectStyleLst>{effect * 3}</a:effectStyleLst><a:bgFillStyleLst>{fill * 3}</a:bgFillStyleLst>"
        "</a:fmtScheme></a:themeElements></a:theme>"
    )


def _master() -> str:
    level = '<a:lvl1pPr><a:defRPr sz="{size}"/></a:lvl1pPr>'
    styles = "".join(
        f"<p:{name}>{level.format(size=size)}</p:{name}>"
        for name, size in (("titleStyle", 4000), ("bodyStyle", 2400), ("otherStyle", 1800))
    )
    return (
        f'{XML}<p:sldMaster {_NAMESPACES}><p:cSld><p:bg><p:bgRef idx="1001"><a:schemeClr val="bg1"/></p:bgRef></p:bg>'
        f"<p:spTree>{_GROUP}</p:spTree></p:cSld>{_COLOUR_MAP}"
        f'<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst>'
        f"<p:txStyles>{styles}</p:txStyles></p:sldMaster>"
    )


def _layout() -> str:
    return (
        f'{XML}<p:sldLayout {_NAMESPACES} type="blank"><p:cSld name="Blank"><p:spTree>{_GROUP}</p:spTree></p:cSld>'
        "<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>"
    )


def _text_box(number: int, top: int, size: int, text: str) -> str:
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="Text {number}"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="914400" y="{top}"/><a:ext cx="10363200" cy="1143000"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:noFill/></p:spPr>'
        f'<p:txBody><a:bodyPr wrap="square"/><a:lstStyle/><a:p><a:r><a:rPr lang="en-US" sz="{size}"/>'
        f"<a:t>{escape(text)}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def _slide(title: str, text: str) -> str:
    boxes = _text_box(2, 1143000, 4400, title) + _text_box(3, 2743200, 2400, text)
    return (
        f"{XML}<p:sld {_NAMESPACES}><p:cSld><p:spTree>{_GROUP}{boxes}</p:spTree></p:cSld>"
        "<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"
    )


def _presentation(slide_count: int) -> str:
    slides = "".join(f'<p:sldId id="{256 + number}" r:id="rId{number + 3}"/>' for number in range(slide_count))
    return (
        f'{XML}<p:presentation {_NAMESPACES}><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/>'
        f"</p:sldMasterIdLst><p:sldIdLst>{slides}</p:sldIdLst>"
        '<p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>'
    )


def pptx(slides: Sequence[tuple[str, str]]) -> bytes:
    """A PowerPoint presentation: a title and a text for each slide."""
    made = {f"ppt/slides/slide{number}.xml": _slide(*slide) for number, slide in enumerate(slides, start=1)}
    kind = f"{OFFICE_TYPE}.presentationml"
    layout = ("slideLayout", "../slideLayouts/slideLayout1.xml")
    types = {
        "ppt/presentation.xml": f"{kind}.presentation.main+xml",
        "ppt/slideMasters/slideMaster1.xml": f"{kind}.slideMaster+xml",
        "ppt/slideLayouts/slideLayout1.xml": f"{kind}.slideLayout+xml",
        "ppt/theme/theme1.xml": f"{OFFICE_TYPE}.theme+xml",
    } | dict.fromkeys(made, f"{kind}.slide+xml")
    parts = {
        "[Content_Types].xml": content_types(types),
        "_rels/.rels": relationships(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": _presentation(len(slides)),
        "ppt/_rels/presentation.xml.rels": relationships(
            ("slideMaster", "slideMasters/slideMaster1.xml"),
            ("theme", "theme/theme1.xml"),
            *(("slide", name.removeprefix("ppt/")) for name in made),
        ),
        "ppt/slideMasters/slideMaster1.xml": _master(),
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": relationships(layout, ("theme", "../theme/theme1.xml")),
        "ppt/slideLayouts/slideLayout1.xml": _layout(),
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": relationships(
            ("slideMaster", "../slideMasters/slideMaster1.xml")
        ),
        "ppt/theme/theme1.xml": _theme(),
    }
    for name, text in made.items():
        parts[name] = text
        parts[name.replace("slides/", "slides/_rels/") + ".rels"] = relationships(layout)
    return package(parts)
