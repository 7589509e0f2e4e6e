"""The port of webhooks: where they lead, how far each has come, and what was given up.

Promises that every adapter keeps, besides those of `shared.ports.metadata`:

- Of several workers, one at a time holds a webhook; only its holder saves progress.
- A dead letter is kept once for each webhook and event, however often it's buried.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.core.webhooks import DeadLetter, Progress, Webhook


class WebhookStore(Protocol):
    """Webhooks."""

    async def insert(self, hook: Webhook) -> bool:
        """Keep the webhook; False, and nothing is changed, if one of that id is there."""

    async def find(self, webhook_id: str) -> Webhook | None:
        """The webhook; None if there is none."""

    async def all(self) -> Sequence[Webhook]:
        """All webhooks, the oldest first."""

    async def replace(self, former: Webhook, hook: Webhook) -> bool:
        """Put `hook`, with the next revision, in place of `former`; False, and nothing is changed, if it's another one now."""

    async def delete(self, webhook_id: str) -> None:
        """Let go of the webhook, its progress and its dead letters, if it's there."""

    async def claim(self, webhook_id: str, holder: str, now: datetime, until: datetime) -> Progress | None:
        """Hold the webhook until that time, or longer if it's held already; gives its progress.

        None, and nothing is changed, if somebody else holds it now.
        """

    async def release(self, webhook_id: str, holder: str) -> None:
        """Hold it no more, so that others can at once."""

    async def save_progress(self, webhook_id: str, holder: str, progress: Progress) -> bool:
        """Keep the progress; False, and nothing is changed, if somebody else holds the webhook, or nobody ever did."""

    async def progress(self, webhook_id: str) -> Progress:
        """How far delivery has come."""

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the dead letter, in place of the one of the same event and webhook if there is one."""

    async def letter(self, webhook_id: str, letter_id: str) -> DeadLetter | None:
        """The dead letter; None if there is none."""

    async def letters(
        self, webhook_id: str, *, after: str | None = None, limit: int = 100, waiting: bool = False
    ) -> Sequence[DeadLetter]:
        """Dead letters in the order in which they failed first; with `waiting` only those that wait to be tried again.

        `after` is the id of the last one had; () if that isn't there any more.
        """

    async def retry(self, webhook_id: str, letter_id: str | None) -> int:
        """Have the dead letter, or all of the webhook, tried once more; says how many."""

    async def drop(self, webhook_id: str, letter_id: str) -> None:
        """Let go of the dead letter, if it's there."""

    async def count_letters(self, webhook_id: str | None = None) -> int:
        """How many dead letters there are, of one webhook or of all."""

    async def forget_letters(self, before: datetime) -> int:
        """Let go of those that failed before that time; says how many."""
