"""Reading a foreign configuration so that nothing is overlooked: what is not taken is reported."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """About one place in the file. `lost`: it has no counterpart; `changed`: it means something else here; `do`:
    somebody has to do it. `what` says what stands there, `instead` what to do."""

    path: str
    effect: Literal["lost", "changed", "do"]
    what: str
    instead: str


class KnownProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a prefix of LiteLLM leads: a provider here, its address, the secret's name."""

    provider: str
    base_url: str | None = None
    key: str | None = None
    path: str = ""
    operations: tuple[str, ...] = ()


class Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hub/data/litellm.toml."""

    providers: dict[str, KnownProvider]
    bare: dict[str, str]
    modes: dict[str, str]
    instead: dict[str, str]


@cache
def tables() -> Tables:
    text = files("genaiops.hub").joinpath("data/litellm.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Tables)


class Findings:
    """Collects them; `environ` is where the file's `os.environ/NAME` is looked up."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.all: list[Finding] = []

    def lost(self, path: str, what: str, instead: str) -> None:
        self._add(Finding(path, "lost", what, instead))

    def changed(self, path: str, what: str, instead: str) -> None:
        self._add(Finding(path, "changed", what, instead))

    def do(self, path: str, what: str, instead: str) -> None:
        self._add(Finding(path, "do", what, instead))

    def _add(self, finding: Finding) -> None:
        if finding not in self.all:
            self.all.append(finding)


class Section:
    """A mapping of the file at `path`. `kind` is under which name the tables know its keys ("": the top)."""

    def __init__(self, content: Mapping[str, Any], path: str, kind: str, findings: Findings) -> None:
        self.path = path
        self.findings = findings
        self._content = content
        self._kind = kind
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def take(self, key: str) -> Any:
        """The value (None: not there), which so is dealt with."""
        self._taken.add(key)
        return self._content.get(key)

    def text(self, key: str) -> str | None:
        """The value as text, looked up in the environment where it says so. A finding where it is not there."""
        value = self.take(key)
        if value is None:
            return None
        name = variable(value)
        if name is None:
            return str(value)
        if name not in self.findings.environ:
            self.findings.lost(
                self.place(key),
                f"it is taken from the environment variable {name}, which is not set here.",
                f"Set {name} and import again.",
            )
        return self.findings.environ.get(name)

    def number(self, key: str) -> float | None:
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return None
        try:
            return float(self.findings.environ.get(variable(value) or "", value))
        except (TypeError, ValueError):
            self.findings.lost(self.place(key), "this is no number.", "Mend the file, or set it afterwards.")
            return None

    def section(self, key: str) -> "Section":
        value = self.take(key)
        content = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        return Section(content, self.place(key), key, self.findings)

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def silence(self) -> None:
        """Say nothing of what is in it: the whole of it is reported."""
        self._taken |= self._content.keys()

    def report(self, key: str, what: str = "it has no counterpart here.") -> None:
        known = tables().instead.get(f"{self._kind}.{key}" if self._kind else key)
        self.findings.lost(self.place(key), what, known or "See whether you need it; nothing here does the same.")

    def report_rest(self) -> None:
        """Everything that nobody took."""
        for key, value in self._content.items():
            if key not in self._taken and value not in (None, "", [], {}):
                self.report(key)


def variable(value: Any) -> str | None:
    """NAME of `os.environ/NAME`."""
    return value.removeprefix("os.environ/") if isinstance(value, str) and value.startswith("os.environ/") else None


def whole(value: float | None) -> int | None:
    return None if value is None else int(value)
