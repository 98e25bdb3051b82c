"""Evals of OpenAI's registry as suites; with the real package in the slow lane."""

import ast
import re
import string
import subprocess
import sys
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.arena.openai_evals import Wish, eval_names, is_openai_eval, read_openai_eval
from genaiops.checks.metrics import metric
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Sample, Suite
from tests.conftest import Require

BASIC = """
capitals:
  id: capitals.dev.v0
  description: Capitals.
  metrics: [accuracy]
capitals.dev.v0:
  class: evals.elsuite.basic.{kind}
  args:
    samples_jsonl: capitals/samples.jsonl
{more}
"""
SAMPLES = """\
{"input": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Of France?"}], "ideal": "Paris"}
{"input": "Of Italy?", "ideal": ["Rome", "Roma"]}
"""
GRADED = """
kind.v0:
  class: evals.elsuite.modelgraded.classify:ModelBasedClassify
  args:
    samples_jsonl: capitals/samples.jsonl
    eval_type: cot_classify
    modelgraded_spec: SPEC
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """The folder `evals` of one."""
    for name in ("evals", "data/capitals", "modelgraded"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/capitals/samples.jsonl").write_text(SAMPLES)
    return tmp_path / "evals"


def suite_of(text: str, registry: Path, **wish: Any) -> Suite:
    assert is_openai_eval(text)
    return read_openai_eval(text, registry, Wish(model="m", **wish))[0]


def basic(kind: str, more: str = "") -> str:
    return BASIC.format(kind=kind, more=more)


@pytest.mark.parametrize(
    ("kind", "more", "name"),
    [
        ("match:Match", "", "starts_with"),
        ("includes:Includes", "", "contains_any"),
        ("includes:Includes", "    ignore_case: true", "icontains_any"),
        ("fuzzy_match:FuzzyMatch", "    max_tokens: 20", "fuzzy_match"),
        ("json_match:JsonMatch", "", "json_equals"),
    ],
)
def test_a_class_is_a_check(kind: str, more: str, name: str, registry: Path) -> None:
    suite = suite_of(basic(kind, more), registry)
    assert [check.metric for check in suite.check] == [name]
    first, second = suite.case
    assert (first.messages[-1]["content"], first.expected) == ("Of France?", ("Paris",))
    assert (second.input, second.expected) == ("Of Italy?", ("Rome", "Roma"))
    assert suite.target[0].model == "m"
    assert suite.target[0].parameters.get("max_tokens") == (20 if more.startswith("    max") else None)


def test_shots_stand_before_the_last_message(registry: Path) -> None:
    (registry.parent / "data/capitals/shots.jsonl").write_text('{"sample": [{"role": "user", "content": "shot"}]}\n')
    samples = registry.parent / "data/capitals/samples.jsonl"
    samples.write_text(SAMPLES.splitlines()[0])
    more = "    num_few_shot: 1\n    few_shot_jsonl: capitals/shots.jsonl"
    [case] = suite_of(basic("match:Match", more), registry).case
    assert [each["content"] for each in case.messages] == ["Be short.", "shot", "Of France?"]


def test_models_that_grade_are_judges(registry: Path) -> None:
    (registry.parent / "modelgraded/funny.yaml").write_text(
        "funny:\n  prompt: 'Is {completion} to {input} funny?'\n  choice_strings: '12345'\n"
        "  choice_scores: from_strings\n  input_outputs:\n    input: completion\n"
    )
    suite = suite_of(GRADED.replace("SPEC", "funny"), registry, judge="j")
    judge = suite.check[0].options["judge"]
    assert (judge["model"], judge["choices"][1]["value"]) == ("j", 0.4)
    assert "(the answer, between marks)" in judge["rubric"]
    assert suite_of(GRADED.replace("SPEC", "fact"), registry).check[0].options["judge"]["template"] == "factuality"
    (registry.parent / "data/capitals/samples.jsonl").write_text(
        "".join(f'{{"input": "x", "criteria": "{each}"}}\n' for each in ("Short.", "Long.", "Short."))
    )
    closed = suite_of(GRADED.replace("SPEC", "closedqa"), registry)
    assert [each.options["judge"]["rubric"] for each in closed.check] == ["Short.", "Long."]
    assert [each.slices for each in closed.case] == [("criterion 1",), ("criterion 2",), ("criterion 1",)]
    (registry.parent / "data/capitals/samples.jsonl").write_text('{"input1": "a", "input2": "a", "completion2": "c"}\n')
    battle = suite_of(GRADED.replace("SPEC", "battle"), registry)
    assert (battle.case[0].input, battle.case[0].expected) == ("a", ("c",))
    assert battle.check[0].options["judge"]["template"] == "pairwise"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (basic("own:Game"), "class Game"),
        (basic("match:Match", "    odd: 1"), "args.odd"),
        (basic("match:Match").replace("capitals/samples", "../../secret"), "outside"),
        (basic("match:Match").replace("capitals/samples", "missing"), "no file"),
        (GRADED.replace("SPEC", "nothing"), "no specification"),
        (GRADED.replace("SPEC", "battle"), "input1"),
        (GRADED.replace("SPEC", "closedqa"), "no criteria"),
        (basic("match:Match") + GRADED, "2 evals"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(text: str, said: str, registry: Path) -> None:
    with pytest.raises((UsageError, NotFound), match=re.escape(said)):
        suite_of(text, registry)


def test_pointers_of_git_lfs_are_no_samples(registry: Path) -> None:
    (registry.parent / "data/capitals/samples.jsonl").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UsageError, match="Git LFS"):
        suite_of(basic("match:Match"), registry)


@pytest.mark.parametrize(
    ("said", "wanted", "value"), [("The Paris!", "paris", 1), ("I say Paris", "Paris", 1), ("", "", 1), ("", "a b", 0)]
)
def test_fuzzy_match(said: str, wanted: str, value: float) -> None:
    assert metric("fuzzy_match").measure([Sample(output=said, expected=(wanted,))])[0].value == value


@pytest.mark.slow  # 46 MB are downloaded
def test_the_real_registry(tmp_path: Path, require: Require) -> None:
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["uv", "tool", "run", "pip"]
    command = ["download", "--no-deps", "-q", "-d", str(tmp_path), "evals==3.0.1.post1"]
    done = subprocess.run([*pip, *command], capture_output=True, text=True, check=False)
    require(done.returncode == 0, "evals", f"a package index: {done.stderr[-300:]}")
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path, [name for name in archive.namelist() if name.startswith("evals/registry/")])
        source = archive.read("evals/elsuite/utils.py").decode()
    counts: Counter[str] = Counter()
    for file in sorted((tmp_path / "evals/registry/evals").glob("*.yaml"))[::7]:  # all of them take two minutes
        text = file.read_text(encoding="utf-8")
        for name in eval_names(text) if is_openai_eval(text) else ():
            try:
                read_openai_eval(text, file.parent, Wish(eval=name, model="m"))
            except GenaiopsError:
                counts["refused"] += 1
            else:
                counts["taken"] += 1
    assert counts["taken"] > 50, counts
    _holds_to(source)


def _holds_to(source: str) -> None:
    """`fuzzy_match` says what that of the package says."""
    functions = [each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    wanted = [each for each in functions if each.name in ("normalize", "fuzzy_match")]
    space: dict[str, Any] = {"re": re, "string": string}
    exec(compile(ast.Module(body=list(wanted), type_ignores=[]), "evals", "exec"), space)

    @given(st.text("aA the.,b", max_size=8), st.text("aA the.,b", max_size=8))
    def alike(said: str, other: str) -> None:
        ours = metric("fuzzy_match").measure([Sample(output=said, expected=(other,))])[0].value
        assert ours == float(space["fuzzy_match"](said, other))

    alike()
