"""Suites of promptfoo: `promptfooconfig.yaml` is read as a suite, and what cannot be is refused by name and line."""

from collections.abc import Mapping
from typing import Any

import msgspec

from genaiops.arena.promptfoo._config import Imported, is_promptfoo, read_promptfoo

__all__ = ["Imported", "echo", "is_promptfoo", "read_promptfoo"]


def echo(case: Mapping[str, Any]) -> str:
    """The provider `echo`: what is asked comes back."""
    if case.get("messages"):
        return msgspec.json.encode(case["messages"]).decode()
    return case.get("input", "")
