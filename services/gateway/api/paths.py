"""From a path of names to the file or container at its end."""

from services.gateway.access import ContainerAccess, FileAccess, container_access, file_access
from services.gateway.api.problems import Kind, Refused
from services.gateway.context import Gateway
from shared.core.containers import MAX_DEPTH, ROOT_ID
from shared.core.errors import NotFound
from shared.core.users import User

NOTHING = "there is nothing at that path"


async def at_path(gateway: Gateway, user: User, path: str) -> FileAccess | ContainerAccess:
    """What the path leads to, if this user may see it, whatever they may see on the way.

    "/" is the root; a slash at the end asks for a container. Raises NotFound, and Refused for what is no path.
    """
    if not path.startswith("/"):
        raise Refused(Kind.BAD_REQUEST, "a path starts with a slash")
    *folders, last = path.split("/")[1:]
    if len(folders) > MAX_DEPTH:
        raise NotFound(NOTHING)
    container_id = await _container_at(gateway, folders)
    if not last:
        return await container_access(gateway, user, container_id)
    file = await gateway.metadata.files.by_name(container_id, last)
    if file is not None:
        try:
            return await file_access(gateway, user, file.file_id)
        except NotFound:
            pass  # a container of the same name may be there as well
    return await container_access(gateway, user, await _container_at(gateway, [last], container_id))


async def _container_at(gateway: Gateway, names: list[str], container_id: str = ROOT_ID) -> str:
    for name in names:
        container = await gateway.metadata.containers.by_name(container_id, name)
        if container is None:
            raise NotFound(NOTHING)
        container_id = container.container_id
    return container_id
