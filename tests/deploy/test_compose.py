"""The compose files are what Docker takes, and say of Lectern what its code says."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from deploy.servers import kafka, minio
from deploy.servers.folders import CHECKOUT
from services.listening import SHUTDOWN_SECONDS
from tests.deploy.parts import PARTS, PORT, documented_settings, existing_settings, parsed, settings_in
from tests.deploy.tools import DEPLOY, read_yaml

DISTRIBUTED, EMBEDDED = CHECKOUT / "docker-compose.yml", CHECKOUT / "docker-compose.embedded.yml"
BOTH = pytest.mark.parametrize("path", [DISTRIBUTED, EMBEDDED], ids=lambda path: path.name)
SECRETS = {
    "LECTERN_API_KEY": "k" * 16,
    "LECTERN_TOKEN_SECRET": "s" * 32,
    "LECTERN_S3_SECRET_KEY": "of-this-test",
    "MONGO_PASSWORD": "of-this-test",
}
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def services_of(path: Path) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = read_yaml(path)["services"]
    return services


def own(path: Path) -> dict[str, dict[str, Any]]:
    """What runs Lectern's image."""
    return {name: one for name, one in services_of(path).items() if one["image"] == "lectern"}


def filled(text: str) -> str:
    """The text as compose makes it from the secrets and its own defaults."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return SECRETS.get(name, default if kind == "-" else "")

    return _VARIABLE.sub(value, text)


@BOTH
def test_it_is_a_compose_file(path: Path) -> None:
    text = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text("utf-8")
    schema = json.loads(text)

    validator_for(schema)(schema).validate(read_yaml(path))


def test_the_distributed_host_has_each_part_its_topics_and_its_servers() -> None:
    assert set(services_of(DISTRIBUTED)) == {*PARTS, "topics", "kafka", "mongo", "minio"}
    assert set(services_of(EMBEDDED)) == {"lectern"}


@BOTH
def test_each_runs_its_own_command_on_the_port_that_is_asked(path: Path) -> None:
    for name, service in own(path).items():
        command, options = parsed(service["command"])

        assert command == ("serve" if path == EMBEDDED else name)
        if "port" in options and path == DISTRIBUTED:
            assert options["port"] == PORT
        if not service["healthcheck"].get("disable"):
            asked = "/healthz" if path == EMBEDDED else "/readyz"
            assert f'HTTPConnection("127.0.0.1", {PORT}' in service["healthcheck"]["test"][-1]
            assert f'"{asked}"' in service["healthcheck"]["test"][-1]


@BOTH
def test_settings_exist_and_let_the_parts_start(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for service in own(path).values():
        environment = {name: filled(value) for name, value in service["environment"].items()}
        if path == DISTRIBUTED:
            settings = settings_in(environment, monkeypatch, tmp_path)
            assert settings.port == PORT

        assert environment.keys() <= existing_settings()
        assert environment.keys() <= documented_settings()


@BOTH
def test_secrets_are_asked_for_and_have_no_default(path: Path) -> None:
    asked = {name: kind for name, kind, _ in _VARIABLE.findall(path.read_text("utf-8"))}

    secret = {name for name in asked if re.search("SECRET|API_KEY|PASSWORD", name)}

    assert {asked[name] for name in secret} == {"?"}
    assert secret == set(SECRETS) if path == DISTRIBUTED else secret < set(SECRETS)


@BOTH
def test_lectern_runs_without_rights_on_a_file_system_that_it_cannot_change(path: Path) -> None:
    for service in own(path).values():
        assert service["read_only"] is True
        assert service["user"] == "10001:10001"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS


@BOTH
def test_only_the_host_itself_is_reached_and_only_from_this_machine(path: Path) -> None:
    published = {name: one["ports"] for name, one in services_of(path).items() if "ports" in one}

    assert published == {"gateway" if path == DISTRIBUTED else "lectern": [f"127.0.0.1:{PORT}:{PORT}"]}


def test_servers_are_on_a_network_of_their_own_and_keep_their_data() -> None:
    compose = read_yaml(DISTRIBUTED)
    for name in ("kafka", "mongo", "minio"):
        service = compose["services"][name]
        assert service["networks"] == ["servers"]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        assert "test" in service["healthcheck"]
    assert compose["networks"]["servers"] == {"internal": True}


def test_servers_are_of_the_versions_that_the_tests_run_against() -> None:
    assert services_of(DISTRIBUTED)["kafka"]["image"] == f"apache/kafka:{kafka.VERSION}"
    assert f"ARG MINIO={minio.VERSION}\n" in (DEPLOY / "minio.Dockerfile").read_text("utf-8")


def test_servers_are_of_the_same_versions_everywhere() -> None:
    everywhere = [DISTRIBUTED, CHECKOUT / ".github/workflows/ci.yml", *(DEPLOY / "kubernetes").rglob("*.yaml")]
    text = "\n".join(path.read_text("utf-8") for path in everywhere)

    assert {image: set(re.findall(rf"{image}:(\d+\.[\d.]+)", text)) for image in ("apache/kafka", "mongo")} == {
        "apache/kafka": {kafka.VERSION},
        "mongo": {services_of(DISTRIBUTED)["mongo"]["image"].split(":")[1]},
    }
