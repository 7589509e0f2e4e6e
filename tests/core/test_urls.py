"""Addresses of the host, how they are read back, and action URLs. Spec: discovery and host page > From urlsrc."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.tokens import Resource
from shared.core.urls import ACTION_URL_MAX, PLACEHOLDERS, ActionUrlTooLong, Addresses, action_url, with_query

HOST = Addresses("https://wopi.example.com")
BELOW = Addresses("https://example.com:8443/office")
SRC = HOST.file("42")
ENCODED_SRC = "https%3A%2F%2Fwopi.example.com%2Fwopi%2Ffiles%2F42"
ONLYOFFICE = (
    "https://c.example/hosting/wopi/word/edit?<rs=DC_LLCC&><dchat=DISABLE_CHAT&><embed=EMBEDDED&><fs=FULLSCREEN&>"
    "<hid=HOST_SESSION_ID&><rec=RECORDING&><sc=SESSION_CONTEXT&><thm=THEME_ID&><ui=UI_LLCC&><wopisrc=WOPI_SOURCE&>&"
)


@pytest.mark.parametrize(
    ("urlsrc", "values", "url"),
    [
        (
            "https://c.example/we/f.aspx?<ui=UI_LLCC&><rs=DC_LLCC&><showpagestats=PERFSTATS&>",
            {"UI_LLCC": "de-DE"},
            f"https://c.example/we/f.aspx?ui=de-DE&WOPISrc={ENCODED_SRC}",
        ),
        (
            "https://c.example/f?<ui=UI_LLCC&><wopisrc=WOPI_SOURCE&>",
            {"UI_LLCC": "en-US"},
            f"https://c.example/f?ui=en-US&wopisrc={ENCODED_SRC}",
        ),
        (
            "https://c.example/browser/1a2b/cool.html?",
            {},
            f"https://c.example/browser/1a2b/cool.html?WOPISrc={ENCODED_SRC}",
        ),
        (
            "https://c.example/f?embed=1&<thm=THEME_ID&><new=FUTURE_THING&><bu=BUSINESS_USER&><wopisrc=WOPI_SOURCE>",
            {"BUSINESS_USER": "1"},
            f"https://c.example/f?embed=1&bu=1&wopisrc={ENCODED_SRC}",
        ),
        ("https://c.example/f", {}, f"https://c.example/f?WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?a=1", {}, f"https://c.example/f?a=1&WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?a=1&", {}, f"https://c.example/f?a=1&WOPISrc={ENCODED_SRC}"),
        (ONLYOFFICE, {}, f"https://c.example/hosting/wopi/word/edit?wopisrc={ENCODED_SRC}"),
        (
            ONLYOFFICE,
            {"UI_LLCC": "de-DE", "THEME_ID": "2", "DC_LLCC": "de-DE", "SESSION_CONTEXT": "a&b=c"},
            "https://c.example/hosting/wopi/word/edit?rs=de-DE&sc=a%26b%3Dc&thm=2&ui=de-DE"
            f"&wopisrc={ENCODED_SRC}",
        ),
        ("https://c.example/f?<ui=UI_LLCC>", {"UI_LLCC": "de-DE"}, f"https://c.example/f?ui=de-DE&WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?<x=FUTURE_THING&>", {"FUTURE_THING": "1"}, f"https://c.example/f?WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?<p=PERFSTATS&>", {"PERFSTATS": "1"}, f"https://c.example/f?WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?<ui=UI_LLCC&>", {"UI_LLCC": ""}, f"https://c.example/f?WOPISrc={ENCODED_SRC}"),
        ("https://c.example/f?<nonsense>&<=UI_LLCC&>", {"UI_LLCC": "x"}, f"https://c.example/f?WOPISrc={ENCODED_SRC}"),
        (
            "https://c.example/f?",
            {"SESSION_CONTEXT": "room 1"},
            f"https://c.example/f?WOPISrc={ENCODED_SRC}&sc=room%201",
        ),
    ],
)  # fmt: skip
def test_placeholders(urlsrc: str, values: dict[str, str], url: str) -> None:
    assert action_url(urlsrc, SRC, values) == url


def test_a_preload_action_gets_no_wopi_src() -> None:
    urlsrc = "https://c.example/preload?<ui=UI_LLCC&><wopisrc=WOPI_SOURCE&>"

    assert action_url(urlsrc, None, {"UI_LLCC": "de-DE"}) == "https://c.example/preload?ui=de-DE"
    assert action_url(urlsrc, None, {}) == "https://c.example/preload"


def test_parameters_of_the_host_page_are_handed_on() -> None:
    url = action_url("https://c.example/f?", SRC, {}, [("wdOrigin", "a b"), ("sftc", "1")])

    assert url == f"https://c.example/f?WOPISrc={ENCODED_SRC}&wdOrigin=a%20b&sftc=1"


def test_an_action_url_that_clients_would_cut_is_refused() -> None:
    with pytest.raises(ActionUrlTooLong):
        action_url("https://c.example/f?<sc=SESSION_CONTEXT&>", SRC, {"SESSION_CONTEXT": "x" * ACTION_URL_MAX})


groups = st.sampled_from([*sorted(PLACEHOLDERS), "PERFSTATS", "UNKNOWN"])


@given(st.lists(groups, unique=True), st.dictionaries(groups, st.text(max_size=8)), st.booleans())
def test_every_wanted_value_arrives_and_no_placeholder_stays(
    offered: list[str], values: dict[str, str], has_source: bool
) -> None:
    urlsrc = "https://c.example/f?" + "".join(f"<{one.lower()}={one}&>" for one in offered)
    urlsrc += "<wopisrc=WOPI_SOURCE&>" if has_source else ""
    values = {name: value.encode("utf-8", "ignore").decode() for name, value in values.items()}

    url = action_url(urlsrc, SRC, values)

    query = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    wanted = {one: values[one] for one in values if one in PLACEHOLDERS and values[one]}
    filled = {one.lower(): [wanted[one]] for one in offered if one in wanted}
    appended = {"sc": [wanted["SESSION_CONTEXT"]]} if "SESSION_CONTEXT" in wanted.keys() - set(offered) else {}
    assert query == {**filled, "wopisrc" if has_source else "WOPISrc": [SRC], **appended}
    assert "<" not in url
    assert not url.endswith(("&", "?"))
    assert "?&" not in url


# --- addresses


@pytest.mark.parametrize("host", [HOST, BELOW])
def test_addresses_are_below_the_public_one_and_carry_no_token(host: Addresses) -> None:
    made = [
        host.home(),
        host.file("f1"),
        host.container("c1"),
        host.ecosystem(),
        host.bootstrapper(),
        host.host_view("f1"),
        host.host_edit("f1"),
        host.host_edit_new("f1"),
        host.host_embedded_view("f1"),
        host.sharing_page("f1"),
        host.versions_page("f1"),
        host.container_page("c1"),
        host.container_sharing_page("c1"),
        host.share("f1", "ReadOnly"),
        host.share("f1", "ReadWrite"),
        host.share_container("c1", "ReadOnly"),
    ]

    for url in made:
        assert url is not None
        assert url.startswith(host.public_url + "/")
        assert "token" not in url
    assert host.file("f1") == f"{host.public_url}/wopi/files/f1"
    assert host.bootstrapper().endswith("/wopibootstrapper")


def test_the_origin_has_no_path() -> None:
    assert HOST.origin == "https://wopi.example.com"
    assert BELOW.origin == "https://example.com:8443"


def test_a_token_comes_with_the_moment_it_expires() -> None:
    assert HOST.with_token(SRC, "ab12", 1700000000000) == f"{SRC}?access_token=ab12&access_token_ttl=1700000000000"
    assert HOST.with_token(f"{SRC}?a=1", "ab12", 0) == f"{SRC}?a=1&access_token=ab12&access_token_ttl=0"


@pytest.mark.parametrize("character", ["x", "\u65e5", "\U0001f600"])
def test_the_longest_name_makes_no_download_address_that_clients_cut(character: str) -> None:
    name = character * 250 + "." + character * 31

    address = Addresses("https://" + "h" * 253).download("ab" * 300, name)

    assert len(address) < ACTION_URL_MAX
    assert unquote(address).endswith("." + character * 31)


def test_a_download_is_named_like_its_file() -> None:
    assert HOST.download("ab12", "Bericht ü/1.docx") == f"{HOST.public_url}/download/ab12/Bericht%20%C3%BC%2F1.docx"


def test_share_urls_are_offered_for_two_types() -> None:
    assert HOST.share("f1", "ReadOnly") == HOST.host_view("f1")
    assert HOST.share("f1", "ReadWrite") == HOST.host_edit("f1")
    assert HOST.share_container("c1", "ReadWrite") == HOST.container_page("c1")
    assert HOST.share("f1", "UnknownType") is None
    assert HOST.share("f1", "readonly") is None
    assert HOST.share_container("c1", "") is None


def test_an_empty_query_adds_nothing() -> None:
    assert with_query("https://c.example/f", ()) == "https://c.example/f"


@pytest.mark.parametrize("host", [HOST, BELOW])
@pytest.mark.parametrize("resource_id", ["42", "a1b2", "Ünï/çode & more?", "100%", "a.b-c_d~e"])
def test_every_address_of_a_resource_is_read_back(host: Addresses, resource_id: str) -> None:
    file, container = (Resource.FILE, resource_id), (Resource.CONTAINER, resource_id)

    for url in (
        host.file(resource_id),
        host.with_token(host.file(resource_id), "ab", 1),
        host.host_view(resource_id),
        host.host_edit(resource_id),
        host.host_edit_new(resource_id),
        host.host_embedded_view(resource_id),
        host.sharing_page(resource_id),
        host.versions_page(resource_id),
        host.file(resource_id) + "/",
    ):
        assert host.resource_of(url) == file
    for url in (
        host.container(resource_id),
        host.with_token(host.container(resource_id), "ab", 1),
        host.container_page(resource_id),
        host.container_sharing_page(resource_id),
    ):
        assert host.resource_of(url) == container


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://WOPI.EXAMPLE.COM/wopi/files/42",
        "https://wopi.example.com:443/wopi/files/42",
        "https://wopi.example.com/wopi/files/42?permission=edit#top",
    ],
)
def test_spellings_that_mean_our_origin_are_ours(url: str) -> None:
    assert HOST.resource_of(url) == (Resource.FILE, "42")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "42",
        "/wopi/files/42",
        "//wopi.example.com/wopi/files/42",
        "http://wopi.example.com/wopi/files/42",
        "https://wopi.example.com:8443/wopi/files/42",
        "https://evil.example/wopi/files/42",
        "https://wopi.example.com.evil.example/wopi/files/42",
        "https://wopi.example.com@evil.example/wopi/files/42",
        "https://user:secret@wopi.example.com/wopi/files/42",
        "https://wopi.example.com/wopi/files/",
        "https://wopi.example.com/wopi/files",
        "https://wopi.example.com/wopi/files/42/contents",
        "https://wopi.example.com/wopi/ecosystem",
        "https://wopi.example.com/open/42/nothing",
        "https://wopi.example.com/",
        "https://wopi.example.com",
        "https://wopi.example.com:port/wopi/files/42",
        "https://[wopi/wopi/files/42",
        "javascript:alert(1)",
        "\udc80",
    ],
)
def test_what_is_not_ours_names_nothing(url: str) -> None:
    assert HOST.resource_of(url) is None


def test_an_address_outside_the_public_path_is_not_ours() -> None:
    assert BELOW.resource_of("https://example.com:8443/wopi/files/42") is None
    assert BELOW.resource_of("https://example.com:8443/officewopi/files/42") is None
    assert BELOW.resource_of("https://example.com:8443/office/wopi/files/42") == (Resource.FILE, "42")


@given(st.text())
def test_reading_an_address_never_fails(url: str) -> None:
    assert HOST.resource_of(url) is None
