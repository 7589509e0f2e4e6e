"""From aggregates to the JSON that shows them to one user."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from services.gateway.access import ContainerAccess, FileAccess
from services.gateway.api.resources import (
    ContainerResource,
    DraftResource,
    FileResource,
    GrantResource,
    LockResource,
    RoleName,
    SaveResource,
    UserResource,
    VersionResource,
)
from services.gateway.context import Gateway
from shared.core.containers import Container
from shared.core.drafts import Draft
from shared.core.file import FileHead, Lock, Version
from shared.core.permissions import Grant, Role, role_of
from shared.core.users import OPERATOR_ID, User, user_id_of

ROLE_NAMES: dict[Role, RoleName] = {
    Role.NONE: "none",
    Role.VIEWER: "viewer",
    Role.EDITOR: "editor",
    Role.OWNER: "owner",
}


class Views:
    """Shows things to `user`. For one request: it remembers the people whom it has named."""

    def __init__(self, gateway: Gateway, user: User) -> None:
        self._gateway = gateway
        self._user = user
        self._people: dict[str, str] = {"": ""}

    async def person(self, user_id: str) -> str:
        """The sign-in name, if it leads back to that id; else the id."""
        if user_id not in self._people:
            user = await self._gateway.metadata.users.find(user_id)
            leads_back = user is not None and user_id_of(user.sign_in_name) == user_id
            self._people[user_id] = user.sign_in_name if user is not None and leads_back else user_id
        return self._people[user_id]

    async def people(self, user_ids: Sequence[str]) -> list[str]:
        """Each of them, in order."""
        return [await self.person(user_id) for user_id in user_ids]

    def folder(self, chain: Sequence[Container]) -> str | UnsetType:
        """What the paths of children begin with: "/", "/Reports/"; UNSET if the user may not see one on the way."""
        for depth in range(2, len(chain)):
            if role_of(self._user.user_id, self._user.base_role, chain[:depth]) < Role.VIEWER:
                return UNSET
        return "/" + "".join(f"{container.name}/" for container in chain[1:])

    async def file(self, access: FileAccess) -> FileResource:
        """The file."""
        return await self.file_in(self.folder(access.chain), access.file, access.role)

    async def file_in(self, folder: str | UnsetType, file: FileHead, role: Role) -> FileResource:
        """The file, in a container whose `folder` is known."""
        lock = file.lock_at(self._gateway.now())
        current = file.current
        return FileResource(
            id=file.file_id,
            name=file.name,
            container_id=file.container_id,
            path=UNSET if folder is UNSET else f"{folder}{file.name}",
            size=current.content.size_bytes,
            version=current.number,
            sha256=current.content.sha256,
            last_modified=current.saved_at,
            last_modified_by=await self.person(current.saved_by.user_id),
            created=file.created_at,
            owner=await self.person(file.owner_id),
            role=ROLE_NAMES[role],
            lock=UNSET if lock is None else await self.lock(lock),
        )

    async def container(self, access: ContainerAccess) -> ContainerResource:
        """The container."""
        folder = self.folder(access.chain)
        path = folder if folder is UNSET or folder == "/" else folder.removesuffix("/")
        return await self._container(access.container, path, access.role)

    async def container_in(self, folder: str | UnsetType, container: Container, role: Role) -> ContainerResource:
        """The container, in another one whose `folder` is known."""
        path = UNSET if folder is UNSET else f"{folder}{container.name}"
        return await self._container(container, path, role)

    async def _container(self, container: Container, path: str | UnsetType, role: Role) -> ContainerResource:
        return ContainerResource(
            id=container.container_id,
            name=container.name,
            parent_id=container.parent_id or UNSET,
            path=path,
            created=container.created_at,
            owner=await self.person(container.owner_id),
            role=ROLE_NAMES[role],
        )

    async def lock(self, lock: Lock) -> LockResource:
        """The lock, without its id."""
        return LockResource(
            taken_at=lock.taken_at,
            taken_by=await self.person(lock.taken_by.user_id),
            refreshed_at=lock.refreshed_at,
            refreshed_by=await self.person(lock.refreshed_by.user_id),
            expires_at=lock.expires_at,
            client=lock.refreshed_by.client,
            session_id=lock.refreshed_by.session_id,
        )

    async def version(self, version: Version, *, is_current: bool) -> VersionResource:
        """The version."""
        return VersionResource(
            version=version.number,
            size=version.content.size_bytes,
            sha256=version.content.sha256,
            saved_at=version.saved_at,
            saved_by=await self.person(version.saved_by.user_id),
            editors=await self.people(version.editors),
            client=version.saved_by.client,
            is_current=is_current,
        )

    async def save(self, access: FileAccess) -> SaveResource:
        """The file's last save."""
        file, folder = access.file, self.folder(access.chain)
        return SaveResource(
            file_id=file.file_id,
            name=file.name,
            path=UNSET if folder is UNSET else f"{folder}{file.name}",
            version=file.current.number,
            size=file.current.content.size_bytes,
            saved_at=file.current.saved_at,
            saved_by=await self.person(file.current.saved_by.user_id),
            client=file.current.saved_by.client,
            session_id=file.current.saved_by.session_id,
            editors=await self.people(file.current.editors),
        )

    async def draft(self, draft: Draft) -> DraftResource:
        """The draft, without its bytes."""
        return DraftResource(
            id=draft.draft_id,
            file_id=draft.file_id,
            file_name=draft.file_name,
            base_version=draft.base_version,
            size=draft.content.size_bytes,
            sha256=draft.content.sha256,
            saved_by=await self.person(draft.saved_by.user_id),
            client=draft.saved_by.client,
            refused_at=draft.refused_at,
            reason=draft.reason,
        )

    async def grants(self, grants: Sequence[Grant]) -> list[GrantResource]:
        """The grants, by user."""
        shown = [GrantResource(user=await self.person(one.user_id), role=ROLE_NAMES[one.role]) for one in grants]
        return sorted(shown, key=lambda one: one.user)


def user_resource(user: User) -> UserResource:
    """The user, without their UserInfo, which belongs to WOPI clients."""
    return UserResource(
        id=user.user_id,
        name=user.sign_in_name,
        friendly_name=user.friendly_name,
        base_role=ROLE_NAMES[user.base_role],
        is_edu=user.is_edu,
        is_business=user.is_business,
        is_operator=user.user_id == OPERATOR_ID,
    )
