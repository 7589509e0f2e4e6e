"""Proof keys over HTTP: who is let in, who isn't, and what happens when keys rotate.

Spec: tokens and proof keys > Verification, Validator's seven cases, Test vectors.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from services.gateway.auth.discovery import PAUSE
from services.gateway.auth.proof import SentProof, accepted
from services.gateway.context import Rules
from shared.core.discovery import discovery_of
from shared.core.proof import MAX_AGE, Combination, ProofKeys, key_of_numbers, signed_bytes, ticks_of
from shared.core.tokens import Dialect
from tests.builders import NOON
from tests.discovery_server import GARBAGE, Publisher, discovery_document, publishing, signature
from tests.hosts import Answer, Host, running_host
from tests.proof_vectors import DISCOVERY, VECTORS, Vector

REQUIRED, IF_SENT, OFF = (Rules(proof_mode=mode) for mode in ("required", "if-sent", "off"))
BOTH_KEYS = discovery_document(current="current", old="old")


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with publishing(BOTH_KEYS) as running:
        yield running


@pytest.fixture
async def host(tmp_path: Path, publisher: Publisher) -> AsyncIterator[Host]:
    """A host that demands proofs of every client."""
    async with running_host(tmp_path / "data", rules=REQUIRED, discovery_urls={"": publisher.url}) as running:
        yield running


@dataclass
class SigningClient:
    """A WOPI client that signs what it sends."""

    host: Host
    file_id: str
    token: str
    public_url: str = ""
    """The address that the client knows the host by; "" for the one it's really at."""
    query: str = ""

    def target(self, token: str | None = None) -> str:
        return f"/wopi/files/{self.file_id}?access_token={token or self.token}{self.query}"

    def signed_url(self) -> str:
        return (self.public_url or self.host.url) + self.target()

    def sign(self, key: str, *, at: datetime | None = None, url: str | None = None, token: str | None = None) -> str:
        ticks = ticks_of(at or self.host.clock())
        return signature(key, url or self.signed_url(), token or self.token, ticks)

    async def send(
        self,
        proof: str | None,
        proof_old: str | None = None,
        *,
        at: datetime | None = None,
        method: str = "GET",
        target: str | None = None,
        **headers: str,
    ) -> Answer:
        all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers["X-WOPI-TimeStamp"] = str(ticks_of(at or self.host.clock()))
        signatures = {"X-WOPI-Proof": proof, "X-WOPI-ProofOld": proof_old}
        all_headers |= {name: value for name, value in signatures.items() if value is not None}
        return await self.host.request(method, target or self.target(), all_headers)


async def signing(host: Host, **more: object) -> SigningClient:
    file_id = await host.file()
    return SigningClient(host, file_id, host.token(file_id, **more))


# --- what is signed with which key


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_published_vectors(vector: Vector) -> None:
    current = key_of_numbers(DISCOVERY["modulus"], DISCOVERY["exponent"])
    old = key_of_numbers(DISCOVERY["oldmodulus"], DISCOVERY["oldexponent"])
    assert current is not None
    signatures = {
        "X-WOPI-Proof": base64.b64decode(vector.proof),
        "X-WOPI-ProofOld": base64.b64decode(vector.proof_old),
    }
    sent = SentProof(signatures, (signed_bytes(vector.token, vector.url, vector.ticks),))

    combination = accepted(ProofKeys(current, old), sent)

    assert (combination.name if combination else None) == vector.accepted_as


@pytest.mark.parametrize(
    ("proof", "proof_old", "age", "status"),
    [
        ("current", "old", timedelta(0), 200),
        ("current", None, timedelta(0), 200),
        (None, "current", timedelta(0), 200),
        ("old", None, timedelta(0), 200),
        (None, "old", timedelta(0), 500),
        (None, None, timedelta(0), 500),
        ("current", "old", timedelta(days=4000), 500),
    ],
    ids=[
        "current by current, old by old",
        "current by current, old garbage",
        "current garbage, old by current",
        "current by old, old garbage",
        "current garbage, old by old",
        "both garbage",
        "signed well, but long ago",
    ],
)
async def test_the_validators_seven_cases(
    host: Host, proof: str | None, proof_old: str | None, age: timedelta, status: int
) -> None:
    client = await signing(host)
    at = NOON - age

    answer = await client.send(
        client.sign(proof, at=at) if proof else GARBAGE, client.sign(proof_old, at=at) if proof_old else GARBAGE, at=at
    )

    assert answer.status == status
    assert ("X-WOPI-ServerError" in answer.headers) == (status == 500)


@pytest.mark.parametrize(
    ("offset", "status"),
    [
        (-MAX_AGE, 200),
        (-MAX_AGE - timedelta(microseconds=1), 500),
        (timedelta(minutes=5), 200),
        (timedelta(hours=1), 500),
    ],
)
async def test_a_proof_counts_for_a_while(host: Host, offset: timedelta, status: int) -> None:
    client = await signing(host)
    at = NOON + offset

    assert (await client.send(client.sign("current", at=at), at=at)).status == status


async def test_a_missing_old_signature_is_no_fault(host: Host) -> None:
    client = await signing(host)

    assert (await client.send(client.sign("current"))).status == 200


async def test_equal_signatures_are_no_fault(host: Host) -> None:
    client = await signing(host)

    assert (await client.send(client.sign("current"), client.sign("current"))).status == 200


@pytest.mark.parametrize("proof", [None, "", "not base64!", "AAAA", "=", "A" * 5000, "\u00e4"])
async def test_what_is_no_signature_is_refused(host: Host, proof: str | None) -> None:
    client = await signing(host)

    assert (await client.send(proof)).status == 500


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1.5", "9" * 40, "0", "635655897610773532"])
async def test_what_is_no_time_of_now_is_refused(host: Host, timestamp: str) -> None:
    client = await signing(host)
    headers = {"X-WOPI-Proof": client.sign("current"), "X-WOPI-TimeStamp": timestamp}

    assert (await host.request("GET", client.target(), headers)).status == 500


async def test_a_key_of_nobody_is_refused(host: Host) -> None:
    client = await signing(host)

    assert (await client.send(client.sign("a stranger's"), client.sign("a stranger's"))).status == 500


@pytest.mark.parametrize("changed", ["path", "query", "token", "time", "method stays out"])
async def test_a_proof_is_for_one_url_token_and_moment(host: Host, changed: str) -> None:
    client, other = await signing(host), await host.file("Other.docx")
    proof, at, target, method = client.sign("current"), NOON, client.target(), "GET"
    if changed == "path":
        token = host.token(other)
        target = f"/wopi/files/{other}?access_token={token}"
    elif changed == "query":
        target += "&permission=edit"
    elif changed == "token":
        target = client.target(host.token(client.file_id, "ann", may_write=False))
    elif changed == "time":
        at += timedelta(seconds=1)
    else:
        method = "HEAD"

    answer = await client.send(proof, at=at, target=target, method=method)

    assert answer.status == (200 if changed == "method stays out" else 500)


async def test_nothing_is_done_for_a_bad_proof(host: Host) -> None:
    client = await signing(host)

    answer = await client.send(GARBAGE, method="POST", X_WOPI_Override="LOCK", X_WOPI_Lock="A")

    assert answer.status == 500
    assert (await host.head(client.file_id)).lock is None


async def test_a_signed_request_is_done(host: Host) -> None:
    client = await signing(host)

    answer = await client.send(client.sign("current"), method="POST", X_WOPI_Override="LOCK", X_WOPI_Lock="A")

    assert answer.status == 200
    assert (await host.head(client.file_id)).lock is not None


async def test_a_bad_token_is_401_whatever_the_proof(host: Host) -> None:
    client = await signing(host)
    client.token = "INVALID"

    assert (await client.send(client.sign("current"))).status == 401
    assert (await host.request("GET", client.target())).status == 401


async def test_the_sentence_about_a_bad_proof_holds_no_secret(host: Host) -> None:
    client = await signing(host)

    answer = await client.send(GARBAGE)

    assert client.token not in answer.headers["X-WOPI-ServerError"]
    assert answer.body == b""


# --- what is signed: URL and token as clients write them


async def test_further_parameters_are_signed_as_they_stand(host: Host) -> None:
    client = await signing(host)
    client.query = "&access_token_ttl=0&permission=edit&x=%2f%C3%BC+a%20b&&=1"

    assert (await client.send(client.sign("current"))).status == 200


async def test_an_escaped_token_may_be_signed_as_it_is_or_decoded(host: Host) -> None:
    client = await signing(host)
    raw = f"%{ord(client.token[0]):02x}" + client.token[1:]
    target, url = client.target(raw), host.url + client.target(raw)

    for token in (raw, client.token):
        assert (await client.send(client.sign("current", url=url, token=token), target=target)).status == 200


@pytest.mark.parametrize("public_url", ["https://wopi.example.com", "https://example.com:8443/office"])
async def test_behind_a_proxy_the_public_url_is_what_counts(
    tmp_path: Path, publisher: Publisher, public_url: str
) -> None:
    async with running_host(
        tmp_path / "data", rules=REQUIRED, discovery_urls={"": publisher.url}, public_url=public_url
    ) as host:
        client = await signing(host)
        client.public_url = public_url
        proof = client.sign("current")
        inner = SigningClient(host, client.file_id, client.token)

        stripped = await client.send(proof, Host="inside:1234", X_Forwarded_Proto="http", X_Forwarded_Host="evil")
        kept = await client.send(proof, target="/office" + client.target()) if "office" in public_url else stripped
        by_inner_url = await client.send(inner.sign("current"))

    assert (stripped.status, kept.status, by_inner_url.status) == (200, 200, 500)


@pytest.mark.parametrize(
    ("networks", "forwarded", "status"),
    [
        ("127.0.0.0/8", {}, 200),
        ("10.0.0.0/8,127.0.0.1", {"X-Forwarded-Host": "evil.example, docs.example.com"}, 200),
        ("127.0.0.1", {"X-Forwarded-Host": "docs.example.com, inner:80"}, 500),
        ("127.0.0.1", {"X-Forwarded-Host": "docs.example.com:443"}, 200),
        ("", {}, 500),
        ("10.0.0.0/8", {}, 500),
        ("127.0.0.1", {"X-Forwarded-Host": "other.example.com"}, 500),
        ("127.0.0.1", {"X-Forwarded-Proto": "http"}, 500),
        ("127.0.0.1", {"X-Forwarded-Proto": "gopher"}, 500),
        ("127.0.0.1", {"X-Forwarded-Prefix": "/../x y"}, 500),
    ],
)
async def test_an_address_that_a_proxy_tells_counts_if_the_proxy_is_trusted(
    tmp_path: Path, publisher: Publisher, networks: str, forwarded: dict[str, str], status: int
) -> None:
    trusted = tuple(ip_network(one) for one in networks.split(",") if one)
    rules = replace(REQUIRED, trusted_proxies=trusted)
    async with running_host(tmp_path / "data", rules=rules, discovery_urls={"": publisher.url}) as host:
        client = await signing(host)
        client.public_url = "https://docs.example.com/office"
        told = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "docs.example.com",
            "X-Forwarded-Prefix": "/office/",
            **forwarded,
        }

        answer = await client.send(client.sign("current"), **told)

    assert answer.status == status


async def test_an_old_collabora_may_sign_the_url_as_it_is_written(host: Host) -> None:
    for dialect, status in ((Dialect.COLLABORA, 200), (Dialect.OFFICE, 500)):
        file_id = await host.file(f"{dialect.name}.docx")
        client = SigningClient(host, file_id, host.token(file_id, dialect=dialect))
        proof = signature("current", client.signed_url(), client.token, ticks_of(NOON), as_written=True)

        assert (await client.send(proof)).status == status


async def test_a_token_in_the_header_alone_is_signed_like_any_other(host: Host) -> None:
    client = await signing(host)
    target = f"/wopi/files/{client.file_id}"
    proof = client.sign("current", url=host.url + target)

    answer = await client.send(proof, target=target, Authorization=f"Bearer {client.token}")

    assert answer.status == 200


# --- which requests need a proof


@pytest.mark.parametrize(
    ("rules", "proof", "status"),
    [
        (REQUIRED, None, 500),
        (REQUIRED, GARBAGE, 500),
        (IF_SENT, None, 200),
        (IF_SENT, "", 200),
        (IF_SENT, GARBAGE, 500),
        (OFF, None, 200),
        (OFF, GARBAGE, 200),
    ],
)
async def test_the_mode_says_which_requests_need_a_proof(
    tmp_path: Path, publisher: Publisher, rules: Rules, proof: str | None, status: int
) -> None:
    async with running_host(tmp_path / "data", rules=rules, discovery_urls={"": publisher.url}) as host:
        client = await signing(host)

        assert (await client.send(proof)).status == status


@pytest.mark.parametrize("rules", [REQUIRED, IF_SENT])
async def test_of_a_client_without_keys_no_proof_can_be_demanded(tmp_path: Path, rules: Rules) -> None:
    async with (
        publishing(discovery_document()) as publisher,
        running_host(tmp_path / "data", rules=rules, discovery_urls={"": publisher.url}) as host,
    ):
        client = await signing(host)

        assert (await client.send(None)).status == 200
        assert (await client.send(GARBAGE)).status == 200


async def test_keys_that_a_client_begins_to_have_are_noticed(tmp_path: Path) -> None:
    async with (
        publishing(discovery_document()) as publisher,
        running_host(tmp_path / "data", rules=REQUIRED, discovery_urls={"": publisher.url}) as host,
    ):
        client = await signing(host)
        await client.send(None)
        publisher.document = BOTH_KEYS
        host.clock.move(PAUSE)

        async def is_refused() -> bool:
            return (await client.send(GARBAGE)).status == 500

        await host.until(is_refused)


async def test_while_the_keys_are_not_known_nothing_is_let_through(tmp_path: Path) -> None:
    async with (
        publishing(BOTH_KEYS) as publisher,
        running_host(tmp_path / "data", rules=REQUIRED, discovery_urls={"office": publisher.url}) as host,
    ):
        publisher.status = 503
        file_id = await host.file()
        client = SigningClient(host, file_id, host.token(file_id, dialect=Dialect.COLLABORA))

        assert (await client.send(client.sign("current"))).status == 500


# --- rotation


async def test_a_client_that_has_rotated_is_let_in_and_its_discovery_read_again(
    host: Host, publisher: Publisher
) -> None:
    client = await signing(host)
    assert (await client.send(client.sign("current"), client.sign("old"))).status == 200
    publisher.document = discovery_document(current="new", old="current")
    host.clock.move(PAUSE)

    assert (await client.send(client.sign("new"), client.sign("current"))).status == 200

    async def is_known() -> bool:
        discovery = await host.gateway.discoveries.of(Dialect.OFFICE)
        return discovery is not None and discovery.proof_keys == keys_of(publisher.document)

    await host.until(is_known)
    assert publisher.reads == 2
    assert (await client.send(client.sign("new"))).status == 200


async def test_a_machine_that_has_not_rotated_yet_is_let_in(host: Host) -> None:
    client = await signing(host)

    assert (await client.send(client.sign("old"), client.sign("older"))).status == 200


async def test_keys_that_rotated_twice_are_found_by_reading_discovery_once_more(
    host: Host, publisher: Publisher
) -> None:
    client = await signing(host)
    assert (await client.send(client.sign("current"))).status == 200
    publisher.document = discovery_document(current="newest", old="new")
    host.clock.move(PAUSE)

    assert (await client.send(client.sign("newest"), client.sign("new"))).status == 200
    assert (await client.send(client.sign("current"), client.sign("old"))).status == 500
    assert publisher.reads == 2


async def test_forged_requests_do_not_make_the_host_hammer_the_client(host: Host, publisher: Publisher) -> None:
    client = await signing(host)
    assert (await client.send(client.sign("current"))).status == 200
    host.clock.move(PAUSE)

    for _ in range(10):
        assert (await client.send(GARBAGE)).status == 500

    assert publisher.reads == 2


async def test_a_client_that_is_away_for_a_while_is_still_known_by_its_keys(host: Host, publisher: Publisher) -> None:
    client = await signing(host)
    assert (await client.send(client.sign("current"))).status == 200
    publisher.status = 503
    host.clock.move(timedelta(hours=9))

    assert (await client.send(client.sign("current"))).status == 200
    assert (await client.send(GARBAGE)).status == 500


def keys_of(document: bytes) -> ProofKeys | None:
    return discovery_of(fromstring(document)).proof_keys


@pytest.mark.parametrize("combination", Combination)
def test_every_combination_is_in_the_specs_table(combination: Combination) -> None:
    assert combination.value in {("X-WOPI-Proof", "current"), ("X-WOPI-ProofOld", "current"), ("X-WOPI-Proof", "old")}
