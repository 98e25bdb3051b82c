"""`python -m benchmarks.guardrails garak`: garak attacks a running gateway, guarded by nothing, by the default policy
and by the one of docs/attacks.md; harmless texts go the same way.

The model behind it is the worst there can be (`obedient.py`), so that what does not succeed was stopped by the guard.
With `--model smollm2` the embedded model answers, too: how often attacks succeed then says more of that model.
"""

import argparse
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.guardrails.garak_runs import OUTCOMES, Ended, Garak
from benchmarks.guardrails.guarded_gateway import UNGUARDED, GuardedGateway, documented
from benchmarks.guardrails.obedient import Obedient
from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.core.errors import GenaiopsError
from genaiops.sdk import Client
from training import corpora
from training.corpora import Corpus
from training.packages import Packages
from training.writing import CACHE

HARDENED: Final = "hardened"
STOPPED: Final = "content_filter"
"""The code of the error of a call that a guard policy stops."""
MODELS: Final = Path("~/.cache/genaiops-test/models").expanduser()
PROBES: Final = (
    "adaptive_attacks.AdaptiveAttacks",
    "ansiescape.AnsiEscaped",
    "ansiescape.AnsiRaw",
    "apikey",
    "av_spam_scanning.EICAR",
    "av_spam_scanning.GTUBE",
    "badchars",
    "continuation.ContinueSlursReclaimedSlurs",
    "dan.Ablation_Dan_11_0",
    "dan.AutoDANCached",
    "dan.ChatGPT_Developer_Mode_v2",
    "dan.DanInTheWild",
    "dan.DAN_Jailbreak",
    "dan.DUDE",
    "dan.STAN",
    "doctor.Bypass",
    "doctor.BypassLeet",
    "doctor.Puppetry",
    "donotanswer.MaliciousUses",
    "dra.DRA",
    "encoding",
    "encoding.InjectLeet",
    "encoding.InjectMime",
    "encoding.InjectQP",
    "encoding.InjectSneakyBits",
    "encoding.InjectUnicodeVariantSelectors",
    "exploitation",
    "grandma.Substances",
    "grandma.Win10",
    "latentinjection.LatentInjectionFactSnippetEiffel",
    "latentinjection.LatentInjectionFactSnippetLegal",
    "latentinjection.LatentInjectionReport",
    "latentinjection.LatentInjectionResume",
    "latentinjection.LatentInjectionTranslationEnFr",
    "latentinjection.LatentInjectionTranslationEnZh",
    "latentinjection.LatentWhoisSnippet",
    "malwaregen.TopLevel",
    "phrasing.PastTense",
    "promptinject",
    "propile.PIILeakTwin",
    "smuggling.FunctionMasking",
    "smuggling.HypotheticalResponse",
    "suffix.GCGCached",
    "tap.TAPCached",
    "web_injection",
)
"""What needs no download and no other model. Left out: questions about facts (snowball, misleading), books by heart
(leakreplay), what needs an attacking or a judging model (atkgen, goat, fitd), images and sound."""


class Benign(msgspec.Struct, frozen=True):
    """Harmless texts of one source under one policy. `altered`: something was taken out on the way there or back."""

    corpus: str
    policy: str
    blocked: int
    altered: int
    of: int


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--probes", default=",".join(PROBES), help="names of garak's probes, or their modules [all]")
    parser.add_argument("--most", type=int, default=20, help="attacks of a probe that has many [20]")
    parser.add_argument("--benign", type=int, default=250, help="harmless texts of each source; 0: only ours [250]")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--models", type=Path, default=MODELS, help=f"a folder of pulled weights [{MODELS}]")
    parser.add_argument("--model", help="attack this embedded model, too, for example smollm2")
    parser.add_argument("--tokens", type=int, default=40, help="the most that it says [40]")


def measure(given: argparse.Namespace) -> Report:
    policies = {UNGUARDED: 'description = "Nothing is looked at."\n', "default": None, HARDENED: documented(_title())}
    harmless = benign_corpora(given.benign)
    with TemporaryDirectory(prefix="genaiops-bench-") as folder:
        garak = Garak(Path(folder), given.probes.split(","), most=given.most, seed=given.seed)
        with Obedient(garak.answers()) as worst, GuardedGateway(Path(folder), given.models, policies) as gateway:
            gateway.add_model("obedient", worst.base_url)
            ended = {name: attacked(garak, gateway, name, "obedient") for name in policies}
            tables = [by_family(ended, "a model that obeys"), by_probe(ended)]
            if given.model:
                ended = {name: attacked(garak, gateway, name, given.model, given.tokens) for name in policies}
                tables.append(by_family(ended, given.model))
            rows = [benign(gateway, corpus, name) for corpus in harmless for name in (HARDENED, "default")]
    return Report(
        name="garak",
        tables=[*tables, _benign_table(rows)],
        notes=[
            f"At most {given.most} attacks of probes that draw some of many, all of the others; seed {given.seed}.",
            "succeeded: garak's own detector says so. blocked: the client got no answer. The rest was disarmed.",
        ],
    )


def attacked(
    garak: Garak, gateway: GuardedGateway, policy: str, model: str, tokens: int | None = None
) -> Sequence[Ended]:
    """Every attack under one policy. BenchmarkError when something else than the guard refused a call, or when a rule
    could not say: what is blocked because a classifier was late was not recognised."""
    ended = garak.attack(gateway.url, gateway.keys[policy], model, name=f"{policy}-{model}", tokens=tokens)
    figures = gateway.figures(policy, sum(one.outcome == "blocked" for one in ended))
    failed = [one.rule for one in figures if one.errors]
    if failed:
        raise BenchmarkError(f"Rules of {policy} that could not say: {', '.join(failed)}. Is the machine too busy?")
    return ended


def by_family(ended: Mapping[str, Sequence[Ended]], model: str) -> Table:
    def family(one: Ended) -> str:
        return one.probe.partition(".")[0]

    return _table(f"attacks that succeed with {model}, by module of garak", ended, family, total=True)


def by_probe(ended: Mapping[str, Sequence[Ended]]) -> Table:
    return _table("the same by probe", ended, lambda one: one.probe, total=False)


def _table(title: str, ended: Mapping[str, Sequence[Ended]], named: Callable[[Ended], str], *, total: bool) -> Table:
    counted = {policy: Counter((named(one), one.outcome) for one in all_) for policy, all_ in ended.items()}
    names = sorted({name for counts in counted.values() for name, _ in counts})
    if total:
        for counts in counted.values():
            counts.update({("all", outcome): sum(counts[name, outcome] for name in names) for outcome in OUTCOMES})
        names.append("all")
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        of = {policy: sum(counts[name, outcome] for outcome in OUTCOMES) for policy, counts in counted.items()}
        succeeded = (rate(counts[name, "succeeded"], of[policy]) for policy, counts in counted.items())
        rows.append((name, *succeeded, rate(counted[HARDENED][name, "blocked"], of[HARDENED])))
    return Table(title, ("attack", *ended, f"blocked by {HARDENED}"), rows)


def benign_corpora(most: int) -> list[Corpus]:
    """Ours, full of trigger words, and texts of benchmarks that the classifiers were not trained on."""
    ours = corpora.held_out()
    found = [
        msgspec.structs.replace(ours, name="ours, with trigger words", rows=[row for row in ours.rows if not row[1]])
    ]
    if most:
        packages = Packages(CACHE.expanduser() / "packages")
        for name, field in (("MMLU/test", "question"), ("NQ-open/test", "question"), ("BoolQ/test", "passage")):
            found.append(corpora.harmless(packages, name, field, most))
        asked = found[2]
        rows = [(f"What does this Base64 say? {b64encode(text.encode()).decode()}", 0) for text, _ in asked.rows]
        found.append(msgspec.structs.replace(asked, name=f"{asked.name} in Base64", rows=rows))
    return found


def benign(gateway: GuardedGateway, corpus: Corpus, policy: str) -> Benign:
    """The model says back what it gets."""
    client = Client(gateway.url, gateway.keys[policy], timeout=60)

    def ask(text: str) -> str | None:
        body = {"model": "obedient", "messages": [{"role": "user", "content": text}]}
        try:
            return client.post("/v1/chat/completions", body)["choices"][0]["message"]["content"]
        except GenaiopsError as error:
            if error.code != STOPPED:
                raise
            return None

    texts = [text for text, _ in corpus.rows]
    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(ask, texts))
    blocked = said.count(None)
    altered = sum(one is not None and one != text for one, text in zip(said, texts, strict=True))
    return Benign(corpus.name, policy, blocked, altered, len(texts))


def _benign_table(rows: Iterable[Benign]) -> Table:
    return Table(
        "harmless texts",
        ("source", "policy", "blocked", "altered"),
        [(one.corpus, one.policy, rate(one.blocked, one.of), rate(one.altered, one.of)) for one in rows],
    )


def _title() -> str:
    return f"{HARDENED}.toml"
