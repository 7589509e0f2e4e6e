"""The images have what they run, and no more rights than that needs."""

import re
from pathlib import Path

import pytest

from deploy.servers.folders import CHECKOUT
from tests.deploy.parts import PORT, existing_settings, image_environment, parsed
from tests.deploy.tools import DEPLOY, built, of_kind

LECTERN, MINIO = DEPLOY / "Dockerfile", DEPLOY / "minio.Dockerfile"


def instructions(path: Path) -> list[tuple[str, str]]:
    """Names and arguments, with continued lines put together."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1].strip()) for line in text.splitlines() if line.strip()]


def arguments(path: Path, name: str) -> list[str]:
    return [given for instruction, given in instructions(path) if instruction == name]


@pytest.mark.parametrize("path", [LECTERN, MINIO], ids=lambda path: path.name)
def test_it_is_built_in_one_stage_and_runs_without_rights_in_another(path: Path) -> None:
    stages = arguments(path, "FROM")
    user = arguments(path, "USER")[-1]

    assert stages[0].endswith(" AS build")
    assert len(stages) == 2
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", user)
    assert arguments(path, "ADD") == []


def test_what_is_copied_in_is_there_and_not_left_out_of_the_build() -> None:
    kept = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {
        source
        for given in arguments(LECTERN, "COPY")
        if not given.startswith("--from")
        for source in given.split()[:-1]
    }

    assert copied == kept
    assert [source for source in copied if not (CHECKOUT / source).exists()] == []


def test_it_starts_lectern_with_settings_that_exist() -> None:
    (entry,), (command,) = arguments(LECTERN, "ENTRYPOINT"), arguments(LECTERN, "CMD")[-1:]

    assert entry == '["lectern"]'
    assert parsed(re.findall(r'"(.*?)"', command))[0] == "serve"
    assert image_environment().keys() <= existing_settings()
    assert image_environment()["LECTERN_PORT"] == str(PORT)
    assert arguments(LECTERN, "EXPOSE") == [str(PORT)]


def test_kubernetes_runs_the_images_as_the_users_that_own_their_folders() -> None:
    resources = built("dev")
    (lectern,), (minio,) = arguments(LECTERN, "USER"), arguments(MINIO, "USER")

    for workloads, user in (
        (of_kind(resources, "Deployment", "Job"), lectern),
        ({"minio": of_kind(resources, "StatefulSet")["minio"]}, minio),
    ):
        for workload in workloads.values():
            context = workload["spec"]["template"]["spec"]["securityContext"]
            assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
