"""Settings: what is accepted, what is refused and with which words, and that the docs tell the truth about it."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from pydantic import SecretStr, ValidationError

from shared.core.errors import LecternError
from shared.service.settings import (
    PREFIX,
    Settings,
    SettingsInvalid,
    is_public_address,
    load_settings,
    refuse_unsafe,
    unknown_settings,
)

DOCS: Final = Path(__file__).parents[2] / "docs" / "settings.md"
DISCOVERY: Final = "https://office.example.com/hosting/discovery"
SECRET: Final = "0123456789abcdef0123456789abcdef"
KEY: Final = "fedcba9876543210"
ALL_INTERFACES: Final = "0.0.0.0"  # noqa: S104 - nothing listens here


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No LECTERN_ variable of whoever runs the tests, and no `.env` file."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    return load_settings()


def mistakes(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as refused:
        loaded(monkeypatch, **environment)
    return refused.value.mistakes


# Where values come from


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, Path("data"))
    assert settings.machine_name


def test_an_override_wins_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("LECTERN_HOST=::1\nLECTERN_PORT=1\nLECTERN_VERSIONS_KEPT=1\n", encoding="utf-8")
    monkeypatch.setenv("LECTERN_PORT", "2")
    monkeypatch.setenv("LECTERN_VERSIONS_KEPT", "2")

    settings = load_settings(versions_kept=3)

    assert (settings.host, settings.port, settings.versions_kept) == ("::1", 2, 3)


def test_an_override_of_none_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_PORT", "2")

    assert load_settings(port=None).port == 2


def test_an_override_that_is_no_setting_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="pott"):
        load_settings(pott=1)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, API_KEY="", PORT="").api_key is None


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1


def test_a_file_that_is_not_text_is_refused_without_showing_it() -> None:
    Path(".env").write_bytes(b"LECTERN_API_KEY=s3cret\xff\xfe\n")

    with pytest.raises(SettingsInvalid, match=r"\.env can't be read") as refused:
        load_settings()

    assert "s3cret" not in str(refused.value)


# What is accepted


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("https://docs.example.com", "https://docs.example.com"),
        ("https://docs.example.com/", "https://docs.example.com"),
        ("HTTPS://Docs.Example.COM:443/", "https://docs.example.com"),
        ("http://docs.example.com:80", "http://docs.example.com"),
        ("http://docs.example.com:443", "http://docs.example.com:443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://example.com/Lectern/", "https://example.com/Lectern"),
        (" https://example.com ", "https://example.com"),
    ],
)
def test_a_public_url_is_normalised(monkeypatch: pytest.MonkeyPatch, text: str, normalised: str) -> None:
    assert loaded(monkeypatch, PUBLIC_URL=text).public_url == normalised


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("36000", timedelta(hours=10)),
        ("1.5", timedelta(seconds=1.5)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12 h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("PT12H", timedelta(hours=12)),
        ("P30D", timedelta(days=30)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_a_duration_is_written_in_seconds_with_a_unit_or_as_iso_8601(
    monkeypatch: pytest.MonkeyPatch, text: str, duration: timedelta
) -> None:
    assert loaded(monkeypatch, TOKEN_LIFETIME=text).token_lifetime == duration


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("5000000", 5_000_000), ("500MB", 500_000_000), ("2GiB", 2_147_483_648), ("1 kib", 1024)]
)
def test_a_size_is_written_in_bytes_or_with_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, size_bytes: int) -> None:
    assert loaded(monkeypatch, MAX_FILE_SIZE=text).max_file_size == size_bytes


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        (DISCOVERY, {"": DISCOVERY}),
        ("http://a/d?x=1,2", {"": "http://a/d?x=1,2"}),
        (f"collabora={DISCOVERY}?a=b", {"collabora": f"{DISCOVERY}?a=b"}),
        (
            f"office={DISCOVERY}, collabora = http://127.0.0.1:9980/d ,onlyoffice=http://o/d",
            {"office": DISCOVERY, "collabora": "http://127.0.0.1:9980/d", "onlyoffice": "http://o/d"},
        ),
    ],
    ids=["one for all", "one with a comma", "one for a dialect", "one each"],
)
def test_a_discovery_url_is_for_all_dialects_or_for_one_each(
    monkeypatch: pytest.MonkeyPatch, text: str, urls: Mapping[str, str]
) -> None:
    assert loaded(monkeypatch, DISCOVERY_URL=text).discovery_urls == urls


def test_without_a_discovery_url_there_are_none() -> None:
    assert load_settings().discovery_urls == {}


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({}, "off"),
        ({"DISCOVERY_URL": DISCOVERY}, "required"),
        ({"DISCOVERY_URL": DISCOVERY, "PROOF": "if-sent"}, "if-sent"),
        ({"DISCOVERY_URL": DISCOVERY, "PROOF": "off"}, "off"),
        ({"DISCOVERY_URL": DISCOVERY, "PROOF": "required"}, "required"),
        ({"PROOF": "off"}, "off"),
    ],
)
def test_proofs_are_required_with_a_discovery_url_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mode: str
) -> None:
    assert loaded(monkeypatch, **environment).proof_mode == mode


def test_trusted_proxies_are_networks_of_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, TRUSTED_PROXIES="10.0.0.0/8, fd00::/8 ,192.0.2.7,")

    assert settings.trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8", "192.0.2.7/32")))


def test_an_issuer_is_left_exactly_as_it_is_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, OIDC_ISSUER="https://Login.example.com/").oidc_issuer == "https://Login.example.com/"


def test_a_log_level_may_be_shouted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, LOG_LEVEL="WARNING").log_level == "warning"


def test_a_data_folder_may_be_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert loaded(monkeypatch, DATA_DIR="~/lectern").data_dir == tmp_path / "lectern"


def test_the_shortest_secrets_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, TOKEN_SECRET=SECRET, TOKEN_SECRET_PREVIOUS=SECRET, API_KEY=KEY)

    assert settings.token_secret == settings.token_secret_previous == SecretStr(SECRET)
    assert settings.api_key == SecretStr(KEY)


# What is refused


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PUBLIC_URL", "docs.example.com", "absolute URL"),
        ("PUBLIC_URL", "/lectern", "absolute URL"),
        ("PUBLIC_URL", "ftp://docs.example.com", "absolute URL"),
        ("PUBLIC_URL", "https://docs.exämple.com", "absolute URL"),
        ("PUBLIC_URL", "https://docs.example.com/a b", "absolute URL"),
        ("PUBLIC_URL", "https://docs.example.com\\@evil.example", "absolute URL"),
        ("PUBLIC_URL", "https://", "absolute URL"),
        ("PUBLIC_URL", "https:///path", "valid host and port"),
        ("PUBLIC_URL", "https://:443", "valid host and port"),
        ("PUBLIC_URL", "https://docs.example.com:https", "valid host and port"),
        ("PUBLIC_URL", "https://docs.example.com:0", "valid host and port"),
        ("PUBLIC_URL", "https://docs.example.com:70000", "valid host and port"),
        ("PUBLIC_URL", "https://[::1", "valid host and port"),
        ("PUBLIC_URL", "https://[::zz]", "valid host and port"),
        ("PUBLIC_URL", "https://a*b", "valid host and port"),
        ("PUBLIC_URL", "https://me:pw@docs.example.com", "without a user name"),
        ("PUBLIC_URL", "https://docs.example.com?a=1", "without a query"),
        ("PUBLIC_URL", "https://docs.example.com#top", "without a fragment"),
        ("HOST", " ", "should not be empty"),
        ("PORT", "http", "valid integer"),
        ("PORT", "-1", "greater than or equal to 0"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("DATA_DIR", "~no-such-user-here/data", "no such home folder"),
        ("TOKEN_SECRET", SECRET[1:], "at least 32 characters"),
        ("API_KEY", KEY[1:], "at least 16 characters"),
        ("API_KEY", "with spaces in between", "visible ASCII"),
        ("API_KEY", "schlüssel-und-schloss", "visible ASCII"),
        ("TOKEN_LIFETIME", "0", "longer than 0"),
        ("TOKEN_LIFETIME", "-1", "should be a duration"),
        ("TOKEN_LIFETIME", "-PT1H", "longer than 0"),
        ("TOKEN_LIFETIME", "36501d", "at most 36500d"),
        ("TOKEN_LIFETIME", "99999999999999999999d", "at most 36500d"),
        ("TOKEN_LIFETIME", "ten hours", "should be a duration"),
        ("TOKEN_LIFETIME", "10w", "should be a duration"),
        ("MAX_FILE_SIZE", "0", "greater than or equal to 1"),
        ("MAX_FILE_SIZE", "much", "should be a size"),
        ("MAX_FILE_SIZE", "2 gigs", "should be a size"),
        ("DISCOVERY_URL", "office.example.com", "dialect=URL"),
        ("DISCOVERY_URL", f"word={DISCOVERY}", "office, collabora, onlyoffice"),
        ("DISCOVERY_URL", f"{DISCOVERY},{DISCOVERY}", "dialect=URL"),
        ("DISCOVERY_URL", f"{DISCOVERY},collabora={DISCOVERY}", "dialect=URL"),
        ("DISCOVERY_URL", f"office={DISCOVERY},", "dialect=URL"),
        ("DISCOVERY_URL", f"office={DISCOVERY},office={DISCOVERY}", "names office twice"),
        ("DISCOVERY_URL", "office=", "absolute URL"),
        ("DISCOVERY_URL", "http://a:b/discovery", "valid host and port"),
        ("DISCOVERY_ZONE", "external https", "visible ASCII"),
        ("PROOF", "maybe", "'required', 'if-sent' or 'off'"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "host bits set"),
        ("TRUSTED_PROXIES", "proxy.example.com", "should be networks"),
        ("NEW_USER_ROLE", "admin", "'none', 'viewer', 'editor' or 'owner'"),
        ("OIDC_NEW_USER_ROLE", "admin", "'none', 'viewer', 'editor' or 'owner'"),
        ("OIDC_ISSUER", "login.example.com", "absolute URL"),
        ("OIDC_ISSUER", "https://login.example.com?tenant=1", "without a query"),
        ("OIDC_AUDIENCE", " ", "should not be empty"),
        ("OIDC_PROVIDER_ID", "TP\tA", "visible ASCII"),
        ("VERSIONS_KEPT", "-1", "greater than or equal to 0"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
        ("MACHINE_NAME", "a\nb", "visible ASCII"),
    ],
)
def test_a_faulty_value_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    (mistake,) = mistakes(monkeypatch, **{name: value})

    assert mistake.startswith(f"{PREFIX}{name} ")
    assert reason in mistake


@pytest.mark.parametrize("proof", ["required", "if-sent"])
def test_proofs_cannot_be_checked_without_a_discovery_url(monkeypatch: pytest.MonkeyPatch, proof: str) -> None:
    (mistake,) = mistakes(monkeypatch, PROOF=proof)

    assert mistake.startswith("LECTERN_PROOF needs LECTERN_DISCOVERY_URL")


def test_a_previous_secret_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (mistake,) = mistakes(monkeypatch, TOKEN_SECRET_PREVIOUS=SECRET)

    assert mistake.startswith("LECTERN_TOKEN_SECRET_PREVIOUS needs LECTERN_TOKEN_SECRET")


def test_all_mistakes_are_reported_at_once_without_the_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"PORT": "http", "TOKEN_SECRET": "too-short-42", "API_KEY": "short-too-42", "PROOF": "required"}

    with pytest.raises(SettingsInvalid) as refused:
        loaded(monkeypatch, **environment)

    text = str(refused.value)
    assert isinstance(refused.value, LecternError)
    assert all(f"{PREFIX}{name} " in text for name in environment)
    assert len(refused.value.mistakes) == len(environment)
    assert "-42" not in text
    assert refused.value.__suppress_context__


def test_a_mistake_is_reported_once_not_again_by_what_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mistakes(
        monkeypatch, DISCOVERY_URL="nowhere", PROOF="required", TOKEN_SECRET="x", TOKEN_SECRET_PREVIOUS="y"
    )

    assert [mistake.split()[0] for mistake in found] == [
        "LECTERN_TOKEN_SECRET",
        "LECTERN_TOKEN_SECRET_PREVIOUS",
        "LECTERN_DISCOVERY_URL",
    ]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, TOKEN_SECRET=SECRET, API_KEY=KEY)

    assert SECRET not in repr(settings)
    assert KEY not in repr(settings)


# Slips of the pen


def test_unknown_variables_are_told_with_what_was_probably_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_PUBLIC_ULR", "https://docs.example.com")
    monkeypatch.setenv("LECTERN_SOMETHING", "1")
    Path(".env").write_text("LECTERN_API_KEYS=x\nOTHER=1\n", encoding="utf-8")

    assert unknown_settings() == [
        "LECTERN_API_KEYS is not a setting; did you mean LECTERN_API_KEY?",
        "LECTERN_PUBLIC_ULR is not a setting; did you mean LECTERN_PUBLIC_URL?",
        "LECTERN_SOMETHING is not a setting",
    ]


def test_settings_and_what_belongs_to_the_command_line_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "url"):
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", "1")

    assert unknown_settings() == []


# Public addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "LocalHost."])
def test_a_loopback_address_is_not_public(host: str) -> None:
    assert not is_public_address(host)


@pytest.mark.parametrize(
    "host",
    [ALL_INTERFACES, "::", "", "10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "fe80::1", "docs", "localhost.example.com"],
)
def test_any_other_address_is_public(host: str) -> None:
    assert is_public_address(host)


@pytest.mark.parametrize(
    ("given", "asked_for", "not_asked_for"),
    [
        ({}, ["LECTERN_TOKEN_SECRET", "LECTERN_API_KEY"], []),
        ({"api_key": KEY}, ["LECTERN_TOKEN_SECRET"], ["LECTERN_API_KEY"]),
        ({"token_secret": SECRET}, ["LECTERN_API_KEY"], ["LECTERN_TOKEN_SECRET"]),
    ],
)
def test_a_public_address_without_secrets_is_refused(
    given: dict[str, Any], asked_for: list[str], not_asked_for: list[str]
) -> None:
    settings = load_settings(host=ALL_INTERFACES, **given)

    with pytest.raises(SettingsInvalid) as refused:
        refuse_unsafe(settings)

    assert all(name in str(refused.value) for name in ["LECTERN_HOST", *asked_for])
    assert not any(name in str(refused.value) for name in not_asked_for)


@pytest.mark.parametrize(
    "given", [{}, {"host": "::1"}, {"host": ALL_INTERFACES, "token_secret": SECRET, "api_key": KEY}]
)
def test_loopback_and_a_public_address_with_secrets_are_fine(given: dict[str, Any]) -> None:
    refuse_unsafe(load_settings(**given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"public_url": "http://localhost:8080"}, False),
        ({"public_url": "http://[::1]:8080"}, False),
        ({"host": ALL_INTERFACES}, True),
        ({"public_url": "https://docs.example.com"}, True),
    ],
    ids=["as it is", "by name", "by IPv6", "listens to all", "behind a proxy"],
)
def test_others_reach_a_host_by_its_address_or_by_its_public_url(given: dict[str, Any], expected: bool) -> None:
    assert load_settings(**given).is_reachable_by_others is expected


# The docs


def documented() -> dict[str, tuple[str, str, str]]:
    """Name -> type, default and meaning, as the table says."""
    rows = [line.strip("| ").split(" | ") for line in DOCS.read_text("utf-8").splitlines() if "| `LECTERN_" in line]
    return {name.strip("`"): (kind, default.strip("`"), meaning) for name, kind, default, meaning in rows}


def test_the_docs_list_exactly_the_settings_there_are_in_their_order() -> None:
    assert list(documented()) == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_docs_give_each_setting_its_meaning_its_choices_and_its_default(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, default, meaning = documented()[f"{PREFIX}{name.upper()}"]
    field = Settings.model_fields[name]
    by_default = getattr(load_settings(), name)

    assert meaning == field.description
    choices = {choice for form in (field.annotation, *get_args(field.annotation)) for choice in get_args(form)}
    if words := {choice for choice in choices if isinstance(choice, str)}:
        assert set(re.findall(r"`([^`]+)`", kind)) == words
    if default == "not set":
        assert by_default in {None, ()}
    elif not default.startswith("*"):
        # What the docs call the default changes nothing when it's set.
        assert getattr(loaded(monkeypatch, **{name.upper(): default}), name) == by_default


def test_every_name_that_the_docs_mention_is_a_setting_or_belongs_to_the_command_line() -> None:
    mentioned = set(re.findall(r"LECTERN_[A-Z0-9_]*[A-Z]", DOCS.read_text("utf-8")))

    assert mentioned - set(documented()) == {"LECTERN_URL"}
