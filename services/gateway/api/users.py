"""Users: who calls, and what the host knows of whom."""

from dataclasses import replace

from aiohttp import web
from msgspec import UNSET

from services.gateway.access import user_of
from services.gateway.api.inputs import NoBody, NoQuery, UserChange
from services.gateway.api.operations import Call, json_response
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.sign_in import operator, user_id_named
from services.gateway.api.views import user_resource
from services.gateway.requests import envelope
from shared.core.errors import NotFound
from shared.core.permissions import Role
from shared.core.users import OPERATOR_ID, User, user_name_fault
from shared.messages.commands import RegisterUser


async def get_me(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read who calls."""
    return json_response(user_resource(call.user))


async def get_user(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read what the host knows of a user. Users other than the operator see themselves alone."""
    user_id = user_id_named(call.part("user"))
    if user_id == call.user.user_id:
        return json_response(user_resource(call.user))
    if not call.is_operator:
        raise NotFound("there is no such user")
    return json_response(user_resource(await user_of(call.gateway, user_id)))


async def put_user(call: Call[NoQuery, UserChange]) -> web.Response:
    """Make a user known, or change what is known of one."""
    name = call.part("user")
    user_id = user_id_named(name)
    known = await call.gateway.metadata.users.find(user_id)
    user = _changed(known or _newcomer(call, user_id, name), call.body)
    if known is not None and user.base_role != known.base_role:
        sentence = "the base role of a known user stays; grant a role on the root container, which goes before it"
        raise Refused(Kind.FIXED, sentence)
    await call.gateway.bus.request(RegisterUser(user_id=user_id, user=user, **envelope(call.request)))
    now = await (operator(call.gateway) if user_id == OPERATOR_ID else user_of(call.gateway, user_id))
    return json_response(user_resource(now), status=201 if known is None else 200)


def _newcomer(call: Call[NoQuery, UserChange], user_id: str, name: str) -> User:
    return User(user_id, name, name, base_role=call.gateway.rules.new_user_role)


def _changed(user: User, wish: UserChange) -> User:
    if wish.friendly_name is not UNSET:
        fault = user_name_fault(wish.friendly_name)
        if fault is not None:
            raise Refused(Kind.BAD_REQUEST, fault)
        user = replace(user, friendly_name=wish.friendly_name)
    if wish.base_role is not UNSET:
        user = replace(user, base_role=Role[wish.base_role.upper()])
    if wish.is_edu is not UNSET:
        user = replace(user, is_edu=wish.is_edu)
    if wish.is_business is not UNSET:
        user = replace(user, is_business=wish.is_business)
    return user
