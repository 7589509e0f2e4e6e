"""A client of the REST API that holds every answer against the host's own OpenAPI document."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from services.gateway.api.operations import PREFIX
from tests.hosts import API_KEY, Answer, Host


@dataclass
class Api:
    """Calls the API as the operator, or as `user` if there is one, or with another `key`."""

    host: Host
    user: str | None = None
    key: str | None = API_KEY
    _document: dict[str, Any] = field(default_factory=dict)

    def as_user(self, user: str | None) -> "Api":
        """The same, for another user."""
        return Api(self.host, user, self.key, self._document)

    async def call(
        self, method: str, path: str, json_body: Any = None, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request, and check that the answer is one that the document tells of."""
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if self.user is not None:
            sent.setdefault("X-Lectern-User", self.user)
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent.setdefault("Content-Type", "application/json")
        answer = await self.host.request(method, PREFIX + path, sent, body)
        await self._check(method, path, answer)
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return await self.call("GET", path, headers=dashed(headers))

    async def put(self, path: str, body: Any, **headers: str) -> Answer:
        """PUT bytes."""
        return await self.call("PUT", path, body=body, headers=dashed(headers))

    async def post(self, path: str, json_body: Any = None) -> Answer:
        """POST JSON."""
        return await self.call("POST", path, json_body)

    async def patch(self, path: str, json_body: Any) -> Answer:
        """PATCH with JSON."""
        return await self.call("PATCH", path, json_body)

    async def delete(self, path: str) -> Answer:
        """DELETE."""
        return await self.call("DELETE", path)

    async def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self._document:
            self._document.update((await self.host.request("GET", "/api/openapi.json")).json)
        return self._document

    async def _check(self, method: str, path: str, answer: Answer) -> None:
        document = await self.document()
        operation = _operation(document, method, path)
        stated = operation["responses"].get(str(answer.status))
        assert stated is not None, f"{method} {path}: {answer.status} is not in the document: {answer.body!r}"
        missing = [name for name in stated.get("headers", {}) if name not in answer.headers]
        assert missing in ([], ["Link"]), f"{method} {path}: {missing} are in the document"
        content_type = answer.headers.get("Content-Type", "").partition(";")[0]
        contents = stated.get("content", {})
        if method == "HEAD" or not contents:
            assert not answer.body
            return
        assert content_type in contents, f"{method} {path}: {content_type} is not in the document"
        if content_type.endswith("json"):
            schema = contents[content_type]["schema"] | {"components": document["components"]}
            jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json)


def problem_of(answer: Answer) -> tuple[int, str]:
    """Status and kind of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["detail"]
    return answer.status, problem["type"].removeprefix("urn:problem-type:lectern:")


def dashed(headers: dict[str, str]) -> dict[str, str]:
    """Keyword arguments as header names."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    path = path.partition("?")[0]
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not in the document")
