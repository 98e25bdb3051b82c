"""Prompts of the Hub by name: kept in memory and refreshed in the background, on disk for when the server is away."""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from genaiops.core.errors import GenaiopsError, OutsideError, UsageError
from genaiops.domain import PromptManifest, ReadyPrompt, link, prompt_manifest
from genaiops.sdk._address import Address, find_address
from genaiops.sdk._client import Client, path_of
from genaiops.sdk._context import current_span
from genaiops.sdk._runtime import exporter, settings

Source = Literal["server", "disk", "fallback"]

_TIMEOUT = 3.0
_DEEPEST = 8
_AGAIN = 5.0
"""Seconds until a server that did not answer is asked again."""


class _Version(msgspec.Struct, frozen=True):
    """What is needed of `/api/versions/{reference}`."""

    digest: str
    manifest: PromptManifest


class _Served(msgspec.Struct, frozen=True):
    """What the disk keeps: a version with all that it includes put in."""

    name: str
    digest: str
    manifest: PromptManifest


class Prompt:
    """A version of a prompt. `version` is its digest, None for a fallback; `source` says where it came from."""

    def __init__(self, ready: ReadyPrompt, source: Source) -> None:
        self._ready = ready
        self.name = ready.name
        self.version = ready.digest or None
        self.source: Source = source
        self.manifest = ready.manifest

    def render(self, /, **variables: Any) -> list[dict[str, Any]]:
        """The messages, as the gateway renders them; the open span notes the prompt and its version.

        UsageError names a variable that is missing, unknown, too long or of another type."""
        messages = self._ready.render(self._ready.check(variables))
        span = current_span()
        if span is not None:
            span.set("gen_ai.prompt.name", self.name)
            span.set("gen_ai.prompt.version", self.version)
        return messages

    def arguments(self, /, **variables: Any) -> dict[str, Any]:
        """The messages with the prompt's model, parameters, tools and response format: what
        `client.chat.completions.create(**...)` takes."""
        manifest = self.manifest
        found: dict[str, Any] = {**manifest.parameters, "messages": self.render(**variables)}
        if manifest.model is not None:
            found["model"] = manifest.model
        if manifest.tools:
            found["tools"] = list(manifest.tools)
        if manifest.response_format is not None:
            found["response_format"] = manifest.response_format
        return found

    def __repr__(self) -> str:
        return f"Prompt({self.name!r}, version={self.version!r}, source={self.source!r})"


def prompt(reference: str, /, *, fallback: Mapping[str, Any] | str | Path | None = None, ttl: float = 60.0) -> Prompt:
    """The version that `support/answer@prod` or `support/answer@sha256:...` names now.

    The first call asks the server. Later ones return at once what is known; after `ttl` seconds it is refreshed in the
    background. When the server is away the last copy on this machine's disk serves, and without one the `fallback`: a
    prompt as it is pushed, or the path of a JSON file that holds one.

    UsageError when the fallback is no prompt. Without a fallback the server's refusal is raised, or Unavailable."""
    ready = None if fallback is None else _fallback(reference, fallback)
    address = find_address(settings().url, settings().api_key)
    entry = _store.entry(reference, address, ttl)
    if entry.prompt is not None:
        return entry.prompt
    assert entry.error is not None
    if ready is None:
        raise entry.error.with_traceback(None)
    exporter().tell(f"fallback {reference}", f"The fallback of the prompt {reference!r} serves: {entry.error}")
    return Prompt(ready, "fallback")


class _Entry(msgspec.Struct, frozen=True):
    """What is known of a reference, until when by `time.monotonic`. Without a prompt: why there is none."""

    prompt: Prompt | None
    error: GenaiopsError | None
    fresh_until: float


class _Store:
    def __init__(self) -> None:
        self._entries: dict[tuple[str, Address], _Entry] = {}
        self.renew()

    def renew(self) -> None:
        """Locks of its own, for a child of this process; what is known stays known."""
        self._lock = threading.Lock()
        self._busy: dict[tuple[str, Address], threading.Lock] = {}

    def entry(self, reference: str, address: Address, ttl: float) -> _Entry:
        key = (reference, address)
        found = self._entries.get(key)
        if found is not None and time.monotonic() < found.fresh_until:
            return found
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        if found is not None and found.prompt is not None:
            if busy.acquire(blocking=False):
                work = threading.Thread(target=self._refresh, args=(key, ttl, busy), daemon=True)
                try:
                    work.start()
                except RuntimeError:  # the interpreter is ending
                    busy.release()
            return found
        with busy:
            now = self._entries.get(key)
            if now is None or now is found:
                now = self._entries[key] = _ask(reference, address, ttl, found)
            return now

    def _refresh(self, key: tuple[str, Address], ttl: float, busy: threading.Lock) -> None:
        try:
            self._entries[key] = _ask(*key, ttl, self._entries.get(key))
        finally:
            busy.release()


_store = _Store()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_store.renew)


def _ask(reference: str, address: Address, ttl: float, known: _Entry | None) -> _Entry:
    """From the server; else what is known already, else what is on the disk."""
    copy = _copy_of(reference, address)
    try:
        with Client(address.url, address.key, timeout=_TIMEOUT) as client:
            served = _fetched(client, reference)
    except GenaiopsError as error:
        again = time.monotonic() + _AGAIN
        kept = None if known is None else known.prompt
        if kept is None and isinstance(error, OutsideError):
            kept = _read(copy)
        if kept is not None:
            exporter().tell(f"stale {reference}", f"The prompt {reference!r} is served from what was kept: {error}")
        return _Entry(kept, error, again)
    _write(copy, served)
    forever = "@sha256:" in reference
    made = Prompt(ReadyPrompt(served.name, served.digest, served.manifest), "server")
    return _Entry(made, None, float("inf") if forever else time.monotonic() + ttl)


def _fetched(client: Client, reference: str, depth: int = 0) -> _Served:
    """A version, with the texts of what it includes put in: each is asked for by the digest that it was pinned to."""
    answer = client.request("GET", path_of("/api/versions", f"prompt/{reference}"))
    try:
        version = msgspec.json.decode(answer.body, type=_Version)
    except msgspec.MsgspecError as error:
        raise OutsideError(
            f"The server's prompt cannot be read: {error}.", remedy="Bring the SDK to the server's version."
        ) from error

    def included(name: str) -> PromptManifest:
        pinned = version.manifest.includes.get(name)
        if pinned is None or depth >= _DEEPEST:
            raise OutsideError(f"The prompt {reference!r} came without its include {name!r}.", remedy="Push it again.")
        return _fetched(client, pinned.removeprefix("prompt/"), depth + 1).manifest

    return _Served(reference.partition("@")[0], version.digest, link(version.manifest, included))


def _fallback(reference: str, given: Mapping[str, Any] | str | Path) -> ReadyPrompt:
    name = reference.partition("@")[0]

    def no_includes(include: str) -> PromptManifest:
        raise UsageError(
            f"The fallback of {name!r} includes {include!r}.", remedy="Write its text out.", param="fallback"
        )

    if not isinstance(given, Mapping):
        try:
            given = msgspec.json.decode(Path(given).read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(
                f"The fallback {str(given)!r} cannot be read: {error}.",
                remedy="Give a JSON file with messages and variables.",
                param="fallback",
            ) from error
    return ReadyPrompt(name, "", link(prompt_manifest(given), no_includes))


def _copy_of(reference: str, address: Address) -> Path | None:
    """A file for each reference, installation and key; GENAIOPS_CACHE names the folder, empty: none."""
    folder = os.environ.get("GENAIOPS_CACHE")
    if folder is None:
        home = os.environ.get("XDG_CACHE_HOME")
        folder = str((Path(home) if home else Path("~/.cache").expanduser()) / "genaiops")
    if not folder:
        return None
    name = hashlib.sha256("\n".join((address.url, address.key or "", reference)).encode()).hexdigest()[:40]
    return Path(folder, "prompts", f"{name}.json")


def _read(copy: Path | None) -> Prompt | None:
    try:
        found = None if copy is None else msgspec.json.decode(copy.read_bytes(), type=_Served)
        return None if found is None else Prompt(ReadyPrompt(found.name, found.digest, found.manifest), "disk")
    except (OSError, msgspec.MsgspecError, UsageError):
        return None


def _write(copy: Path | None, served: _Served) -> None:
    if copy is None:
        return
    import tempfile  # brings random and shutil with it

    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only this user may read it, from its first byte on; whoever reads meanwhile sees the former whole.
        handle, name = tempfile.mkstemp(dir=copy.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(served))
        Path(name).replace(copy)
    except OSError:  # a read-only home is no reason to fail
        return
