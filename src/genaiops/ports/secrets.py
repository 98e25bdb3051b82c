"""Secrets: values by name, from the environment or an encrypted store; never in a log, a trace or an error."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

OWN = "genaiops/"
"""How the names of secrets begin that the installation keeps for itself: nobody sets, sees or removes them."""


class SecretInfo(msgspec.Struct, frozen=True):
    """Where a secret comes from; never its value. `source`: "environment" or "store"."""

    name: str
    source: str
    updated_us: int | None


class Secrets(Protocol):
    def get(self, name: str) -> str | None:
        """An environment variable of that name wins over the store."""
        ...

    def put(self, name: str, value: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def names(self) -> Sequence[SecretInfo]: ...

    def rotate_key(self) -> None:
        """Make a new key file and encrypt every secret anew, atomically."""
        ...
