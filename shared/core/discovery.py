"""A WOPI client's discovery document: the actions that it offers, its icons and its proof keys.

Documents differ: zones are labelled after their scheme or not, repeated or missing; apps are named by product or by
MIME type; keys may be missing. What can be understood is used, the rest is passed over.
Spec: discovery and host page > Discovery; clients > Collabora Online > Discovery, ONLYOFFICE > Discovery.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from shared.core.errors import LecternError
from shared.core.proof import ProofKeys, RsaKey, key_of_blob, key_of_numbers

ZONES: Final = ("external-https", "external-http", "internal-https", "internal-http")
"""Zones by name, the one that suits a host best first."""
MET_REQUIREMENTS: Final = frozenset({"locks", "update"})
"""What an action may require of its host: a kind of operations each."""

_OPEN_XML: Final = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument."
_MIME_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "csv": "text/csv",
        "doc": "application/msword",
        "docm": "application/vnd.ms-word.document.macroenabled.12",
        "docx": _OPEN_XML + "wordprocessingml.document",
        "dotx": _OPEN_XML + "wordprocessingml.template",
        "odg": _OPEN_DOCUMENT + "graphics",
        "odp": _OPEN_DOCUMENT + "presentation",
        "ods": _OPEN_DOCUMENT + "spreadsheet",
        "odt": _OPEN_DOCUMENT + "text",
        "otp": _OPEN_DOCUMENT + "presentation-template",
        "ots": _OPEN_DOCUMENT + "spreadsheet-template",
        "ott": _OPEN_DOCUMENT + "text-template",
        "pdf": "application/pdf",
        "potx": _OPEN_XML + "presentationml.template",
        "ppsx": _OPEN_XML + "presentationml.slideshow",
        "ppt": "application/vnd.ms-powerpoint",
        "pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        "pptx": _OPEN_XML + "presentationml.presentation",
        "rtf": "application/rtf",
        "txt": "text/plain",
        "vsdx": "application/vnd.ms-visio.drawing",
        "xls": "application/vnd.ms-excel",
        "xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
        "xlsx": _OPEN_XML + "spreadsheetml.sheet",
        "xltx": _OPEN_XML + "spreadsheetml.template",
    }
)
"""MIME types of extensions, for documents whose apps are named by MIME type and whose actions name no extension."""


class DiscoveryInvalid(LecternError):
    """The document is no discovery document, or nothing in it can be used."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the client can do with files of one kind."""

    name: str
    """In lower case."""
    ext: str
    """In lower case, without a dot; "" if the app's name is the MIME type instead."""
    app: str
    urlsrc: str
    favicon_url: str
    """"" if the app has none."""
    is_default: bool
    requires: frozenset[str]
    target_ext: str
    """What `convert` makes of the file; "" otherwise."""

    @property
    def is_offered(self) -> bool:
        """Whether this host has all operations that the action needs."""
        return self.requires <= MET_REQUIREMENTS


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a host needs of the document: the actions of one zone, in the document's order, and the proof keys."""

    actions: tuple[Action, ...]
    proof_keys: ProofKeys | None
    """None: the client doesn't sign, and no proof can be demanded."""

    def action(self, name: str, ext: str) -> Action | None:
        """The action of that name for files with that extension, with or without its dot; None if there is none.

        If several apps offer it: the first default, else the first.
        """
        return next(self._offering(name.lower(), ext.lower().removeprefix(".")), None)

    def extensions(self, name: str) -> frozenset[str]:
        """The extensions, without dots, that the action of that name is offered for."""
        return frozenset(one.ext for one in self.actions if one.name == name.lower() and one.is_offered) - {""}

    def _offering(self, name: str, ext: str) -> Iterator[Action]:
        offered = [one for one in self.actions if one.name == name and one.is_offered]
        matching = [one for one in offered if one.ext and one.ext == ext]
        if not matching and ext in _MIME_TYPES:
            matching = [one for one in offered if not one.ext and one.app.lower() == _MIME_TYPES[ext]]
        yield from sorted(matching, key=lambda one: not one.is_default)


def discovery_of(root: Element, zone: str | None = None) -> Discovery:
    """What the document says, parsed. `zone` is the wanted zone; None, or one that isn't there, means the best there is.

    Raises DiscoveryInvalid.
    """
    if _tag(root) != "wopi-discovery":
        raise DiscoveryInvalid("the document's root is not wopi-discovery")
    zones: dict[str, list[Action]] = {}
    for name, element in _zones(root):
        zones.setdefault(name, []).extend(_actions(element))
    usable = {name: tuple(actions) for name, actions in zones.items() if actions}
    if not usable:
        raise DiscoveryInvalid("the document offers no action")
    wanted = (zone.lower(), *ZONES) if zone else ZONES
    chosen = next((name for name in wanted if name in usable), next(iter(usable)))
    return Discovery(usable[chosen], _proof_keys(root))


def _zones(root: Element) -> Iterator[tuple[str, Element]]:
    for child in root:
        if _tag(child) == "net-zone":
            yield child.get("name", "").lower(), child
    # Hand-made documents may have their apps right below the root.
    yield "", root


def _actions(zone: Element) -> Iterator[Action]:
    for app in zone:
        if _tag(app) != "app":
            continue
        favicon_url = _web_address(app.get("favIconUrl"))
        for action in app:
            urlsrc = _web_address(action.get("urlsrc"))
            # An action with useParent takes a folder's id: a former kind of endpoint that this host doesn't have.
            if _tag(action) != "action" or not action.get("name") or not urlsrc or _is_true(action.get("useParent")):
                continue
            yield Action(
                name=action.get("name", "").lower(),
                ext=action.get("ext", "").lower().removeprefix("."),
                app=app.get("name", ""),
                urlsrc=urlsrc,
                favicon_url=favicon_url,
                is_default=_is_true(action.get("default")),
                requires=frozenset(one.strip().lower() for one in action.get("requires", "").split(",")) - {""},
                target_ext=action.get("targetext", "").lower().removeprefix("."),
            )


def _proof_keys(root: Element) -> ProofKeys | None:
    element = next((child for child in root if _tag(child) == "proof-key"), None)
    if element is None or not any(element.get(name) for name in ("modulus", "value")):
        return None
    current = _key(element, "")
    if current is None:
        # Taking this for a client without keys would switch the check of its proofs off.
        raise DiscoveryInvalid("the document's proof key can't be read")
    return ProofKeys(current, _key(element, "old"))


def _key(element: Element, prefix: str) -> RsaKey | None:
    key = key_of_numbers(element.get(prefix + "modulus"), element.get(prefix + "exponent"))
    return key or key_of_blob(element.get(prefix + "value"))


def _tag(element: Element) -> str:
    """The element's name without a namespace."""
    return element.tag.rpartition("}")[2]


def _is_true(text: str | None) -> bool:
    return text is not None and text.strip().lower() == "true"


def _web_address(text: str | None) -> str:
    """`text` if it's an absolute http or https address, else ""."""
    address = (text or "").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in {"http", "https"} and parts.netloc else ""
