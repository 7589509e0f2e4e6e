"""The manifests are what Kubernetes takes, and say of Lectern what its code says."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft7Validator

from services.gateway.app import make_app
from services.gateway.context import Gateway
from services.listening import SHUTDOWN_SECONDS
from shared.adapters.distributed.kafka_topics import Topics
from shared.messages.commands import Service
from shared.service.health import PATIENCE
from tests.deploy.parts import (
    PARTS,
    PORT,
    documented_settings,
    existing_settings,
    image_environment,
    parsed,
    settings_in,
)
from tests.deploy.tools import OVERLAYS, built, of_kind

SCHEMAS = Path(__file__).with_name("schemas")
OWN_SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")}
OLDEST, NEWEST = "1.30", "1.37"
SECRETS = {
    "LECTERN_TOKEN_SECRET": "s" * 32,
    "LECTERN_API_KEY": "k" * 16,
    "LECTERN_MONGO_URL": "mongodb://lectern:pass@mongo:27017/lectern?authSource=admin",
    "LECTERN_S3_ACCESS_KEY": "access",
    "LECTERN_S3_SECRET_KEY": "secret",
}

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def workloads(overlay: str) -> dict[str, dict[str, Any]]:
    return of_kind(built(overlay), "Deployment", "StatefulSet", "Job")


def own(overlay: str) -> dict[str, dict[str, Any]]:
    """What runs Lectern's image."""
    return of_kind(built(overlay), "Deployment", "Job")


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(workload)["containers"]
    return dict(container)


def environment_of(workload: dict[str, Any], overlay: str) -> dict[str, str]:
    """All variables of a container, with the secrets made up."""
    container = container_of(workload)
    maps = of_kind(built(overlay), "ConfigMap")
    given = dict(image_environment())
    for source in container.get("envFrom", []):
        given |= maps[source["configMapRef"]["name"]]["data"]
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["name"] == "lectern-secrets"
        if not reference.get("optional"):
            given[variable["name"]] = SECRETS[reference["key"]]
    return given


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_one_that_kubernetes_or_an_operator_takes(overlay: str, version: str) -> None:
    for resource in built(overlay):
        schema = OWN_SCHEMAS.get(resource["kind"])
        if schema is not None:
            Draft7Validator(schema).validate(resource)
        else:
            kubernetes_validate.validate(resource, version, strict=True)


def test_every_resource_has_the_namespace(overlay: str) -> None:
    (namespace,) = of_kind(built(overlay), "Namespace")

    places = {one["metadata"].get("namespace") for one in built(overlay) if one["kind"] != "Namespace"}

    assert places == {namespace}


def test_there_is_a_deployment_for_each_part_and_a_job_for_the_topics(overlay: str) -> None:
    assert set(PARTS) == {"gateway", *Service}
    assert set(own(overlay)) == {*(f"lectern-{part}" for part in PARTS), "lectern-topics"}


def test_each_runs_its_own_command_on_the_port_that_is_asked(overlay: str) -> None:
    for name, workload in own(overlay).items():
        command, options = parsed(container_of(workload)["args"])

        assert f"lectern-{command}" == name
        if workload["kind"] == "Deployment":
            assert options["port"] == PORT
            assert container_of(workload)["ports"] == [{"name": "http", "containerPort": PORT}]


def test_each_part_can_start_with_the_settings_that_it_gets(
    overlay: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for workload in own(overlay).values():
        settings = settings_in(environment_of(workload, overlay), monkeypatch, tmp_path)

        assert settings.public_url is not None
        assert settings.host == "0.0.0.0"  # noqa: S104 - in a container


def test_every_setting_that_is_named_exists_and_is_documented(overlay: str) -> None:
    maps = of_kind(built(overlay), "ConfigMap")
    settings = chain.from_iterable(one["data"] for name, one in maps.items() if name.startswith("lectern-settings"))
    references = chain.from_iterable(container_of(workload)["env"] for workload in own(overlay).values())

    named = {*settings, *(one["name"] for one in references)}

    assert named <= existing_settings()
    assert named <= documented_settings()


def test_no_secret_has_its_value_in_a_manifest(overlay: str) -> None:
    for workload in workloads(overlay).values():
        for variable in container_of(workload)["env"]:
            is_secret = any(
                word in variable["name"] for word in ("SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY", "MONGO_URL")
            )
            assert ("valueFrom" in variable) >= is_secret, variable["name"]
    assert of_kind(built(overlay), "Secret") == {}


def test_probes_ask_for_what_every_part_serves(overlay: str) -> None:
    for name, workload in of_kind(built(overlay), "Deployment").items():
        container = container_of(workload)
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}

        assert {probe["port"] for probe in probes.values()} == {"http"}
        # Kafka's absence makes no gateway useless, and all would be taken out at once.
        ready = ("/readyz", "/healthz") if name == "lectern-gateway" else ("/healthz", "/readyz")
        assert (probes["startup"]["path"], probes["readiness"]["path"]) == ready
        assert probes["liveness"]["path"] == "/healthz"
        for kind in ("startup", "readiness"):
            assert container[f"{kind}Probe"]["timeoutSeconds"] > PATIENCE.total_seconds()


def test_pods_have_no_rights_and_write_nowhere(overlay: str) -> None:
    for name, workload in workloads(overlay).items():
        pod, container = pod_of(workload), container_of(workload)
        context, own_context = pod["securityContext"], container["securityContext"]

        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] != 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own_context["allowPrivilegeEscalation"] is False
        assert own_context["capabilities"] == {"drop": ["ALL"]}
        assert pod["automountServiceAccountToken"] is False
        if name in own(overlay):
            assert own_context["readOnlyRootFilesystem"] is True
            assert context["runAsUser"] == 10001


def test_no_variable_comes_from_the_names_of_services(overlay: str) -> None:
    # LECTERN_GATEWAY_PORT=tcp://... or KAFKA_PORT=tcp://... would be taken for settings.
    assert {pod_of(workload)["enableServiceLinks"] for workload in workloads(overlay).values()} == {False}


def test_every_container_says_what_it_needs_and_what_it_may_take(overlay: str) -> None:
    for workload in workloads(overlay).values():
        resources = container_of(workload)["resources"]
        assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}


def test_requests_in_hand_may_finish(overlay: str) -> None:
    for workload in of_kind(built(overlay), "Deployment").values():
        before = container_of(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod_of(workload)["terminationGracePeriodSeconds"] >= SHUTDOWN_SECONDS + before + 10


def test_replicas_are_spread_and_are_never_all_evicted(overlay: str) -> None:
    budgets = of_kind(built(overlay), "PodDisruptionBudget")
    for name, workload in of_kind(built(overlay), "Deployment").items():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        spread = pod_of(workload)["topologySpreadConstraints"]

        assert workload["spec"]["selector"]["matchLabels"] == labels
        assert budgets[name]["spec"]["selector"]["matchLabels"] == labels
        assert {one["topologyKey"] for one in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(one["labelSelector"]["matchLabels"].items() <= labels.items() for one in spread)


def test_who_scales_by_load_is_not_overruled_by_a_number_of_replicas(overlay: str) -> None:
    scaled = of_kind(built(overlay), "HorizontalPodAutoscaler", "ScaledObject")
    deployments = of_kind(built(overlay), "Deployment")

    assert {one["spec"]["scaleTargetRef"]["name"] for one in scaled.values()} in (set(), set(deployments))
    assert [name for name, one in deployments.items() if "replicas" in one["spec"]] == []


def test_services_scale_by_the_lag_of_their_own_group(overlay: str) -> None:
    for name, scaled in of_kind(built(overlay), "ScaledObject").items():
        service, topics = Service(name.removeprefix("lectern-")), Topics()
        (trigger,) = scaled["spec"]["triggers"]
        metadata = trigger["metadata"]
        environment = environment_of(of_kind(built(overlay), "Deployment")[name], overlay)

        assert metadata["topic"] == topics.commands(service)
        assert metadata["consumerGroup"] == topics.group(service)
        assert metadata["bootstrapServersFromEnv"] in environment
        assert scaled["spec"]["minReplicaCount"] >= 1
        assert scaled["spec"]["maxReplicaCount"] <= topics.command_partitions


def test_the_gateway_scales_by_its_cpu(overlay: str) -> None:
    for scaler in of_kind(built(overlay), "HorizontalPodAutoscaler").values():
        (metric,) = scaler["spec"]["metrics"]
        assert scaler["spec"]["scaleTargetRef"]["name"] == "lectern-gateway"
        assert (metric["type"], metric["resource"]["name"]) == ("Resource", "cpu")
        assert scaler["spec"]["maxReplicas"] <= Topics().reply_partitions


def test_the_service_leads_to_the_gateways(overlay: str) -> None:
    service = of_kind(built(overlay), "Service")["lectern-gateway"]
    labels = of_kind(built(overlay), "Deployment")["lectern-gateway"]["spec"]["template"]["metadata"]["labels"]

    assert service["spec"]["selector"] == labels
    assert [one["targetPort"] for one in service["spec"]["ports"]] == ["http"]


def test_the_ingress_passes_on_all_that_is_for_the_outside_and_nothing_else(overlay: str, gateway: Gateway) -> None:
    routes = make_app(gateway).router.routes()
    paths = {one.resource.canonical.removesuffix("{rest}") or "/" for one in routes if one.resource is not None}
    inside = {"/healthz", "/readyz", "/metrics"}
    for ingress in of_kind(built(overlay), "Ingress").values():
        (rule,) = ingress["spec"]["rules"]
        offered = rule["http"]["paths"]

        assert {path for path in paths if any(_leads(one, path) for one in offered)} == paths - inside
        assert {one["backend"]["service"]["name"] for one in offered} == {"lectern-gateway"}


def _leads(offer: dict[str, Any], path: str) -> bool:
    if offer["pathType"] == "Exact":
        return bool(path == offer["path"])
    return path == offer["path"] or bool(path.startswith(f"{offer['path']}/"))


def test_policies_let_out_to_each_server_and_in_only_to_the_port_that_is_served(overlay: str) -> None:
    policies = of_kind(built(overlay), "NetworkPolicy")
    mine = [one["spec"] for one in policies.values() if _is_of_lectern(one)]
    inward = [port for one in mine for rule in one.get("ingress", []) for port in rule["ports"]]
    outward = {port["port"] for one in mine for rule in one.get("egress", []) for port in rule["ports"]}

    assert {"Ingress", "Egress"} <= set(policies["lectern"]["spec"]["policyTypes"])
    assert "ingress" not in policies["lectern"]["spec"]
    assert {port["port"] for port in inward} == {"http"}
    assert outward == {53, 443, *_ports_of_servers(overlay)}


def _is_of_lectern(policy: dict[str, Any]) -> bool:
    return bool(policy["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/name") == "lectern")


def _ports_of_servers(overlay: str) -> set[int]:
    environment = environment_of(own(overlay)["lectern-gateway"], overlay)
    addresses = [environment["LECTERN_KAFKA_BOOTSTRAP"], environment["LECTERN_S3_ENDPOINT"], "mongo:27017"]
    return {int(address.rsplit(":", 1)[1]) for address in addresses}
