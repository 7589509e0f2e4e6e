"""Grants on files and containers: who was given which role here. For owners."""

from typing import Final

from aiohttp import web

from services.gateway.api.inputs import GrantWish, NoBody, NoQuery
from services.gateway.api.operations import AnyCall, Call, json_response, no_content
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.resources import GrantResource, Grants
from services.gateway.api.sign_in import user_id_named
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from shared.core.permissions import Grant, Role
from shared.core.users import OPERATOR_ID
from shared.messages.commands import SetContainerGrant, SetFileGrant

Reading = Call[NoQuery, NoBody]
Granting = Call[NoQuery, GrantWish]

GRANTS_MAX: Final = 5000
"""Most grants on one file or container. All of them are read and written with it: each request that it concerns pays."""


async def list_file_grants(call: Reading) -> web.Response:
    """List the grants on a file."""
    access = await call.file()
    return await _shown(call, access.file.grants)


async def grant_on_file(call: Granting) -> web.Response:
    """Give a user a role on a file."""
    return await _granted(call, await _set_on_file(call, Role[call.body.role.upper()]))


async def revoke_on_file(call: Reading) -> web.Response:
    """Take a user's grant on a file away, so that those further up count again."""
    await _set_on_file(call, None)
    return no_content()


async def list_container_grants(call: Reading) -> web.Response:
    """List the grants on a container."""
    access = await call.container()
    return await _shown(call, access.container.grants)


async def grant_on_container(call: Granting) -> web.Response:
    """Give a user a role on a container and on everything below it."""
    return await _granted(call, await _set_on_container(call, Role[call.body.role.upper()]))


async def revoke_on_container(call: Reading) -> web.Response:
    """Take a user's grant on a container away, so that those further up count again."""
    await _set_on_container(call, None)
    return no_content()


async def _set_on_file(call: AnyCall, role: Role | None) -> str:
    """Set the grant; the id of the user it's for."""
    access = await call.file()
    user_id = _grantee(call, access.file.grants, role)
    command = SetFileGrant(file_id=access.file.file_id, user_id=user_id, role=role, **envelope(call.request))
    await call.gateway.bus.request(command)
    return user_id


async def _set_on_container(call: AnyCall, role: Role | None) -> str:
    """Set the grant; the id of the user it's for."""
    access = await call.container()
    user_id, container_id = _grantee(call, access.container.grants, role), access.container.container_id
    command = SetContainerGrant(container_id=container_id, user_id=user_id, role=role, **envelope(call.request))
    await call.gateway.bus.request(command)
    return user_id


def _grantee(call: AnyCall, present: tuple[Grant, ...], role: Role | None) -> str:
    """Whom the path names. Raises Refused if nothing can be granted to them, or to nobody else any more."""
    user_id = user_id_named(call.part("user"))
    if user_id == OPERATOR_ID:
        raise Refused(Kind.FIXED, "the operator owns everything; that can't be changed by a grant")
    is_another = role is not None and all(one.user_id != user_id for one in present)
    if is_another and len(present) >= GRANTS_MAX:
        raise Refused(Kind.TOO_MANY, f"there are {GRANTS_MAX} grants here already, and there can be no more")
    return user_id


async def _granted(call: Granting, user_id: str) -> web.Response:
    user = await Views(call.gateway, call.user).person(user_id)
    return json_response(GrantResource(user=user, role=call.body.role))


async def _shown(call: Reading, grants: tuple[Grant, ...]) -> web.Response:
    return json_response(Grants(items=await Views(call.gateway, call.user).grants(grants)))
