"""Bytes of files, downloaded: whole, in ranges, and only if they are other ones than the caller has.

Spec: RFC 9110, 13 (conditional requests) and 14 (range requests).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import ETag, web

from services.gateway.api.inputs import NoBody, NoQuery
from services.gateway.api.operations import NO_STORE, Call
from services.gateway.api.problems import Kind, Refused, problem_response
from services.gateway.serving import attachment, serve_content
from shared.core.errors import NotFound
from shared.core.file import Content, Version

SAFE_DOWNLOAD: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""No browser shows a stranger's bytes as a page of this host."""


async def get_content(call: Call[NoQuery, NoBody]) -> web.StreamResponse:
    """Download a file's content, or a range of it."""
    for attempt in range(2):
        file = (await call.file()).file
        try:
            return await served(call.request, file.name, file.current)
        except NotFound:
            # Saved anew since it was looked up, on a host that keeps no former versions.
            if attempt:
                raise
    raise AssertionError("the second attempt returns or raises")


async def served(request: web.Request, name: str, version: Version) -> web.StreamResponse:
    """The bytes of one version: 200, 206, 304, 412 or 416. Raises NotFound if they are gone."""
    headers = NO_STORE | SAFE_DOWNLOAD | {"ETag": etag_of(version.number), "Content-Disposition": attachment(name)}
    refuse_unless_as_wished(request, version.number)
    known = request.if_none_match
    if known is not None and _names(known, version.number):
        return web.Response(status=304, headers=headers)
    return await sent(request, version.content, headers)


async def sent(request: web.Request, content: Content, headers: Mapping[str, str]) -> web.StreamResponse:
    """The bytes: 200, 206, or a problem with 416. Raises NotFound if they are gone."""
    response = await serve_content(request, content, headers)
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        problem = Refused(Kind.RANGE_NOT_SATISFIABLE, f"the content has {content.size_bytes} bytes")
        return problem_response(problem, NO_STORE | {"Content-Range": response.headers["Content-Range"]})
    return response


def etag_of(version: int) -> str:
    """The ETag of a file's content: its version."""
    return f'"{version}"'


def refuse_unless_as_wished(request: web.Request, version: int | None) -> int | None:
    """The version that has to stay the file's until it's changed; None if that doesn't matter.

    `version` is the file's now, None if there is no file. Raises Refused if If-Match, or for a change If-None-Match,
    doesn't hold.
    """
    wanted, unwanted = request.if_match, request.if_none_match
    is_read = request.method in {"GET", "HEAD"}
    has_wanted = wanted is None or (version is not None and _names(wanted, version, strongly=True))
    has_unwanted = not is_read and unwanted is not None and version is not None and _names(unwanted, version)
    if not has_wanted or has_unwanted:
        raise precondition_failed(version)
    return version if wanted is not None and not any(tag.value == "*" for tag in wanted) else None


def precondition_failed(version: int | None) -> Refused:
    """The problem of a request that was meant for another version; None if there is no file."""
    if version is None:
        return Refused(Kind.PRECONDITION_FAILED, "there is no such file")
    return Refused(Kind.PRECONDITION_FAILED, f"the file's version is {version}", current_version=version)


def _names(tags: tuple[ETag, ...], version: int, *, strongly: bool = False) -> bool:
    return any(tag.value in {"*", str(version)} and not (strongly and tag.is_weak) for tag in tags)
