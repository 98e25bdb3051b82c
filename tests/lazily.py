"""Modules that are imported when something of them is first used: collecting tests does not wait for them."""

from importlib import import_module
from typing import Any


class Lazily:
    """Stands for the module `name`. Not for annotations, which are read when a function is defined: quote these."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
