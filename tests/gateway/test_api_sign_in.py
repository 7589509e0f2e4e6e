"""Who may call the API, and in whose name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.gateway.auth.oidc import OpenIdConnect
from services.gateway.context import Rules
from shared.core.permissions import Role
from tests.builders import Clock
from tests.gateway.apis import Api, problem_of
from tests.hosts import API_KEY, Host, running_host
from tests.issuer import AUDIENCE, Issuer


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def test_the_key_is_the_operators(api: Api) -> None:
    me = (await api.get("/me")).json

    assert me == {
        "id": "operator",
        "name": "operator",
        "friendly_name": "Operator",
        "base_role": "owner",
        "is_edu": False,
        "is_business": False,
        "is_operator": True,
    }


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        ({}, 'Bearer realm="lectern"'),
        ({"Authorization": "Basic b3A6b3A="}, 'Bearer realm="lectern"'),
        ({"Authorization": f"Bearer {API_KEY}x"}, 'Bearer realm="lectern", error="invalid_token"'),
        ({"Authorization": f"Bearer {API_KEY[:-1]}"}, 'Bearer realm="lectern", error="invalid_token"'),
        ({"Authorization": "Bearer schlüssel"}, 'Bearer realm="lectern", error="invalid_token"'),
        ({"Authorization": "Bearer a.b.c"}, 'Bearer realm="lectern", error="invalid_token"'),
    ],
    ids=["nothing", "another scheme", "one letter more", "one letter less", "no ASCII", "like a token"],
)
async def test_without_a_good_key_nobody_gets_anywhere(
    host: Host, authorization: dict[str, str], challenge: str
) -> None:
    answer = await Api(host, key=None).call("GET", "/containers/root", headers=authorization)

    assert problem_of(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == challenge


async def test_every_operation_needs_a_key(host: Host) -> None:
    api = Api(host, key=None)
    for path, operations in (await api.document())["paths"].items():
        for method in operations:
            answer = await api.call(method.upper(), path.replace("{", "").replace("}", ""), body=b"{}")
            assert answer.status == 401, (method, path)


async def test_a_name_that_is_used_for_the_first_time_becomes_known_with_the_role_for_new_users(api: Api) -> None:
    me = (await api.as_user("Jörg Müller").get("/me")).json

    assert (me["name"], me["base_role"], me["is_operator"]) == ("Jörg Müller", "editor", False)
    assert (await api.get(f"/users/{me['id']}")).json == me


async def test_the_role_for_new_users_is_a_rule(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data", rules=Rules(new_user_role=Role.VIEWER)) as host:
        assert (await Api(host, "bob").get("/me")).json["base_role"] == "viewer"


async def test_the_operator_may_be_named(api: Api) -> None:
    assert (await api.as_user("operator").get("/me")).json["is_operator"]


@pytest.mark.parametrize("name", ["a\tb", "x" * 257, "\u202eevil"])
async def test_what_cant_be_a_name_is_refused(api: Api, name: str) -> None:
    assert problem_of(await api.as_user(name).get("/me")) == (400, "bad-request")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/drafts"), ("GET", "/locks"), ("GET", "/saves"), ("GET", "/events"), ("PUT", "/users/carl")],
)
async def test_what_is_the_operators_isnt_there_for_others(api: Api, method: str, path: str) -> None:
    assert problem_of(await api.as_user("bob").call(method, path)) == (404, "not-found")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    clock = Clock()
    async with Issuer.running(clock) as running:
        yield running


@pytest.fixture
async def open_host(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Host]:
    """A host whose users come from the issuer as well."""
    async with OpenIdConnect(issuer.url, AUDIENCE, issuer.now) as oidc, running_host(tmp_path / "d", oidc=oidc) as host:
        yield host


async def test_users_of_the_identity_provider_come_with_their_token(open_host: Host, issuer: Issuer) -> None:
    me = (await Api(open_host, key=issuer.token()).get("/me")).json

    assert (me["name"], me["friendly_name"], me["base_role"]) == ("ada@example.com", "Ada Lovelace", "none")


async def test_users_of_the_identity_provider_see_what_they_are_granted(open_host: Host, issuer: Issuer) -> None:
    ada, operator = Api(open_host, key=issuer.token()), Api(open_host)
    me = (await ada.get("/me")).json
    file_id = await open_host.file()
    assert (await ada.get(f"/files/{file_id}")).status == 404

    await operator.call("PUT", f"/files/{file_id}/grants/{me['id']}", {"role": "viewer"})

    seen = (await ada.get(f"/files/{file_id}")).json
    assert (seen["role"], seen["path"]) == ("viewer", "/Report.docx")


async def test_users_of_the_identity_provider_cant_act_for_others(open_host: Host, issuer: Issuer) -> None:
    answer = await Api(open_host, "operator", issuer.token()).get("/me")

    assert problem_of(answer) == (401, "unauthorized")


async def test_a_token_that_has_expired_is_refused(open_host: Host, issuer: Issuer) -> None:
    assert problem_of(await Api(open_host, key=issuer.token(exp=1)).get("/me")) == (401, "unauthorized")


async def test_while_the_identity_provider_is_away_the_operator_gets_in(open_host: Host, issuer: Issuer) -> None:
    token = issuer.token()
    await issuer.stop()

    assert problem_of(await Api(open_host, key=token).get("/me")) == (503, "unavailable")
    assert (await Api(open_host).get("/me")).status == 200
