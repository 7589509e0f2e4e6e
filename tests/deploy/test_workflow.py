"""The workflow of the hosted CI is one, and runs what exists."""

import json
import re
from importlib.resources import files
from typing import Any

from jsonschema.validators import validator_for

from deploy.servers.folders import CHECKOUT
from tests.deploy.tools import OVERLAYS, read_yaml

WORKFLOW = CHECKOUT / ".github" / "workflows" / "ci.yml"


def workflow() -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a truth value.
    return {"on" if key is True else key: value for key, value in read_yaml(WORKFLOW).items()}


def test_it_is_a_workflow() -> None:
    text = files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json").read_text("utf-8")
    schema = json.loads(text)

    validator_for(schema)(schema).validate(workflow())


def test_what_it_makes_and_reads_exists() -> None:
    text = WORKFLOW.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.MULTILINE))
    compose = workflow()["jobs"]["containers"]["strategy"]["matrix"]["file"]

    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert set(compose) == {path.name for path in CHECKOUT.glob("docker-compose*.yml")}
    assert workflow()["jobs"]["manifests"]["strategy"]["matrix"]["overlay"] == OVERLAYS


def test_it_may_only_read_the_repository() -> None:
    assert workflow()["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow()["jobs"].values())
    assert all(job["timeout-minutes"] <= 60 for job in workflow()["jobs"].values())
