"""The sample folder that a new host begins with: something to open and to edit at once."""

from typing import Final

from services.samples.documents import docx, odt, xlsx
from services.samples.slides import pptx

FOLDER: Final = "Samples"

_WELCOME: Final = """\
# Welcome to Lectern

This folder was made when your host started for the first time. Look around, change what you like, delete it when you
have seen enough: it doesn't come back.

- `Letter.docx`, `Budget.xlsx`, `Slides.pptx`, `Notes.odt`: documents for the office suite that you connect. Until then,
  the command line takes them out and puts them back: `lectern get /Samples/Letter.docx`.
- `Empty.docx`: no bytes at all, as a new document has before its first save. An office suite makes a document of it.
- `Validator.wopitest`: for Microsoft's WOPI validator, which overwrites it.

Each save makes a new version: `lectern versions /Samples/Letter.docx` lists them, `lectern restore` brings one back.
The README shows how to edit a document with nothing but curl.
"""


def sample_files() -> dict[str, bytes]:
    """Name and content of each file in the sample folder."""
    return {
        "Welcome.md": _WELCOME.encode(),
        "Letter.docx": docx(
            (
                "Dear reader,",
                "this letter lies on a Lectern: a WOPI host, where office suites open, lock, edit and save documents.",
                "Write something below and save. Your host keeps this version as well.",
                "Yours, Lectern",
            )
        ),
        "Budget.xlsx": xlsx(
            "Budget",
            (
                ("Item", "Planned", "Spent", "Left"),
                ("Paper", 120, 80, "=B2-C2"),
                ("Ink", 75, 90, "=B3-C3"),
                ("Coffee", 200, 145.5, "=B4-C4"),
                ("Sum", "=SUM(B2:B4)", "=SUM(C2:C4)", "=SUM(D2:D4)"),
            ),
        ),
        "Slides.pptx": pptx(
            (
                ("A talk from a Lectern", "The first slide. Change it and save."),
                ("What happens then", "A new version, an event, and the former version kept."),
            )
        ),
        "Notes.odt": odt(("Notes", "An OpenDocument text, as LibreOffice and Collabora Online write it.")),
        "Empty.docx": b"",
        "Validator.wopitest": b"",
    }
