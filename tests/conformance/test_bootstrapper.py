"""The bootstrapper, with a small real issuer behind it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.gateway.auth.oidc import OpenIdConnect
from services.gateway.context import Rules
from shared.core.containers import ROOT_ID
from shared.core.permissions import Role
from shared.core.tokens import Claims, Resource, expiry
from tests.builders import Clock
from tests.conformance.trees import Place, file_place
from tests.hosts import Answer, Host, named, running_host
from tests.issuer import AUDIENCE, Issuer

LIFETIME = timedelta(hours=10)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer.running(Clock()) as running:
        yield running


@pytest.fixture
async def host(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Host]:
    """A host that trusts the issuer, and lets new users of it edit."""
    rules = Rules(oidc_new_user_role=Role.EDITOR, oidc_provider_id="tp_lectern", token_lifetime=LIFETIME)
    async with (
        OpenIdConnect(issuer.url, AUDIENCE, issuer.now) as oidc,
        running_host(tmp_path / "data", rules=rules, clock=issuer.now, oidc=oidc) as running,
    ):
        yield running


async def bootstrapped(
    host: Host, token: str, operation: str | None = None, method: str | None = None, **headers: str
) -> Answer:
    """A call of the bootstrapper: a GET, or a POST with an operation."""
    all_headers = named(headers) | {"Authorization": f"Bearer {token}"}
    if operation is not None:
        all_headers["X-WOPI-EcosystemOperation"] = operation
    return await host.request(method or ("POST" if operation else "GET"), "/wopibootstrapper", all_headers)


def new_access_token(host: Host, answer: Answer) -> tuple[str, Claims]:
    """The token in an answer of GetNewAccessToken, and what it says."""
    info = answer.json["AccessTokenInfo"]
    claims = host.gateway.tokens.read(info["AccessToken"], host.clock())
    assert claims is not None
    assert claims.expires_at_ms == info["AccessTokenExpiry"]
    return info["AccessToken"], claims


# --- who may come in


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer:", "Basic YTpi", "Bearer nonsense", "Bearer a b", "e30.e30.e30"],
)
async def test_without_a_good_token_the_client_is_told_where_to_sign_in(
    host: Host, issuer: Issuer, method: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await host.request(method, "/wopibootstrapper", headers)

    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == [
        f'Bearer authorization_uri="{issuer.url}/authorize",tokenIssuance_uri="{issuer.url}/token",'
        'providerId="tp_lectern"'
    ]


async def test_an_expired_token_is_401_with_the_same_challenge(host: Host, issuer: Issuer) -> None:
    token = issuer.token()
    host.clock.move(timedelta(hours=1))

    answer = await bootstrapped(host, token)

    assert answer.status == 401
    assert "authorization_uri=" in answer.headers["WWW-Authenticate"]
    assert "expired" in answer.headers["X-WOPI-ServerError"]


async def test_an_access_token_of_the_host_itself_is_no_sign_in(host: Host) -> None:
    await host.user()
    token = host.token("", resource=Resource.ECOSYSTEM)

    assert (await bootstrapped(host, token)).status == 401
    assert (await host.request("GET", f"/wopibootstrapper?access_token={token}")).status == 401


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer: ", "Bearer:", "bearer:  "])
async def test_the_scheme_comes_in_every_letter_case_and_with_or_without_a_colon(
    host: Host, issuer: Issuer, scheme: str
) -> None:
    answer = await host.request("GET", "/wopibootstrapper", {"Authorization": scheme + issuer.token()})

    assert answer.status == 200


async def test_what_would_end_a_quoted_parameter_early_is_escaped(host: Host, issuer: Issuer) -> None:
    issuer.document_more = {"authorization_endpoint": f'{issuer.url}/a"b,c="d\\é'}

    challenge = (await host.request("GET", "/wopibootstrapper")).headers["WWW-Authenticate"]

    assert re.fullmatch(r'Bearer authorization_uri="[^"\\]+",tokenIssuance_uri="[^"]+",providerId="[^"]+"', challenge)
    assert challenge.isascii()


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer e30.e30.e30"}])
async def test_while_the_issuer_is_away_and_unknown_it_is_503(
    host: Host, issuer: Issuer, authorization: dict[str, str]
) -> None:
    await issuer.stop()

    answer = await host.request("GET", "/wopibootstrapper", authorization)

    assert answer.status == 503
    assert answer.headers["X-WOPI-ServerError"]


async def test_a_known_issuer_that_is_away_keeps_nobody_out(host: Host, issuer: Issuer) -> None:
    assert (await bootstrapped(host, issuer.token())).status == 200
    await issuer.stop()

    assert (await bootstrapped(host, issuer.token())).status == 200
    assert (await host.request("GET", "/wopibootstrapper")).status == 401


async def test_a_host_without_an_identity_provider_says_so(tmp_path: Path) -> None:
    async with running_host(tmp_path / "alone") as host:
        answer = await bootstrapped(host, "token")

    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == ["Bearer"]
    assert "no identity provider" in answer.headers["X-WOPI-ServerError"]


# --- Bootstrap


@pytest.mark.parametrize(
    ("method", "operation"), [("GET", None), ("POST", None), ("POST", "NO_SUCH_THING"), ("GET", "GET_ROOT_CONTAINER")]
)
async def test_bootstrap_says_who_signed_in_and_where_the_ecosystem_is(
    host: Host, issuer: Issuer, method: str, operation: str | None
) -> None:
    answer = await bootstrapped(host, issuer.token(), operation, method, X_WOPI_SessionContext="any")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    bootstrap = answer.json["Bootstrap"]
    assert answer.json == {
        "Bootstrap": {
            "EcosystemUrl": bootstrap["EcosystemUrl"],
            "UserId": bootstrap["UserId"],
            "SignInName": "ada@example.com",
            "UserFriendlyName": "Ada Lovelace",
        }
    }
    ecosystem = Place(host, bootstrap["EcosystemUrl"])
    assert ecosystem.wopi_src == f"{host.url}/wopi/ecosystem"
    assert (await ecosystem.get()).json == {"SupportsContainers": True}
    assert ecosystem.claims.expires_at == expiry(host.clock(), LIFETIME)


async def test_the_user_is_the_one_of_check_file_info(host: Host, issuer: Issuer) -> None:
    file_id = await host.file()
    bootstrap = (await bootstrapped(host, issuer.token())).json["Bootstrap"]

    info = (await file_place(host, file_id, bootstrap["UserId"]).get()).json

    assert (info["UserId"], info["UserFriendlyName"]) == (bootstrap["UserId"], bootstrap["UserFriendlyName"])
    assert re.fullmatch("[A-Za-z0-9]+", info["UserId"])


async def test_a_user_is_told_apart_by_subject_and_keeps_what_they_have_when_names_change(
    host: Host, issuer: Issuer
) -> None:
    first = (await bootstrapped(host, issuer.token())).json["Bootstrap"]
    await host.grant_container(ROOT_ID, first["UserId"], Role.VIEWER)

    renamed = (await bootstrapped(host, issuer.token(name="Ada King", preferred_username="king"))).json["Bootstrap"]
    untold = (await bootstrapped(host, issuer.token(name=None, preferred_username=None))).json["Bootstrap"]
    other = (await bootstrapped(host, issuer.token(sub="someone-else"))).json["Bootstrap"]

    assert (renamed["UserId"], renamed["SignInName"], renamed["UserFriendlyName"]) == (
        first["UserId"],
        "king",
        "Ada King",
    )
    assert (untold["UserId"], untold["SignInName"]) == (first["UserId"], "king")
    assert other["UserId"] != first["UserId"]


async def test_a_user_of_whom_only_the_subject_is_told_signs_in_under_it(host: Host, issuer: Issuer) -> None:
    token = issuer.token(name=None, preferred_username=None)

    bootstrap = (await bootstrapped(host, token)).json["Bootstrap"]

    assert (bootstrap["SignInName"], bootstrap["UserFriendlyName"]) == ("4711-ada", "4711-ada")


async def test_a_subject_that_is_no_name_is_shown_as_the_users_id(host: Host, issuer: Issuer) -> None:
    token = issuer.token(sub="a\x07b", name=None, preferred_username=None)

    bootstrap = (await bootstrapped(host, token)).json["Bootstrap"]

    assert bootstrap["SignInName"] == bootstrap["UserFriendlyName"] == bootstrap["UserId"]


async def test_nobody_becomes_the_operator_by_what_an_issuer_says(host: Host, issuer: Issuer) -> None:
    bootstrap = (await bootstrapped(host, issuer.token(sub="operator"))).json["Bootstrap"]

    assert bootstrap["UserId"] != "operator"


# --- GetNewAccessToken


@pytest.mark.parametrize("query", ["", "?access_token=old&access_token_ttl=1"])
@pytest.mark.parametrize("resource", [Resource.FILE, Resource.CONTAINER])
async def test_a_new_token_is_for_the_resource_and_has_the_whole_lifetime(
    host: Host, issuer: Issuer, resource: Resource, query: str
) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    source = f"/wopi/files/{file_id}" if resource is Resource.FILE else f"/wopi/containers/{folder}"

    answer = await bootstrapped(host, issuer.token(), "GET_NEW_ACCESS_TOKEN", X_WOPI_WopiSrc=host.url + source + query)

    assert set(answer.json) == {"Bootstrap", "AccessTokenInfo"}
    token, claims = new_access_token(host, answer)
    assert (claims.resource, claims.user_id) == (resource, answer.json["Bootstrap"]["UserId"])
    assert claims.expires_at == expiry(host.clock(), LIFETIME)
    assert (await host.request("GET", f"{source}?access_token={token}")).status == 200


@pytest.mark.parametrize(
    "wopi_src",
    [
        None,
        "",
        "nonsense",
        "{url}/wopi/files/nowhere",
        "{url}/wopi/ecosystem",
        "https://elsewhere.example/wopi/files/{file_id}",
    ],
)
async def test_a_new_token_for_what_isnt_there_is_404(host: Host, issuer: Issuer, wopi_src: str | None) -> None:
    file_id = await host.file()
    headers = {} if wopi_src is None else {"X_WOPI_WopiSrc": wopi_src.format(url=host.url, file_id=file_id)}

    assert (await bootstrapped(host, issuer.token(), "GET_NEW_ACCESS_TOKEN", **headers)).status == 404


async def test_a_new_token_for_what_the_user_may_not_see_is_404(host: Host, issuer: Issuer) -> None:
    file_id = await host.file()
    user_id = (await bootstrapped(host, issuer.token())).json["Bootstrap"]["UserId"]
    await host.grant(file_id, user_id, Role.NONE)

    answer = await bootstrapped(
        host, issuer.token(), "GET_NEW_ACCESS_TOKEN", X_WOPI_WopiSrc=f"{host.url}/wopi/files/{file_id}"
    )

    assert answer.status == 404


# --- the shortcuts


async def test_the_root_container_shortcut_says_what_get_root_container_says(host: Host, issuer: Issuer) -> None:
    answer = await bootstrapped(host, issuer.token(), "GET_ROOT_CONTAINER")

    assert set(answer.json) == {"Bootstrap", "RootContainerInfo"}
    shortcut = answer.json["RootContainerInfo"]
    long_way = (await Place(host, answer.json["Bootstrap"]["EcosystemUrl"]).get("/root_container_pointer")).json
    assert shortcut == long_way
    assert (await Place(host, shortcut["ContainerPointer"]["Url"]).get("/children")).status == 200


async def test_the_root_container_shortcut_is_404_for_a_user_who_may_not_see_it(host: Host, issuer: Issuer) -> None:
    user_id = (await bootstrapped(host, issuer.token())).json["Bootstrap"]["UserId"]
    await host.grant_container(ROOT_ID, user_id, Role.NONE)

    assert (await bootstrapped(host, issuer.token(), "GET_ROOT_CONTAINER")).status == 404


async def test_the_wopi_src_shortcut_understands_pages_of_the_host(host: Host, issuer: Issuer) -> None:
    file_id = await host.file()

    answer = await bootstrapped(
        host,
        issuer.token(),
        "GET_WOPI_SRC_WITH_ACCESS_TOKEN",
        X_WOPI_HostNativeFileName=f"{host.url}/open/{file_id}?action=edit",
    )

    assert set(answer.json) == {"Bootstrap", "WopiSrcInfo"}
    found = Place(host, answer.json["WopiSrcInfo"]["Url"])
    assert found.wopi_src == f"{host.url}/wopi/files/{file_id}"
    assert found.expires_at_ms == found.claims.expires_at_ms
    assert (await found.get()).status == 200


async def test_the_wopi_src_shortcut_is_404_for_another_hosts_pages(host: Host, issuer: Issuer) -> None:
    answer = await bootstrapped(
        host,
        issuer.token(),
        "GET_WOPI_SRC_WITH_ACCESS_TOKEN",
        X_WOPI_HostNativeFileName="https://elsewhere.example/open/1",
    )

    assert answer.status == 404


async def test_a_phone_goes_from_sign_in_to_a_saved_document(host: Host, issuer: Issuer) -> None:
    """Spec: native clients > Flows."""
    start = (await bootstrapped(host, issuer.token(), "GET_ROOT_CONTAINER")).json
    root = Place(host, start["RootContainerInfo"]["ContainerPointer"]["Url"])
    folder = root.to(
        (await root.post("CREATE_CHILD_CONTAINER", X_WOPI_SuggestedTarget="Phone")).json["ContainerPointer"]["Url"]
    )

    made = root.to((await folder.post("CREATE_CHILD_FILE", X_WOPI_SuggestedTarget="Note.docx")).json["Url"])
    assert (await made.post("GET_LOCK")).lock == ""
    assert (await made.post("LOCK", X_WOPI_Lock="phone")).status == 200
    assert (await made.post("PUT", "/contents", b"written", X_WOPI_Lock="phone")).status == 200
    assert (await made.post("UNLOCK", X_WOPI_Lock="phone")).status == 200

    (child,) = (await folder.get("/children", X_WOPI_FileExtensionFilterList=".docx")).json["ChildFiles"]
    assert (child["Name"], child["Size"]) == ("Note.docx", 7)
    host.clock.move(LIFETIME)
    assert (await made.get()).status == 401
    renewed = await bootstrapped(host, issuer.token(), "GET_NEW_ACCESS_TOKEN", X_WOPI_WopiSrc=made.wopi_src)
    token, _ = new_access_token(host, renewed)
    assert (await root.to(f"{made.wopi_src}?access_token={token}").get("/contents")).body == b"written"
