"""The OpenAPI document, made from the table of operations and from the types that the handlers take and answer with.

Nothing in it is written by hand that the code knows already: paths, parameters, bodies, statuses and roles come from
the table, summaries from the handlers' docstrings, schemas and examples from the types.
Spec: OpenAPI 3.1.
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from services.gateway.api.inputs import BODY_MAX_BYTES, ONE_OF, FileName, UserName
from services.gateway.api.operations import ID_PATTERN, PREFIX, Answer, Form, Operation, Who
from services.gateway.api.problems import MEDIA_TYPE, Kind, Problem
from services.gateway.api.resources import CloudEvent, EventMessage
from services.gateway.api.sign_in import ACT_AS
from shared.core.permissions import Role
from shared.core.users import USER_NAME_MAX

JSON: Final = "application/json"

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_PART: Final = re.compile(r"\{(\w+)\}")
_DESCRIPTION: Final = f"""\
The host's own API: files, containers, versions, drafts, locks, grants, users, access tokens and events.

Sign in with `Authorization: Bearer`: the operator with the host's API key, users with a token of the identity provider.
With `{ACT_AS}` the operator acts in the name of a user, with that user's permissions. What a user may not see, and what
a user's role doesn't allow, is answered like what isn't there: 404.

What goes wrong is told as a problem document (RFC 9457); its `type` is for programs, its `detail` for people.
Parameters that aren't known are overlooked, fields of a body that aren't known are refused.
A JSON body has at most {BODY_MAX_BYTES} bytes.
"""
_ID: Final = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
_PATH_PARTS: Final[Mapping[str, Json]] = {
    "file_id": _ID | {"examples": ["0b7d1c2e9a3f4d5e8f60718293a4b5c6"]},
    "container_id": _ID | {"description": "`root` is the container that all others are in.", "examples": ["root"]},
    "draft_id": _ID | {"examples": ["5f2b7c1d9e3a4f60b1c2d3e4f5a6b7c8"]},
    "webhook_id": _ID | {"examples": ["7c1d9e3a4f60b1c2d3e4f5a6b7c85f2b"]},
    "letter_id": _ID | {"examples": ["d3e4f5a6b7c85f2b7c1d9e3a4f60b1c2"]},
    "version": {"type": "integer", "minimum": 1, "examples": [3]},
    "name": msgspec.json.schema(FileName),
    "user": msgspec.json.schema(UserName),
}
"""Schemas of the parts of paths, by name."""
_CONDITIONS: Final[dict[str, str]] = {
    "If-Match": 'Only if this is still the content\'s version: `"3"`. `*` means any.',
    "If-None-Match": "Only if this isn't the content's version; for a change, `*` means only if there is no such file.",
}
_RANGE: Final[dict[str, str]] = {"Range": "One range of bytes: `bytes=0-99`.", "If-Range": "For Range: an ETag."}

_FORMS: Final[Mapping[Form, Json]] = {
    Form.BYTES: {"type": "string", "contentMediaType": Form.BYTES.value},
    Form.EVENTS: {"$ref": _REF.format(name=EventMessage.__name__)},
}


def document_of(operations: Iterable[Operation[Any, Any]], public_url: str, version: str) -> Json:
    """The document for the host at `public_url`."""
    rows = list(operations)
    schemas = _schemas(rows)
    paths: dict[str, Json] = defaultdict(dict)
    for operation in rows:
        paths[operation.path][operation.method.lower()] = _described(operation, schemas)
        if operation.has_head:
            paths[operation.path]["head"] = _head(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lectern",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url + PREFIX}],
        "security": [{"apiKey": []}, {"identityProvider": []}],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "parameters": {
                "ActAs": _header(
                    ACT_AS,
                    "For the operator alone: the user to act for, by name or id. A name in another script is sent in UTF-8.",
                    {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "maxLength": USER_NAME_MAX},
                )
            },
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "The host's API key: the operator."},
                "identityProvider": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the host's OpenID Connect issuer: one of its users.",
                },
            },
        },
    }


def _schemas(operations: Iterable[Operation[Any, Any]]) -> Json:
    types: list[Any] = [Problem, CloudEvent, EventMessage]
    for operation in operations:
        types += [operation.body] if operation.takes_json else []
        types += [part for answer in operation.answers.values() for part in _types(answer)]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    for struct, names in ONE_OF.items():
        schemas[struct.__name__]["oneOf"] = [{"required": [name]} for name in names]
    return schemas


def _types(answer: Answer) -> tuple[Any, ...]:
    if isinstance(answer.body, Form):
        return ()
    return get_args(answer.body) or (answer.body,)


def _described(operation: Operation[Any, Any], schemas: Json) -> Json:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    described: Json = {
        "operationId": operation.name,
        "summary": " ".join(summary.split()).removesuffix("."),
        "description": "\n\n".join(filter(None, (description, _who(operation)))),
        "tags": [operation.path.split("/")[1]],
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.takes_json:
        schema = {"$ref": _REF.format(name=operation.body.__name__)}
        required = bool(schemas[operation.body.__name__].get("required") or operation.body in ONE_OF)
        content = {JSON: {"schema": schema, "example": _example(schema, schemas)}}
        described["requestBody"] = {"required": required, "content": content}
    elif operation.takes_bytes:
        described["requestBody"] = {
            "description": "The bytes of the file, whatever Content-Type they are labelled with; none for an empty one.",
            "required": False,
            "content": {Form.BYTES.value: {"schema": _FORMS[Form.BYTES]}},
        }
    return described


def _who(operation: Operation[Any, Any]) -> str:
    if operation.who is Who.OPERATOR:
        return "For the operator."
    return f"Needs the role {operation.needs.name.lower()}." if operation.needs is not Role.NONE else ""


def _parameters(operation: Operation[Any, Any]) -> list[Json]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_PARTS[name]}
        for name in _PART.findall(operation.path)
    ]
    query = msgspec.json.schema_components([operation.query], ref_template=_REF)[1][operation.query.__name__]
    asked = [
        {"name": name, "in": "query", "required": name in query["required"], "schema": schema}
        for name, schema in query["properties"].items()
    ]
    headers = (_RANGE if operation.has_head else {}) | (_CONDITIONS if operation.is_conditional else {})
    return [
        *parts,
        *asked,
        *(_header(name, meaning) for name, meaning in headers.items()),
        {"$ref": "#/components/parameters/ActAs"},
    ]


def _header(name: str, meaning: str, schema: Json | None = None) -> Json:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "header", "required": False, "description": meaning, "schema": schema}


def _responses(operation: Operation[Any, Any], schemas: Json) -> Json:
    responses = {str(status): _answer(answer, schemas) for status, answer in operation.answers.items()}
    by_status: dict[int, list[Kind]] = defaultdict(list)
    for kind in operation.all_problems:
        by_status[kind.status.value].append(kind)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = _problem(kinds)
    return responses


def _answer(answer: Answer, schemas: Json) -> Json:
    described: Json = {"description": answer.meaning}
    if answer.headers:
        described["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in answer.headers.items()
        }
    if isinstance(answer.body, Form):
        if answer.body is not Form.EMPTY:
            described["content"] = {answer.body.value: {"schema": _FORMS[answer.body]}}
        return described
    types = _types(answer)
    references = [{"$ref": _REF.format(name=one.__name__)} for one in types]
    schema: Json = references[0] if len(references) == 1 else {"anyOf": references}
    described["content"] = {JSON: {"schema": schema, "example": _example(schema, schemas)}}
    return described


def _problem(kinds: list[Kind]) -> Json:
    status = kinds[0].status
    problem = Problem(type=kinds[0].urn, title=status.phrase, status=status.value, detail=kinds[0].meaning)
    described: Json = {
        "description": "\n".join(f"- `{kind.urn}`: {kind.meaning}" for kind in kinds),
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}, "example": msgspec.to_builtins(problem)}
        },
    }
    if Kind.UNAUTHORIZED in kinds:
        described["headers"] = {"WWW-Authenticate": {"description": "How.", "schema": {"type": "string"}}}
    return described


def _head(operation: Operation[Any, Any], schemas: Json) -> Json:
    """As GET, but nothing has a body."""
    described = _described(operation, schemas)
    described["operationId"] = f"head_{operation.name.removeprefix('get_')}"
    described["summary"] += ": only what would come"
    described["responses"] = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in described["responses"].items()
        if status not in {"206", "416"}
    }
    return described


def _example(schema: Json, schemas: Json) -> Any:
    """An example of what the schema describes, from the examples of its parts."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    match schema["type"]:
        case "object":
            alternatives = {name for one in schema.get("oneOf", [])[1:] for name in one["required"]}
            return {
                name: _example(part, schemas) for name, part in schema["properties"].items() if name not in alternatives
            }
        case "array":
            return [_example(schema["items"], schemas)]
        case "boolean":
            return schema.get("default", False)
        case "integer":
            return schema.get("minimum", 0)
        case _:
            return ""
