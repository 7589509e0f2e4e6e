"""Names of files and containers: which are legal, how an illegal or taken one is mended, and their UTF-7 in headers.

One rule holds at every border (WOPI, REST, command line): a name is what every client can open. The characters that
Windows forbids or that the mobile apps fail on are illegal, so are control characters, overrides of the writing
direction (they make one name look like another), names that Windows gives to devices, and text that has no UTF-8 form.
Spec: Files > RenameFile, Files > UTF-7 in headers, native clients > Extra duties (characters).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

BASE_NAME_MAX: Final = 250
"""Longest name without extension, in characters: CheckFileInfo's FileNameMaxLength."""
EXTENSION_MAX: Final = 32
"""Longest extension, in characters, with its dot. What is longer is a part of the name."""

_ILLEGAL = re.compile(r'[\\/:*?"<>|#{}^\[\]`%\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)
_PATH_SEPARATOR = re.compile(r"[\\/]")
_BLANKS_AND_DOTS_BEFORE = re.compile(r"\A[\s.]+")
_BLANKS_AND_DOTS_AFTER = re.compile(r"[\s.]+\Z")


def name_key(name: str) -> str:
    """Two names are the same name in one container if their keys are equal: canonically equivalent text is."""
    return unicodedata.normalize("NFC", name)


def split_name(name: str) -> tuple[str, str]:
    """Base name and extension with its dot; ("name", "") if there is none.

    A leading dot opens no extension, nor does one that words follow, as in "Dr. Smith".
    """
    dot = name.rfind(".")
    if dot <= 0 or len(name) - dot > EXTENSION_MAX or " " in name[dot:]:
        return name, ""
    return name[:dot], name[dot:]


def extension_of(name: str) -> str:
    """Extension in lower case with its dot, or ""."""
    return split_name(name)[1].lower()


def _character_fault(name: str) -> str | None:
    if not name:
        return "a name must not be empty"
    found = _ILLEGAL.search(name)
    if found:
        character = found.group()
        shown = character if character.isprintable() else f"U+{ord(character):04X}"
        return f"a name must not contain {shown}"
    if name.startswith("."):
        return "a name must not start with a dot"
    if name != name.strip() or name.endswith("."):
        return "a name must not start or end with a blank, nor end with a dot"
    if _is_device(name):
        return "a name must not be that of a device on Windows, such as CON or LPT1"
    return None


def _is_device(name: str) -> bool:
    """Whether Windows takes the name for a device: with any extension, and in any letter case."""
    return name.partition(".")[0].rstrip().lower() in _DEVICES


def file_name_fault(name: str) -> str | None:
    """Why `name` (with extension) can't be a file's name, as a sentence; None if it can."""
    fault = _character_fault(name)
    if fault is not None:
        return fault
    base, _ = split_name(name)
    if base != base.rstrip():
        return "a name must not have a blank before its extension"
    if len(base) > BASE_NAME_MAX:
        return f"a name must not be longer than {BASE_NAME_MAX} characters"
    return None


def container_name_fault(name: str) -> str | None:
    """Why `name` can't be a container's name, as a sentence; None if it can."""
    fault = _character_fault(name)
    if fault is None and len(name) > BASE_NAME_MAX:
        return f"a name must not be longer than {BASE_NAME_MAX} characters"
    return fault


def suggested_file_name(wish: str, fallback_base: str = "Document") -> str:
    """The legal file name nearest to `wish`. A path before the name is dropped (some clients send one).

    The extension is kept, the base name is repaired and shortened. Spec: Files > PutRelativeFile, suggested mode.
    """
    if file_name_fault(wish) is None:
        return wish
    base, extension = split_name(_PATH_SEPARATOR.split(wish)[-1].strip())
    if not extension and base.startswith(".") and len(base) > 1:
        base, extension = "", base  # ".docx": an extension without a name
    extension = _mended_extension(extension)
    return _mended_base(base, fallback_base) + extension


def _mended_extension(extension: str) -> str:
    return _BLANKS_AND_DOTS_AFTER.sub("", _ILLEGAL.sub("-", extension))


def _mended_base(base: str, fallback: str) -> str:
    mended = _BLANKS_AND_DOTS_BEFORE.sub("", _ILLEGAL.sub("-", base))
    return _shortened(f"_{mended}" if _is_device(mended) else mended, BASE_NAME_MAX) or fallback


def _shortened(base: str, length: int) -> str:
    return _BLANKS_AND_DOTS_AFTER.sub("", base[:length])


def renamed_file_name(wish: str, present_name: str) -> str:
    """The legal name nearest to `wish` (without extension), with the extension that the file has.

    A dot in `wish` is part of the name; a path before it is dropped. Spec: Files > RenameFile.
    """
    present_base, extension = split_name(present_name)
    base = _mended_base(_PATH_SEPARATOR.split(wish.strip())[-1], present_base)
    if not extension and split_name(base)[1]:
        base = base.replace(".", "-")  # the file has no extension, and a rename gives it none
    return base + extension


def suggested_container_name(wish: str) -> str:
    """The legal container name nearest to `wish`."""
    return _mended_base(_PATH_SEPARATOR.split(wish.strip())[-1], "Folder")


def candidates(name: str, *, is_file: bool = True) -> Iterator[str]:
    """`name`, then "name (1)", "name (2)", ... before the extension, each within the length limit. Never ends."""
    yield name
    base, extension = split_name(name) if is_file else (name, "")
    number = 1
    while True:
        suffix = f" ({number})"
        yield _shortened(base, BASE_NAME_MAX - len(suffix)) + suffix + extension
        number += 1


def decoded_utf7(header: str) -> str | None:
    """The name in a UTF-7 request header; None if it isn't UTF-7.

    Takes what every encoder sends: shifts closed by "-" or by any character outside base64, optional direct
    characters bare or shifted. A decoded lone surrogate is no text. Spec: Files > UTF-7 in headers.
    """
    try:
        text = header.encode("latin-1").decode("utf-7")
        text.encode("utf-8")
    except UnicodeError:
        return None
    return text


def encoded_utf7(name: str) -> str:
    """`name` in UTF-7, for X-WOPI-ValidRelativeTarget."""
    return name.encode("utf-7").decode("ascii")
