"""Reload: what changed in the settings, and what it takes for each change to be in force."""

from typing import Any, Literal

import msgspec

from genaiops.app.config import all_keys
from genaiops.app.settings import Settings

Effect = Literal["restart", "at once", "workers", "control", "models"]

_EFFECTS: tuple[tuple[str, tuple[Effect, ...]], ...] = (
    ("gateway.workers", ("at once",)),
    ("gateway.", ("workers",)),
    ("listen.names", ("workers",)),
    ("listen.trusted_proxies", ("workers",)),
    ("oidc.", ("control",)),
    ("embedded.model_threads", ("models", "control")),
    ("embedded.context", ("models",)),
    ("content.capture", ("control", "workers")),
    ("content.", ("control",)),
    ("abuse.", ("control",)),
    ("disparity.", ("control",)),
    ("energy.", ("control",)),
    ("ingest.", ("control",)),
    ("export.", ("control",)),
    ("log.", ("workers", "control")),
)
"""The first prefix that fits decides; everything else (home, stores, address, which parts run) needs a restart."""

_WORDS: dict[Effect, str] = {
    "restart": "needs a restart",
    "at once": "now",
    "workers": "workers are replaced one by one",
    "control": "the control process is started again",
    "models": "the model servers are started again",
}


class Changed(msgspec.Struct, frozen=True):
    """One setting that differs between what runs and what was read."""

    key: str
    before: Any
    after: Any
    effects: tuple[Effect, ...]

    def line(self) -> str:
        """`gateway.body_limit: 10485760 -> 20971520 (workers are replaced one by one)`; URLs and headers may hold
        passwords."""
        how = ", ".join(_WORDS[effect] for effect in self.effects)
        if self.key.startswith("stores.") or self.key == "export.headers":
            return f"{self.key}: changed ({how})"
        return f"{self.key}: {_show(self.before)} -> {_show(self.after)} ({how})"


def compare(before: Settings, after: Settings) -> tuple[Changed, ...]:
    found: list[Changed] = []
    for key in all_keys():
        old, new = _value(before, key), _value(after, key)
        if old != new:
            found.append(Changed(key, old, new, _effects(key)))
    return tuple(found)


def merge(before: Settings, after: Settings) -> Settings:
    """`after`, but what needs a restart stays as it is running."""
    tree: dict[str, Any] = msgspec.to_builtins(after)
    for change in compare(before, after):
        if "restart" in change.effects:
            section, _, name = change.key.rpartition(".")
            (tree[section] if section else tree)[name] = change.before
    return msgspec.convert(tree, Settings)


def _effects(key: str) -> tuple[Effect, ...]:
    return next((effects for prefix, effects in _EFFECTS if key.startswith(prefix)), ("restart",))


def _value(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _show(value: Any) -> str:
    return ", ".join(map(str, value)) or "(none)" if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType]
