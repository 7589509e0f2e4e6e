"""Native clients that sign in with a real Keycloak, against a real host."""

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.system import keycloak
from tests.system.keycloak import REALM, CannotRun, Keycloak
from tests.system.processes import Serving, serve, wait_until

AUDIENCE: Final = "lectern"
PASSWORD: Final = secrets.token_urlsafe(12)
FOR_LECTERN: Final = {
    "name": "for lectern",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.custom.audience": AUDIENCE, "access.token.claim": "true"},
}
PEOPLE: Final = {
    "realm": REALM,
    "enabled": True,
    "clients": [
        {
            "clientId": "office",
            "publicClient": True,
            "directAccessGrantsEnabled": True,
            "protocolMappers": [FOR_LECTERN],
        },
        {"clientId": "other", "publicClient": True, "directAccessGrantsEnabled": True},
    ],
    "users": [
        {
            "username": "ada",
            "enabled": True,
            "email": "ada@example.com",
            "emailVerified": True,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
    ],
}


@dataclass(frozen=True)
class Answer:
    """A response of the host."""

    status: int
    headers: Mapping[str, str]
    json: Any


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """Keycloak with a realm, two clients and Ada."""
    try:
        with keycloak.running(tmp_path_factory.mktemp("keycloak"), secrets.token_urlsafe(16)) as server:
            server.administer("", PEOPLE)
            yield server
    except CannotRun as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(f"signing in with Keycloak was not tried: {reason}")


@pytest.fixture(scope="session")
def host(issuer: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A host that trusts Keycloak; whoever comes from there sees nothing until they are granted it."""
    running = serve(
        tmp_path_factory.mktemp("host") / "data", LECTERN_OIDC_ISSUER=issuer.issuer, LECTERN_OIDC_AUDIENCE=AUDIENCE
    )
    yield running
    running.stop()


def ada(issuer: Keycloak, client: str = "office") -> Mapping[str, Any]:
    """Ada's tokens, fresh from Keycloak."""
    return issuer.sign_in(REALM, client, "ada", PASSWORD)


def asked(url: str, token: str | None = None, operation: str | None = None) -> Answer:
    """Ask the host: a POST if there is an operation."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if operation is not None:
        headers["X-WOPI-EcosystemOperation"] = operation
    method = "GET" if operation is None else "POST"
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own server
            return Answer(response.status, response.headers, json.loads(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, None)


def bootstrapped(host: Serving, token: str | None = None, operation: str | None = None) -> Answer:
    """Ask the bootstrapper."""
    return asked(f"{host.url}/wopibootstrapper", token, operation)


def test_who_comes_without_a_token_is_sent_to_keycloak(issuer: Keycloak, host: Serving) -> None:
    endpoints = issuer.endpoints()

    answer = bootstrapped(host)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization_uri="{endpoints["authorization_endpoint"]}",'
        f'tokenIssuance_uri="{endpoints["token_endpoint"]}"'
    )


def test_a_token_of_keycloak_opens_the_ecosystem_under_the_users_names(issuer: Keycloak, host: Serving) -> None:
    answer = bootstrapped(host, ada(issuer)["access_token"])

    assert answer.status == 200
    bootstrap = answer.json["Bootstrap"]
    assert (bootstrap["SignInName"], bootstrap["UserFriendlyName"]) == ("ada", "Ada Lovelace")
    assert asked(bootstrap["EcosystemUrl"]).json == {"SupportsContainers": True}


def test_the_hosts_own_api_knows_the_same_user(issuer: Keycloak, host: Serving) -> None:
    token = ada(issuer)["access_token"]

    user_id = bootstrapped(host, token).json["Bootstrap"]["UserId"]

    assert asked(f"{host.url}/api/v1/me", token).json["id"] == user_id


def test_a_newcomer_sees_the_root_from_the_moment_on_that_it_is_granted(issuer: Keycloak, host: Serving) -> None:
    token = ada(issuer)["access_token"]
    user_id = bootstrapped(host, token).json["Bootstrap"]["UserId"]
    before = bootstrapped(host, token, "GET_ROOT_CONTAINER")

    host.said("grant", "/", user_id, "viewer")

    after = bootstrapped(host, token, "GET_ROOT_CONTAINER")
    assert (before.status, after.status) == (404, 200)
    assert asked(after.json["RootContainerInfo"]["ContainerPointer"]["Url"]).status == 200


@pytest.mark.parametrize(("client", "kind"), [("other", "access_token"), ("office", "refresh_token")])
def test_a_token_that_is_meant_for_another_is_refused(issuer: Keycloak, host: Serving, client: str, kind: str) -> None:
    assert bootstrapped(host, ada(issuer, client)[kind]).status == 401


def test_when_keycloak_rotates_its_key_nobody_has_to_restart_anything(issuer: Keycloak, host: Serving) -> None:
    assert bootstrapped(host, ada(issuer)["access_token"]).status == 200
    config = {"priority": ["200"], "algorithm": ["RS256"]}
    issuer.administer(
        f"/{REALM}/components",
        {
            "name": "next",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": config,
        },
    )

    token = ada(issuer)["access_token"]

    # The host leaves a few seconds between two reads of the issuer's keys.
    wait_until(lambda: bootstrapped(host, token).status == 200)
