"""Access tokens for WOPI clients, and all that a page needs to open a file in one."""

import re
from typing import Final

from aiohttp import web
from msgspec import UNSET, UnsetType

from services.gateway.access import ContainerAccess, FileAccess, container_access, file_access
from services.gateway.api.inputs import LANGUAGE_PATTERN, NoQuery, OpenWish, TokenWish
from services.gateway.api.operations import AnyCall, Call, json_response
from services.gateway.api.paths import at_path
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.resources import AccessToken, OpenAction
from services.gateway.api.sign_in import named_user, user_id_named
from services.gateway.auth.tokens import fresh_claims, mint
from shared.core.discovery import Action, Discovery
from shared.core.errors import NotFound
from shared.core.names import extension_of
from shared.core.permissions import Role
from shared.core.tokens import Dialect, Resource
from shared.core.urls import action_url
from shared.core.users import User

WRITING_ACTIONS: Final = frozenset({"edit", "editnew", "mobileedit", "convert"})
"""Actions that make no sense for those who may only read."""

_LANGUAGE: Final = re.compile(LANGUAGE_PATTERN)


async def create_token(call: Call[NoQuery, TokenWish]) -> web.Response:
    """Mint an access token for a user and one file or container."""
    wish = call.body
    user = await _meant(call, wish.user)
    resource, resource_id = await _named(call, user)
    claims = fresh_claims(
        call.gateway,
        resource,
        resource_id,
        user.user_id,
        dialect=Dialect[wish.dialect.upper()],
        may_write=not wish.read_only,
        supports_locks=wish.supports_locks,
    )
    addresses = call.gateway.addresses
    wopi_src = addresses.file(resource_id) if resource is Resource.FILE else addresses.container(resource_id)
    return json_response(
        AccessToken(wopi_src=wopi_src, access_token=mint(call.gateway, claims), access_token_ttl=claims.expires_at_ms)
    )


async def open_file(call: Call[NoQuery, OpenWish]) -> web.Response:
    """Get all that a page needs to open a file in a WOPI client."""
    wish = call.body
    user = await _meant(call, wish.user)
    access = await file_access(call.gateway, user, call.id("file_id"))
    dialect = Dialect[wish.dialect.upper()]
    discovery = await call.gateway.discoveries.of(dialect)
    if discovery is None:
        sentence = "there is no WOPI client to open it in: set LECTERN_DISCOVERY_URL, and see that it can be reached"
        raise Refused(Kind.NO_ACTION, sentence)
    name = None if wish.action is UNSET else wish.action
    action = _action(discovery, access, name, dialect)
    values = {"BUSINESS_USER": "1" if user.is_business else ""}
    if wish.ui is not UNSET:
        if not _LANGUAGE.fullmatch(wish.ui):
            raise Refused(Kind.BAD_REQUEST, "ui is no language such as de-DE")
        values |= {"UI_LLCC": wish.ui, "DC_LLCC": wish.ui}
    url = action_url(action.urlsrc, call.gateway.addresses.file(access.file.file_id), values)
    is_stand_in = name is not None and action.name != name.lower()
    claims = fresh_claims(
        call.gateway, Resource.FILE, access.file.file_id, user.user_id, dialect=dialect, may_write=not is_stand_in
    )
    return json_response(
        OpenAction(
            action_url=url,
            access_token=mint(call.gateway, claims),
            access_token_ttl=claims.expires_at_ms,
            favicon_url=action.favicon_url or UNSET,
        )
    )


async def _meant(call: AnyCall, name: str | UnsetType) -> User:
    """Whom the token is for. Everybody may ask for themselves, the operator for all."""
    if name is UNSET:
        return call.user
    if call.is_operator:
        return await named_user(call.request, name)
    if user_id_named(name) != call.user.user_id:
        raise NotFound("there is no such user")
    return call.user


async def _named(call: Call[NoQuery, TokenWish], user: User) -> tuple[Resource, str]:
    """The resource that the token is for. Raises NotFound if that user may not see it."""
    wish = call.body
    access: FileAccess | ContainerAccess
    if wish.path is not UNSET:
        access = await at_path(call.gateway, user, wish.path)
    elif wish.file_id is not UNSET:
        access = await file_access(call.gateway, user, wish.file_id)
    else:
        container_id = "" if wish.container_id is UNSET else wish.container_id
        access = await container_access(call.gateway, user, container_id)
    if isinstance(access, FileAccess):
        return Resource.FILE, access.file.file_id
    return Resource.CONTAINER, access.container.container_id


def _action(discovery: Discovery, access: FileAccess, name: str | None, dialect: Dialect) -> Action:
    """The action of that name, or the one that suits best. Raises Refused if there is none."""
    extension, may_edit = extension_of(access.file.name), access.role >= Role.EDITOR
    if name is not None and name.lower() in WRITING_ACTIONS and not may_edit:
        raise Refused(Kind.NO_ACTION, f"this user may only read the file, so that there is nothing to {name}")
    is_empty = access.file.current.content.size_bytes == 0
    wishes = [name] if name is not None else _suitable(may_edit=may_edit, is_empty=is_empty)
    # Collabora Online offers "edit" alone for what it can edit, and only shows the file if CheckFileInfo says so.
    stand_ins = ["edit"] if dialect is Dialect.COLLABORA and wishes[0].lower() == "view" else []
    for wish in [*wishes, *stand_ins]:
        action = discovery.action(wish, extension)
        if action is not None:
            return action
    raise Refused(Kind.NO_ACTION, f"the WOPI client can't {' or '.join(wishes)} files with the extension {extension!r}")


def _suitable(*, may_edit: bool, is_empty: bool) -> list[str]:
    if not may_edit:
        return ["view"]
    return ["editnew", "edit", "view"] if is_empty else ["edit", "view"]
