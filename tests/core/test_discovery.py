"""Discovery documents as clients publish them. Spec: discovery and host page > Discovery."""

import pytest
from defusedxml.ElementTree import fromstring

from shared.core.discovery import Discovery, DiscoveryInvalid, discovery_of
from shared.core.proof import key_of_numbers
from tests.proof_vectors import DISCOVERY

MICROSOFT = """<?xml version="1.0" encoding="utf-8"?>
<wopi-discovery>
  <net-zone name="internal-http">
    <app name="Word"><action name="view" ext="docx" urlsrc="http://inside.example/view?"/></app>
  </net-zone>
  <net-zone name="external-https">
    <app name="Word" favIconUrl="https://c.example/word.ico" checkLicense="true">
      <action name="view" ext="docx" urlsrc="https://c.example/wv?&lt;ui=UI_LLCC&amp;&gt;"/>
      <action name="edit" ext="docx" requires="locks,update" urlsrc="https://c.example/we?"/>
      <action name="convert" ext="doc" targetext="docx" requires="update" urlsrc="https://c.example/convert?"/>
      <action name="edit" ext="one" requires="cobalt,containers" urlsrc="https://c.example/onenote?"/>
      <action name="view" progid="OneNote.Section" urlsrc="https://c.example/section?"/>
      <action name="edit" ext="folder" useParent="true" urlsrc="https://c.example/folder?"/>
    </app>
    <app name="WordDefault" favIconUrl="javascript:alert(1)">
      <action name="view" ext="DOCX" default="True" urlsrc="https://c.example/default?"/>
      <action name="view" ext="bad" urlsrc="/relative"/>
      <action name="view" ext="bad"/>
      <action ext="bad" urlsrc="https://c.example/nameless?"/>
      <unknown/>
    </app>
    <unknown-app name="x"/>
  </net-zone>
</wopi-discovery>"""

COLLABORA = """<wopi-discovery><net-zone name="external-http">
  <app name="application/msword"><action default="true" ext="" name="edit" urlsrc="https://c.example/b/cool.html?"/></app>
  <app name="application/vnd.oasis.opendocument.text">
    <action ext="odt" name="edit" urlsrc="https://c.example/odt/cool.html?"/>
    <action default="true" ext="" name="edit" urlsrc="https://c.example/mime/cool.html?"/>
  </app>
  <app name="application/vnd.openxmlformats-officedocument.wordprocessingml.document">
    <action default="true" ext="" name="view" urlsrc="https://c.example/docx/cool.html?"/>
  </app>
  <app name="Capabilities"><action ext="" name="getinfo" urlsrc="https://c.example/hosting/capabilities"/></app>
</net-zone></wopi-discovery>"""


def discovery(document: str, zone: str | None = None) -> Discovery:
    return discovery_of(fromstring(document), zone)


def urlsrc(found: Discovery, name: str, ext: str) -> str | None:
    action = found.action(name, ext)
    return action.urlsrc if action else None


@pytest.mark.parametrize(
    ("name", "ext", "url"),
    [
        ("view", "docx", "https://c.example/default?"),
        ("view", ".docx", "https://c.example/default?"),
        ("VIEW", "DocX", "https://c.example/default?"),
        ("edit", "docx", "https://c.example/we?"),
        ("convert", "doc", "https://c.example/convert?"),
        ("edit", "one", None),
        ("edit", "folder", None),
        ("view", "bad", None),
        ("view", "", None),
        ("view", "xyz", None),
        ("editnew", "docx", None),
    ],
)
def test_an_action_is_found_by_name_and_extension(name: str, ext: str, url: str | None) -> None:
    assert urlsrc(discovery(MICROSOFT), name, ext) == url


def test_an_action_knows_its_app_and_what_it_makes() -> None:
    found = discovery(MICROSOFT)
    edit, convert, default = found.action("edit", "docx"), found.action("convert", "doc"), found.action("view", "docx")

    assert edit is not None
    assert (edit.app, edit.favicon_url, edit.requires) == ("Word", "https://c.example/word.ico", {"locks", "update"})
    assert convert is not None
    assert convert.target_ext == "docx"
    assert default is not None
    assert default.favicon_url == ""


def test_extensions_of_an_action() -> None:
    assert discovery(MICROSOFT).extensions("edit") == {"docx"}
    assert discovery(COLLABORA).extensions("edit") == {"odt"}


@pytest.mark.parametrize(
    ("name", "ext", "url"),
    [
        ("edit", "odt", "https://c.example/odt/cool.html?"),
        ("edit", "doc", "https://c.example/b/cool.html?"),
        ("view", "docx", "https://c.example/docx/cool.html?"),
        ("edit", "xlsx", None),
        ("getinfo", "docx", None),
    ],
)
def test_apps_that_are_named_by_mime_type_serve_its_extensions(name: str, ext: str, url: str | None) -> None:
    assert urlsrc(discovery(COLLABORA), name, ext) == url


@pytest.mark.parametrize(
    ("zone", "url"),
    [
        (None, "https://c.example/default?"),
        ("external-https", "https://c.example/default?"),
        ("External-HTTPS", "https://c.example/default?"),
        ("internal-http", "http://inside.example/view?"),
        ("internal-https", "https://c.example/default?"),
    ],
)
def test_the_wanted_zone_is_taken_else_the_best(zone: str | None, url: str) -> None:
    assert urlsrc(discovery(MICROSOFT, zone), "view", "docx") == url


ACTION = '<app name="a"><action name="{0}" ext="{0}" urlsrc="https://c.example/{0}"/></app>'


@pytest.mark.parametrize(
    "zones",
    [
        '<net-zone name="external-http">{a}</net-zone><net-zone name="external-http">{b}</net-zone>',
        "<net-zone>{a}{b}</net-zone>",
        '<net-zone name="my-own">{a}{b}</net-zone>',
        '<net-zone name="external-https"/><net-zone name="internal-http">{a}{b}</net-zone>',
        "{a}{b}",
    ],
    ids=["a zone twice", "without a name", "of an unknown name", "an empty better one", "no zone at all"],
)
def test_zones_are_read_leniently(zones: str) -> None:
    found = discovery(f"<wopi-discovery>{zones.format(a=ACTION.format('a'), b=ACTION.format('b'))}</wopi-discovery>")

    assert [one.name for one in found.actions] == ["a", "b"]


def test_a_namespace_makes_no_difference() -> None:
    found = discovery(f'<wopi-discovery xmlns="urn:x"><net-zone>{ACTION.format("a")}</net-zone></wopi-discovery>')

    assert urlsrc(found, "a", "a") == "https://c.example/a"


@pytest.mark.parametrize(
    "document",
    ["<html/>", "<wopi-discovery/>", '<wopi-discovery><net-zone name="external-https"/></wopi-discovery>'],
)
def test_a_document_without_actions_is_refused(document: str) -> None:
    with pytest.raises(DiscoveryInvalid):
        discovery(document)


# --- proof keys


def with_keys(**attributes: str) -> str:
    text = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<wopi-discovery><net-zone>{ACTION.format('a')}</net-zone><proof-key {text}/></wopi-discovery>"


CURRENT = key_of_numbers(DISCOVERY["modulus"], DISCOVERY["exponent"])
OLD = key_of_numbers(DISCOVERY["oldmodulus"], DISCOVERY["oldexponent"])


def named(*names: str) -> dict[str, str]:
    return {name: DISCOVERY[name] for name in names}


@pytest.mark.parametrize(
    ("attributes", "current", "old"),
    [
        (DISCOVERY, CURRENT, OLD),
        (named("modulus", "exponent", "oldmodulus", "oldexponent"), CURRENT, OLD),
        (named("value", "oldvalue"), CURRENT, OLD),
        (named("value", "modulus", "exponent"), CURRENT, None),
        ({**DISCOVERY, "modulus": "!", "oldmodulus": ""}, CURRENT, OLD),
        ({**named("modulus", "exponent"), "oldmodulus": "!", "oldvalue": "!"}, CURRENT, None),
        ({**named("value"), "oldvalue": "", "oldmodulus": "", "oldexponent": ""}, CURRENT, None),
    ],
    ids=["all", "numbers", "blobs", "no old key", "a broken number has its blob", "a broken old key", "empty old key"],
)
def test_keys_are_read_in_either_form(attributes: dict[str, str], current: object, old: object) -> None:
    keys = discovery(with_keys(**attributes)).proof_keys

    assert keys is not None
    assert (keys.current, keys.old) == (current, old)


@pytest.mark.parametrize("document", [MICROSOFT, with_keys(), with_keys(value="", modulus="", exponent="")])
def test_a_client_without_keys_has_none(document: str) -> None:
    assert discovery(document).proof_keys is None


def test_a_key_that_cannot_be_read_is_not_taken_for_none() -> None:
    with pytest.raises(DiscoveryInvalid):
        discovery(with_keys(value="broken", modulus="broken", exponent="AQAB"))
