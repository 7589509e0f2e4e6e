"""Who may do what with a resource, looked up anew for each request so that a changed grant works at once.

A resource that isn't there and one that this user may not see raise the same NotFound, so that they look the same.
Spec: tokens and proof keys > Access tokens; status codes (404).
"""

from dataclasses import dataclass

from services.gateway.context import Gateway
from shared.core.containers import Container
from shared.core.errors import NotFound
from shared.core.file import FileHead
from shared.core.permissions import Role, role_of
from shared.core.users import User


@dataclass(frozen=True, slots=True)
class FileAccess:
    """A file, the containers above it (root first), and what this user may do with it: VIEWER at least."""

    file: FileHead
    chain: tuple[Container, ...]
    user: User
    role: Role


@dataclass(frozen=True, slots=True)
class ContainerAccess:
    """A container, which is the last of `chain`, and what this user may do with it: VIEWER at least."""

    container: Container
    chain: tuple[Container, ...]
    user: User
    role: Role


async def user_of(gateway: Gateway, user_id: str) -> User:
    """The user. Raises NotFound if the host doesn't know them."""
    user = await gateway.metadata.users.find(user_id)
    if user is None:
        raise NotFound("there is no such user")
    return user


async def file_access(gateway: Gateway, user: User, file_id: str, least: Role = Role.VIEWER) -> FileAccess:
    """The file, for a user whose role on it is `least` or higher. Raises NotFound."""
    file = await gateway.metadata.files.find(file_id)
    if file is None:
        raise NotFound("there is no such file")
    chain = await gateway.metadata.containers.chain(file.container_id)
    role = role_of(user.user_id, user.base_role, (*chain, file))
    if role < least or role < Role.VIEWER:
        raise NotFound("there is no such file")
    return FileAccess(file, chain, user, role)


async def container_access(
    gateway: Gateway, user: User, container_id: str, least: Role = Role.VIEWER
) -> ContainerAccess:
    """The container, for a user whose role on it is `least` or higher. Raises NotFound."""
    chain = await gateway.metadata.containers.chain(container_id)
    if not chain:
        raise NotFound("there is no such container")
    role = role_of(user.user_id, user.base_role, chain)
    if role < least or role < Role.VIEWER:
        raise NotFound("there is no such container")
    return ContainerAccess(chain[-1], chain, user, role)
