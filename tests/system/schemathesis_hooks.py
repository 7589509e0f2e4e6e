"""What Schemathesis is told about this API beyond its document: names that are names, and ids of things that exist."""

import json
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

from shared.core.names import container_name_fault, file_name_fault
from shared.core.users import user_name_fault

EXISTING = "LECTERN_TEST_EXISTING"
"""Environment variable: JSON of path parameter -> values that lead to something."""

_TEXT = st.text(min_size=1, max_size=40)
_KNOWN: dict[str, list[str]] = json.loads(os.environ.get(EXISTING, "{}"))

schemathesis.openapi.format("file-name", _TEXT.filter(lambda name: file_name_fault(name) is None))
schemathesis.openapi.format("container-name", _TEXT.filter(lambda name: container_name_fault(name) is None))
schemathesis.openapi.format("user-name", _TEXT.filter(lambda name: user_name_fault(name) is None))
schemathesis.openapi.format("event-position", st.sampled_from(["1", "2", "3", "latest"]))
schemathesis.openapi.format("webhook-url", st.sampled_from(["https://a.example/x", "http://192.0.2.1:81/?y"]))


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Three of four made-up ids become ids of something that exists."""
    for name, values in _KNOWN.items():
        made_up = (path_parameters or {}).get(name)
        if isinstance(made_up, str) and made_up and path_parameters is not None:
            choice = sum(made_up.encode("utf-8", "surrogatepass"))
            if choice % 4:
                path_parameters[name] = values[choice // 4 % len(values)]
    return path_parameters
