"""All operations of the API, with the role that each needs: the one table that routes and document are made from."""

from typing import Any, Final

from services.gateway.api import (
    containers,
    downloads,
    drafts,
    events,
    files,
    grants,
    locks,
    tokens,
    uploads,
    users,
    versions,
    webhooks,
)
from services.gateway.api.inputs import (
    ContainerChange,
    CopyWish,
    EventsQuery,
    FileChange,
    GrantWish,
    LettersQuery,
    NewContainer,
    NewWebhook,
    NoBody,
    NoQuery,
    OpenWish,
    PageQuery,
    ReplayWish,
    ResolveQuery,
    RestoreWish,
    SavesQuery,
    TokenWish,
    UnlockQuery,
    UserChange,
    WebhookChange,
)
from services.gateway.api.operations import Answer, Form, Operation, Who
from services.gateway.api.problems import Kind
from services.gateway.api.resources import (
    AccessToken,
    Children,
    ContainerResource,
    DeadLetters,
    DraftResource,
    Drafts,
    FileResource,
    GrantResource,
    Grants,
    LockedFiles,
    LockState,
    OpenAction,
    RetriedLetters,
    Saves,
    UserResource,
    Versions,
    WebhookResource,
    Webhooks,
    WebhookSecret,
)
from shared.core.permissions import Role

VIEWER, EDITOR, OWNER = Role.VIEWER, Role.EDITOR, Role.OWNER

_LOCATION: Final = {"Location": "The address of what was made."}
_ETAG: Final = {"ETag": "The content's version, in quotes."}
_NAMED: Final = {"Content-Disposition": "The file's name.", "Accept-Ranges": "bytes"}
_PART: Final = {**_NAMED, "Content-Range": "Which bytes these are."}

DONE: Final = {204: Answer(Form.EMPTY, "Done.")}
FILE: Final = {200: Answer(FileResource, "The file.")}
CONTAINER: Final = {200: Answer(ContainerResource, "The container.")}
GRANT: Final = {200: Answer(GrantResource, "The grant.")}
GRANTS: Final = {200: Answer(Grants, "The grants.")}
WEBHOOK: Final = {200: Answer(WebhookResource, "The webhook.")}
RETRIED: Final = {200: Answer(RetriedLetters, "How many are to be tried.")}
BYTES: Final = {200: Answer(Form.BYTES, "The bytes.", _NAMED), 206: Answer(Form.BYTES, "Some of the bytes.", _PART)}
VERSIONED_BYTES: Final = {
    200: Answer(Form.BYTES, "The bytes.", _NAMED | _ETAG),
    206: Answer(Form.BYTES, "Some of the bytes.", _PART | _ETAG),
    304: Answer(Form.EMPTY, "The caller has these bytes already.", _ETAG),
}
SAVED: Final = {200: Answer(FileResource, "The file, with its new version.", _ETAG)}
MADE_FILE: Final = {201: Answer(FileResource, "The new file.", _LOCATION)}
UPLOADED: Final = SAVED | {201: Answer(FileResource, "The new file.", _LOCATION | _ETAG)}

NAMING: Final = (Kind.NAME_TAKEN, Kind.WOULD_LOOP)
RANGES: Final = (Kind.RANGE_NOT_SATISFIABLE,)
VERSIONED_RANGES: Final = (Kind.PRECONDITION_FAILED, Kind.RANGE_NOT_SATISFIABLE)
UPLOAD: Final = (Kind.LOCKED, Kind.PRECONDITION_FAILED)
RESTORE: Final = (Kind.LOCKED, Kind.VERSION_CHANGED)

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    Operation("GET", "/me", users.get_me, NoQuery, NoBody, {200: Answer(UserResource, "The caller.")}),
    Operation(
        "GET",
        "/resolve",
        containers.resolve,
        ResolveQuery,
        NoBody,
        {200: Answer(FileResource | ContainerResource, "What the path leads to.")},
        (Kind.NOT_FOUND,),
    ),
    # Containers
    Operation("GET", "/containers/{container_id}", containers.get_container, NoQuery, NoBody, CONTAINER, needs=VIEWER),
    Operation(
        "GET",
        "/containers/{container_id}/children",
        containers.list_children,
        PageQuery,
        NoBody,
        {200: Answer(Children, "A page of children.", {"Link": 'The next page, with rel="next".'})},
        needs=VIEWER,
    ),
    Operation(
        "POST",
        "/containers/{container_id}/containers",
        containers.create_container,
        NoQuery,
        NewContainer,
        {201: Answer(ContainerResource, "The new container.", _LOCATION)},
        NAMING,
        needs=EDITOR,
    ),
    Operation(
        "PUT",
        "/containers/{container_id}/files/{name}",
        uploads.put_file,
        NoQuery,
        NoBody,
        UPLOADED,
        (*UPLOAD, Kind.NAME_TAKEN),
        needs=EDITOR,
        takes_bytes=True,
    ),
    Operation(
        "PATCH",
        "/containers/{container_id}",
        containers.change_container,
        NoQuery,
        ContainerChange,
        CONTAINER,
        (*NAMING, Kind.ROOT_STAYS),
        needs=EDITOR,
    ),
    Operation(
        "DELETE",
        "/containers/{container_id}",
        containers.delete_container,
        NoQuery,
        NoBody,
        DONE,
        (Kind.NOT_EMPTY, Kind.ROOT_STAYS),
        needs=EDITOR,
    ),
    # Files
    Operation("GET", "/files/{file_id}", files.get_file, NoQuery, NoBody, FILE, needs=VIEWER),
    Operation(
        "PATCH",
        "/files/{file_id}",
        files.change_file,
        NoQuery,
        FileChange,
        FILE,
        (Kind.NAME_TAKEN, Kind.LOCKED),
        needs=EDITOR,
    ),
    Operation("DELETE", "/files/{file_id}", files.delete_file, NoQuery, NoBody, DONE, (Kind.LOCKED,), needs=EDITOR),
    Operation(
        "GET",
        "/files/{file_id}/content",
        downloads.get_content,
        NoQuery,
        NoBody,
        VERSIONED_BYTES,
        VERSIONED_RANGES,
        needs=VIEWER,
    ),
    Operation(
        "PUT",
        "/files/{file_id}/content",
        uploads.put_content,
        NoQuery,
        NoBody,
        SAVED,
        UPLOAD,
        needs=EDITOR,
        takes_bytes=True,
    ),
    Operation(
        "POST", "/files/{file_id}/copy", files.copy_file, NoQuery, CopyWish, MADE_FILE, (Kind.NAME_TAKEN,), needs=VIEWER
    ),
    Operation(
        "POST",
        "/files/{file_id}/open",
        tokens.open_file,
        NoQuery,
        OpenWish,
        {200: Answer(OpenAction, "What a page needs.")},
        (Kind.NO_ACTION,),
        needs=VIEWER,
    ),
    # Versions
    Operation(
        "GET",
        "/files/{file_id}/versions",
        versions.list_versions,
        NoQuery,
        NoBody,
        {200: Answer(Versions, "The versions.")},
        needs=EDITOR,
    ),
    Operation(
        "GET",
        "/files/{file_id}/versions/{version}/content",
        versions.get_version_content,
        NoQuery,
        NoBody,
        VERSIONED_BYTES,
        VERSIONED_RANGES,
        needs=EDITOR,
    ),
    Operation(
        "POST",
        "/files/{file_id}/versions/{version}/restore",
        versions.restore_version,
        NoQuery,
        RestoreWish,
        FILE,
        RESTORE,
        needs=EDITOR,
    ),
    # Drafts
    Operation(
        "GET",
        "/files/{file_id}/drafts",
        drafts.list_drafts,
        NoQuery,
        NoBody,
        {200: Answer(Drafts, "The drafts of the file.")},
        needs=EDITOR,
    ),
    Operation(
        "GET",
        "/drafts",
        drafts.list_all_drafts,
        NoQuery,
        NoBody,
        {200: Answer(Drafts, "The oldest drafts, up to 1000.")},
        who=Who.OPERATOR,
    ),
    Operation(
        "GET",
        "/drafts/{draft_id}",
        drafts.get_draft,
        NoQuery,
        NoBody,
        {200: Answer(DraftResource, "The draft.")},
        needs=EDITOR,
    ),
    Operation("GET", "/drafts/{draft_id}/content", drafts.get_draft_content, NoQuery, NoBody, BYTES, RANGES, EDITOR),
    Operation(
        "POST", "/drafts/{draft_id}/restore", drafts.restore_draft, NoQuery, RestoreWish, FILE, RESTORE, needs=EDITOR
    ),
    Operation("DELETE", "/drafts/{draft_id}", drafts.discard_draft, NoQuery, NoBody, DONE, needs=EDITOR),
    # Locks and saves
    Operation(
        "GET",
        "/files/{file_id}/lock",
        locks.get_lock,
        NoQuery,
        NoBody,
        {200: Answer(LockState, "Whether the file is locked, and by whom.")},
        needs=VIEWER,
    ),
    Operation(
        "DELETE",
        "/files/{file_id}/lock",
        locks.break_lock,
        UnlockQuery,
        NoBody,
        DONE,
        (Kind.LOCK_CHANGED,),
        needs=OWNER,
    ),
    Operation(
        "GET",
        "/locks",
        locks.list_locks,
        NoQuery,
        NoBody,
        {200: Answer(LockedFiles, "The locked files, up to 1000.")},
        who=Who.OPERATOR,
    ),
    Operation(
        "GET",
        "/saves",
        locks.list_saves,
        SavesQuery,
        NoBody,
        {200: Answer(Saves, "The latest saves, up to 1000.")},
        who=Who.OPERATOR,
    ),
    # Grants
    Operation("GET", "/files/{file_id}/grants", grants.list_file_grants, NoQuery, NoBody, GRANTS, needs=OWNER),
    Operation(
        "PUT",
        "/files/{file_id}/grants/{user}",
        grants.grant_on_file,
        NoQuery,
        GrantWish,
        GRANT,
        (Kind.FIXED, Kind.TOO_MANY),
        needs=OWNER,
    ),
    Operation(
        "DELETE",
        "/files/{file_id}/grants/{user}",
        grants.revoke_on_file,
        NoQuery,
        NoBody,
        DONE,
        (Kind.FIXED,),
        needs=OWNER,
    ),
    Operation(
        "GET", "/containers/{container_id}/grants", grants.list_container_grants, NoQuery, NoBody, GRANTS, needs=OWNER
    ),
    Operation(
        "PUT",
        "/containers/{container_id}/grants/{user}",
        grants.grant_on_container,
        NoQuery,
        GrantWish,
        GRANT,
        (Kind.FIXED, Kind.TOO_MANY),
        needs=OWNER,
    ),
    Operation(
        "DELETE",
        "/containers/{container_id}/grants/{user}",
        grants.revoke_on_container,
        NoQuery,
        NoBody,
        DONE,
        (Kind.FIXED,),
        needs=OWNER,
    ),
    # Tokens, users, events
    Operation(
        "POST",
        "/tokens",
        tokens.create_token,
        NoQuery,
        TokenWish,
        {200: Answer(AccessToken, "The token, and the WOPI address that it's good for.")},
        (Kind.NOT_FOUND,),
    ),
    Operation("GET", "/users/{user}", users.get_user, NoQuery, NoBody, {200: Answer(UserResource, "The user.")}),
    Operation(
        "PUT",
        "/users/{user}",
        users.put_user,
        NoQuery,
        UserChange,
        {200: Answer(UserResource, "The user."), 201: Answer(UserResource, "The user, who wasn't known before.")},
        (Kind.FIXED,),
        who=Who.OPERATOR,
    ),
    Operation(
        "GET",
        "/events",
        events.follow_events,
        EventsQuery,
        NoBody,
        {200: Answer(Form.EVENTS, "One message an event: its `data` is a CloudEvent in JSON, its `id` a position.")},
        who=Who.OPERATOR,
    ),
    # Webhooks
    Operation(
        "GET",
        "/webhooks",
        webhooks.list_webhooks,
        NoQuery,
        NoBody,
        {200: Answer(Webhooks, "All webhooks.")},
        who=Who.OPERATOR,
    ),
    Operation(
        "POST",
        "/webhooks",
        webhooks.create_webhook,
        NoQuery,
        NewWebhook,
        {201: Answer(WebhookSecret, "The new webhook's id and secret.", _LOCATION)},
        (Kind.TOO_MANY,),
        who=Who.OPERATOR,
    ),
    Operation("GET", "/webhooks/{webhook_id}", webhooks.get_webhook, NoQuery, NoBody, WEBHOOK, who=Who.OPERATOR),
    Operation(
        "PATCH", "/webhooks/{webhook_id}", webhooks.change_webhook, NoQuery, WebhookChange, WEBHOOK, who=Who.OPERATOR
    ),
    Operation("DELETE", "/webhooks/{webhook_id}", webhooks.delete_webhook, NoQuery, NoBody, DONE, who=Who.OPERATOR),
    Operation(
        "POST",
        "/webhooks/{webhook_id}/secret",
        webhooks.change_webhook_secret,
        NoQuery,
        NoBody,
        {200: Answer(WebhookSecret, "The new secret.")},
        who=Who.OPERATOR,
    ),
    Operation(
        "POST",
        "/webhooks/{webhook_id}/replay",
        webhooks.replay_events,
        NoQuery,
        ReplayWish,
        WEBHOOK,
        who=Who.OPERATOR,
    ),
    Operation(
        "GET",
        "/webhooks/{webhook_id}/dead-letters",
        webhooks.list_dead_letters,
        LettersQuery,
        NoBody,
        {200: Answer(DeadLetters, "A page of dead letters.")},
        who=Who.OPERATOR,
    ),
    Operation(
        "POST",
        "/webhooks/{webhook_id}/retry",
        webhooks.retry_dead_letters,
        NoQuery,
        NoBody,
        RETRIED,
        who=Who.OPERATOR,
    ),
    Operation(
        "POST",
        "/webhooks/{webhook_id}/dead-letters/{letter_id}/retry",
        webhooks.retry_dead_letter,
        NoQuery,
        NoBody,
        RETRIED,
        who=Who.OPERATOR,
    ),
    Operation(
        "DELETE",
        "/webhooks/{webhook_id}/dead-letters/{letter_id}",
        webhooks.drop_dead_letter,
        NoQuery,
        NoBody,
        DONE,
        who=Who.OPERATOR,
    ),
)
