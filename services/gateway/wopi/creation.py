"""CreateChildContainer and CreateChildFile, and the naming modes that they share with PutRelativeFile.

A client either suggests a name, which is then mended and counted up until it can be given, or asks for exactly one.
Spec: Containers > CreateChildContainer, CreateChildFile; Files > PutRelativeFile.
"""

import uuid
from dataclasses import dataclass
from typing import Final, assert_never

from aiohttp import web

from services.gateway.access import container_access
from services.gateway.auth.tokens import CLAIMS, tokenised
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import boolean_header, envelope, header
from services.gateway.wopi.answers import X_WOPI_LOCK, json_answer, lock_mismatch, name_taken, refusal
from services.gateway.wopi.dispatch import CONTAINER, NotSupported
from services.gateway.wopi.pointers import pointer_and_info
from shared.core.containers import ContainerMade, WouldLoop
from shared.core.file import EMPTY_CONTENT, LockMismatch
from shared.core.files import Created, NameIllegal, NameTaken
from shared.core.names import decoded_utf7, extension_of
from shared.core.permissions import Role, role_of
from shared.core.tokens import Claims, Resource
from shared.core.users import User
from shared.messages.commands import CreateContainer, CreateFile, Naming

X_WOPI_INVALID_CONTAINER_NAME_ERROR: Final = "X-WOPI-InvalidContainerNameError"
X_WOPI_INVALID_FILE_NAME_ERROR: Final = "X-WOPI-InvalidFileNameError"
NOT_UTF7: Final = "the name isn't UTF-7"


@dataclass(frozen=True, slots=True)
class Target:
    """The name that the client wants for a new child."""

    name: str
    naming: Naming


def target_of(request: web.Request) -> Target | NameIllegal:
    """What the target headers ask for. Raises NotSupported unless exactly one of the two is there.

    A suggestion that isn't UTF-7 is no reason to refuse: what is kept of it is its extension.
    """
    suggested, exact = header(request, "X-WOPI-SuggestedTarget"), header(request, "X-WOPI-RelativeTarget")
    if suggested is not None and exact is not None:
        raise NotSupported("X-WOPI-SuggestedTarget and X-WOPI-RelativeTarget exclude each other")
    if suggested is not None:
        name = decoded_utf7(suggested)
        return Target(extension_of(suggested) if name is None else name, Naming.SUGGESTED)
    if exact is None:
        raise NotSupported("either X-WOPI-SuggestedTarget or X-WOPI-RelativeTarget is needed")
    name = decoded_utf7(exact)
    if name is None:
        return NameIllegal(NOT_UTF7, "")
    overwrite = boolean_header(request, "X-WOPI-OverwriteRelativeTarget")
    return Target(name, Naming.OVERWRITE if overwrite else Naming.EXACT)


async def create_child_container(request: web.Request) -> web.Response:
    """CreateChildContainer: POST /wopi/containers/{container_id} with X-WOPI-Override: CREATE_CHILD_CONTAINER.

    200; 400 for an illegal name; 409 for a taken one; 501 unless exactly one target header is there.

    Spec: Containers > CreateChildContainer.
    """
    gateway, access, target = request.app[GATEWAY], request[CONTAINER], target_of(request)
    if isinstance(target, NameIllegal):
        return _illegal(X_WOPI_INVALID_CONTAINER_NAME_ERROR, target)
    command = CreateContainer(
        container_id=access.container.container_id,
        new_container_id=uuid.uuid4().hex,
        name=target.name,
        # There is no overwriting of containers.
        naming=Naming.SUGGESTED if target.naming is Naming.SUGGESTED else Naming.EXACT,
        **envelope(request),
    )
    outcome = await gateway.bus.request(command)
    match outcome:
        case ContainerMade(container_id):
            made = await container_access(gateway, access.user, container_id)
            return json_answer(pointer_and_info(gateway, request[CLAIMS], made))
        case NameTaken():
            return name_taken(outcome)
        case NameIllegal():
            return _illegal(X_WOPI_INVALID_CONTAINER_NAME_ERROR, outcome)
        case WouldLoop(reason):
            return refusal(501, reason)
        case _:
            assert_never(outcome)


async def create_child_file(request: web.Request) -> web.Response:
    """CreateChildFile: POST /wopi/containers/{container_id} with X-WOPI-Override: CREATE_CHILD_FILE.

    200 with a file of no bytes; 400 for an illegal name; 409 for a taken one, with the lock of the file that was to be
    overwritten if that is in the way; 501 if the user may not overwrite it, or unless exactly one target header is there.

    Spec: Containers > CreateChildFile.
    """
    gateway, access, target = request.app[GATEWAY], request[CONTAINER], target_of(request)
    if isinstance(target, NameIllegal):
        return _illegal(X_WOPI_INVALID_FILE_NAME_ERROR, target)
    if target.naming is Naming.OVERWRITE:
        await refuse_overwriting(gateway, access.user, access.role, access.container.container_id, target.name)
    command = CreateFile(
        container_id=access.container.container_id,
        new_file_id=uuid.uuid4().hex,
        name=target.name,
        naming=target.naming,
        content=EMPTY_CONTENT,
        **envelope(request),
    )
    outcome = await gateway.bus.request(command)
    match outcome:
        case Created():
            return json_answer(_created(gateway, request[CLAIMS], outcome))
        case NameTaken():
            return await file_name_taken(gateway, access.user, access.role, access.container.container_id, outcome)
        case NameIllegal():
            return _illegal(X_WOPI_INVALID_FILE_NAME_ERROR, outcome)
        case LockMismatch():
            return lock_mismatch(outcome)
        case _:
            assert_never(outcome)


async def file_name_taken(
    gateway: Gateway, user: User, role: Role, container_id: str, taken: NameTaken
) -> web.Response:
    """409 for a taken file name, with the lock of the file that has it if the user may see it and it is locked.

    `role` is the user's on the container. Spec: Files > PutRelativeFile.
    """
    answer = name_taken(taken)
    there = await gateway.metadata.files.by_name(container_id, taken.name)
    if there is not None and role_of(user.user_id, role, (there,)) >= Role.VIEWER:
        held = there.lock_at(gateway.now())
        if held is not None:
            answer.headers[X_WOPI_LOCK] = held.lock_id
    return answer


async def refuse_overwriting(gateway: Gateway, user: User, role: Role, container_id: str, name: str) -> None:
    """Raises NotSupported if a file of that name is there that the user may not write.

    `role` is the user's on the container.
    """
    there = await gateway.metadata.files.by_name(container_id, name)
    if there is not None and role_of(user.user_id, role, (there,)) < Role.EDITOR:
        raise NotSupported("this user may not overwrite the file of that name")


def _created(gateway: Gateway, claims: Claims, created: Created) -> dict[str, str]:
    addresses = gateway.addresses
    return {
        "Name": created.name,
        "Url": tokenised(gateway, claims, Resource.FILE, created.file_id),
        "HostViewUrl": addresses.host_view(created.file_id),
        "HostEditUrl": addresses.host_edit(created.file_id),
        "HostEditNewUrl": addresses.host_edit_new(created.file_id),
    }


def _illegal(name: str, outcome: NameIllegal) -> web.Response:
    """400, with the reason in the header of that name."""
    return refusal(400, outcome.reason, **{name: outcome.reason})
