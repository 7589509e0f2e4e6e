"""Pieces that the answers about containers, files and the ecosystem have in common.

Every address in them carries a token that is traded for the one in the request, or, from the bootstrapper, a fresh one.
Spec: containers > ContainerPointer; ecosystem; tokens and proof keys > Token trading.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from services.gateway.access import ContainerAccess, container_access, file_access
from services.gateway.auth.tokens import tokenised
from services.gateway.context import Gateway
from services.gateway.wopi.answers import json_answer
from shared.core.checks import check_container_info
from shared.core.containers import ROOT_ID, Container
from shared.core.errors import NotFound
from shared.core.permissions import Role, role_of
from shared.core.tokens import Claims, Resource
from shared.core.users import User

X_WOPI_ENUMERATION_INCOMPLETE: Final = "X-WOPI-EnumerationIncomplete"


def container_pointer(gateway: Gateway, claims: Claims, container: Container) -> dict[str, Any]:
    """A container's name and its address."""
    return {"Name": container.name, "Url": tokenised(gateway, claims, Resource.CONTAINER, container.container_id)}


def container_info(gateway: Gateway, claims: Claims, access: ContainerAccess) -> dict[str, Any]:
    """What CheckContainerInfo says of the container."""
    return check_container_info(access.container, access.user, access.role, claims, gateway.addresses)


def pointer_and_info(gateway: Gateway, claims: Claims, access: ContainerAccess) -> dict[str, Any]:
    """A container as GetRootContainer and CreateChildContainer answer it: with its info, which saves the client a call."""
    return {
        "ContainerPointer": container_pointer(gateway, claims, access.container),
        "ContainerInfo": container_info(gateway, claims, access),
    }


def ecosystem_pointer(gateway: Gateway, claims: Claims) -> dict[str, Any]:
    """Where the ecosystem is: the answer of GetEcosystem."""
    return {"Url": tokenised(gateway, claims, Resource.ECOSYSTEM, "")}


def ancestors(gateway: Gateway, claims: Claims, user: User, chain: Sequence[Container]) -> web.Response:
    """The answer of EnumerateAncestors: the containers above a resource, root first.

    Those that the user may not see are left out, and the answer says that it isn't complete.
    """
    visible = visible_containers(user, chain)
    answer = json_answer({"AncestorsWithRootFirst": [container_pointer(gateway, claims, one) for one in visible]})
    if len(visible) < len(chain):
        answer.headers[X_WOPI_ENUMERATION_INCOMPLETE] = "true"
    return answer


async def root_container(gateway: Gateway, claims: Claims, user: User) -> dict[str, Any]:
    """The answer of GetRootContainer. Raises NotFound if the user may not see the root."""
    return pointer_and_info(gateway, claims, await container_access(gateway, user, ROOT_ID))


async def named_resource(gateway: Gateway, user: User, address: str | None) -> tuple[Resource, str]:
    """The file or container that one of this host's own addresses names, if the user may see it.

    Raises NotFound for anything else, so that an address tells nothing to those who may not see what it names.
    """
    named = gateway.addresses.resource_of(address or "")
    match named:
        case (Resource.FILE, file_id):
            await file_access(gateway, user, file_id)
        case (Resource.CONTAINER, container_id):
            await container_access(gateway, user, container_id)
        case _:
            raise NotFound("that is no address of a file or container of this host")
    return named


async def wopi_src(gateway: Gateway, claims: Claims, user: User, address: str | None) -> dict[str, Any]:
    """The answer of GetFileWopiSrc: the WOPI address of what one of the host's own addresses names. Raises NotFound.

    Spec: Ecosystem > GetFileWopiSrc.
    """
    return {"Url": tokenised(gateway, claims, *await named_resource(gateway, user, address))}


def visible_containers(user: User, chain: Sequence[Container]) -> list[Container]:
    """Those containers of a chain (root first) that the user may see."""
    seen: list[Container] = []
    role = user.base_role
    for container in chain:
        role = role_of(user.user_id, role, (container,))
        if role >= Role.VIEWER:
            seen.append(container)
    return seen
