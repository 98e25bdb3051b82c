"""How settings are read: `genaiops.toml`, then `GENAIOPS_*`, then flags; the later wins. An error names the place, the
key and the remedy.

The file is the one named by `--config`, else by `GENAIOPS_CONFIG`, else `genaiops.toml` in the data directory. The
current folder is never looked at: the same command does the same thing everywhere.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_origin, get_type_hints

import msgspec

from genaiops.app.guard_settings import read_classifiers, read_names
from genaiops.app.settings import ProvenanceOptions, Settings
from genaiops.app.sign_in import check_sign_in, read_networks
from genaiops.app.stores import check_urls
from genaiops.app.trace_options import check_export, read_shares
from genaiops.core.errors import ConfigError

FILE_VARIABLE = "GENAIOPS_CONFIG"
SHORT_VARIABLES = {"GENAIOPS_HOME": "home", "GENAIOPS_ONLY": "only", "GENAIOPS_PORT": "listen.port"}
"""Variables beside the rule GENAIOPS_SECTION_KEY."""

NOT_SETTINGS = frozenset({FILE_VARIABLE, "GENAIOPS_EMBEDDED_KEY"})
_DOCUMENTATION = "docs/configuration.md lists all settings"


class Loaded(msgspec.Struct, frozen=True):
    """`file` is None when there is none. `origins`: dotted key -> where its value comes from, if it was set."""

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]


def all_keys() -> dict[str, Any]:
    """Dotted key -> its type, of every setting: `home`, `listen.port`, ..."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found.update({f"{name}.{key}": sub for key, sub in get_type_hints(kind, include_extras=True).items()})
        else:
            found[name] = kind
    return found


def default_home(environ: Mapping[str, str]) -> Path:
    data = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".local" / "share")
    return Path(data) / "genaiops"


def read(
    flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ, *, file: str | Path | None = None
) -> Loaded:
    """`flags`: dotted key -> value (None: not given); `file` is what `--config` named. ConfigError else."""
    known = all_keys()
    given = {key: value for key, value in flags.items() if value is not None}
    from_environment = _read_environment(environ, known)
    path = _find_file(file, environ, given, from_environment)
    values: dict[str, tuple[Any, str]] = {}
    if path is not None:
        values.update(_read_file(path, known))
        if file is None and FILE_VARIABLE not in environ and "home" in values:
            raise ConfigError(
                f"home in {path} is set inside the data directory itself.",
                remedy=f"Remove it, or move the file elsewhere and name it with --config or {FILE_VARIABLE}.",
                param="home",
            )
    values.update(from_environment)
    values.update({key: (value, f"--{key.split('.')[-1].replace('_', '-')}") for key, value in given.items()})
    return Loaded(_assemble(values, known, environ), path, {key: origin for key, (_, origin) in values.items()})


def _find_file(
    named: str | Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
    from_environment: Mapping[str, tuple[Any, str]],
) -> Path | None:
    explicit = named or environ.get(FILE_VARIABLE)
    if explicit:
        path = Path(explicit).expanduser().absolute()
        if not path.is_file():
            origin = "--config" if named else FILE_VARIABLE
            raise ConfigError(
                f"There is no file {path}, which {origin} names.", remedy="Check the path.", code="no_config_file"
            )
        return path
    home = flags.get("home") or from_environment.get("home", (None, ""))[0] or default_home(environ)
    path = Path(home).expanduser().absolute() / "genaiops.toml"
    return path if path.is_file() else None


def _read_file(path: Path, known: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.", remedy="Correct the place it names.") from error
    values: dict[str, tuple[Any, str]] = {}
    for name, value in document.items():
        entries: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            entries = {f"{name}.{key}": sub for key, sub in cast("dict[str, Any]", value).items()}
        if not entries:
            _require_section(name, known, str(path))
        for key, entry in entries.items():
            if key not in known:
                raise _unknown(key, str(path), known)
            if key == "home" and isinstance(entry, str):
                entry = str(path.parent / Path(entry).expanduser())
            values[key] = (entry, str(path))
    return values


def _read_environment(environ: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    variables = {"GENAIOPS_" + key.upper().replace(".", "_"): key for key in known if "." in key} | SHORT_VARIABLES
    sections = {f"GENAIOPS_{key.partition('.')[0].upper()}_" for key in known if "." in key}
    values: dict[str, tuple[Any, str]] = {}
    for variable in sorted(environ):
        key = variables.get(variable)
        if key is not None:
            values[key] = (_from_text(environ[variable], known[key]), variable)
        elif variable not in NOT_SETTINGS and any(variable.startswith(section) for section in sections):
            # Other GENAIOPS_* names are free: secrets, a client's GENAIOPS_API_KEY.
            raise _unknown(variable, "the environment", variables)
    return values


def _from_text(text: str, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return _Text(text)


class _Text(str):
    """A value out of the environment: numbers and booleans are still text."""

    __slots__ = ()


def _assemble(values: Mapping[str, tuple[Any, str]], known: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    tree: dict[str, Any] = {}
    for key, (value, origin) in values.items():
        section, _, name = key.rpartition(".")
        converted = _convert(value, known[key], key, origin)
        (tree.setdefault(section, {}) if section else tree)[name] = converted
    home = Path(tree.get("home") or default_home(environ)).expanduser().absolute()
    tree["home"] = str(home)
    settings = msgspec.convert(tree, Settings)
    for key in ("records", "telemetry", "counters", "blobs", "cache"):
        check_urls(key, getattr(settings.stores, key), values.get(f"stores.{key}", (None, ""))[1])
    read_shares(settings.ingest.sample)
    check_export(settings.export.otlp, settings.export.headers)
    read_classifiers(settings.guard.classifiers)
    read_names(settings.guard.names)
    check_sign_in(settings.oidc)
    _check_provenance(settings.provenance)
    read_networks(settings.listen.trusted_proxies)
    return settings


def _check_provenance(given: ProvenanceOptions) -> None:
    if bool(given.certificate) != bool(given.key) or (given.root and not given.certificate):
        missing = "key" if given.certificate else "certificate"
        raise ConfigError(
            f"provenance.{missing} is missing: a certificate signs with its key.",
            remedy="Give provenance.certificate and provenance.key, or none: then the installation makes its own.",
            param=f"provenance.{missing}",
        )


def _convert(value: Any, kind: Any, key: str, origin: str) -> Any:
    try:
        return (
            msgspec.convert(str(value), kind, strict=False)
            if isinstance(value, _Text)
            else msgspec.convert(value, kind)
        )
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "")
        raise ConfigError(
            f"{key} is {value!r} in {origin}: {reason[0].lower()}{reason[1:]}.", remedy=f"{_DOCUMENTATION}.", param=key
        ) from error


def _require_section(name: str, known: Mapping[str, Any], origin: str) -> None:
    if not any(key.startswith(f"{name}.") for key in known):
        raise _unknown(name, origin, known)


def _unknown(name: str, origin: str, known: Mapping[str, Any]) -> ConfigError:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if not near:  # perhaps the right key in the wrong section
        near = [key for key in known if key.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    hint = f"Did you mean {near[0]}? " if near else ""
    return ConfigError(
        f"{name} in {origin} is no setting.", remedy=f"{hint}{_DOCUMENTATION}.", param=name, code="unknown_setting"
    )
