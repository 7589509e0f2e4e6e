"""Names as people write them and clients encode them."""

from base64 import b64encode

SCRIPTS = [
    "Statement",
    "Übersicht & plan (1)~",
    "smörgåsbord",
    "Отчёт за март",
    "年度报告",
    "日本語のファイル",
    "보고서",
    "تقرير",
    "דוח שנתי",
    "รายงาน",
    "दस्तावेज़",
    "Έκθεση",
    "báo cáo tài chính",
    "report v1.2",
    "party 🎉 plan",
    "👩‍👩‍👧 family",
    "a+b - c_d = e, f; g! @h ~i 'j'",
    "cafe\u0301",
]
"""Base names in the scripts of the world; the last one isn't composed (NFC)."""


def utf7(name: str) -> str:
    """As .NET and ONLYOFFICE encode: all but letters, digits and some marks shifted, each shift closed by "-"."""
    plain = "'(),-./:? "
    parts, run = [], ""
    for one in [*name, ""]:
        is_direct = one == "" or (one.isascii() and (one.isalnum() or one in plain))
        if is_direct and run:
            parts.append(_shifted(run))
            run = ""
        if is_direct:
            parts.append(one)
        elif one == "+" and not run:
            parts.append("+-")
        else:
            run += one
    return "".join(parts)


def _shifted(run: str) -> str:
    return "+" + b64encode(run.encode("utf-16-be")).decode().rstrip("=") + "-"
