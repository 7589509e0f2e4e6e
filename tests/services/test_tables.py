"""Which service answers which command."""

import inspect
from typing import Any, get_type_hints

import pytest

from services.ecosystem.handlers import EcosystemHandlers
from services.lock.handlers import LockHandlers
from services.storage.handlers import StorageHandlers
from shared.core.contents import Retention
from shared.messages.codec import COMMAND_TYPES
from shared.messages.commands import Service
from tests.services.conftest import DRAFTS_MAX_AGE, Services


def tables(services: Services) -> dict[Service, Any]:
    metadata, now = services.metadata, services.clock
    return {
        Service.LOCK: LockHandlers(metadata, now).table(),
        Service.STORAGE: StorageHandlers(metadata, services.content, Retention(), DRAFTS_MAX_AGE, now).table(),
        Service.ECOSYSTEM: EcosystemHandlers(metadata, now).table(),
    }


@pytest.mark.parametrize("service", Service)
def test_each_command_is_answered_by_its_service_and_by_no_other(services: Services, service: Service) -> None:
    expected = {command for command in COMMAND_TYPES.values() if command.service is service}

    assert set(tables(services)[service]) == expected


def test_each_handler_takes_the_command_that_it_stands_for(services: Services) -> None:
    for table in tables(services).values():
        for command, handler in table.items():
            (parameter,) = inspect.signature(handler).parameters
            assert get_type_hints(handler)[parameter] is command
