"""METEOR 1.5: the protocol of its program, what is made of a program that fails, and its own command line's digits."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.checks.metrics import metric, program
from genaiops.checks.metrics._metric import Asking
from genaiops.core.errors import ConfigError, GenaiopsError, OutsideError, TimedOut, TooLarge
from genaiops.domain import Measure, Sample
from genaiops.engines.meteor15 import JAVA_REMEDY, VARIABLE, Meteor15, digests, find_files, plain
from tests.checks.metrics.test_meaning import Alone, Toy
from tests.checks.metrics.texts import samples

FAKE = """#!{python}
import os, sys, time
open({starts!r}, "a").write("x")
beginning = {beginning!r}
if beginning == "dies":
    sys.exit("Error: Could not create the Java Virtual Machine")
if beginning == "is silent":
    time.sleep(600)
for line in sys.stdin:
    command, *fields = line.rstrip("\\n").split(" ||| ")
    if command == "EVAL":
        value = float(fields[0].split()[0]) / 10
        said = dict([(7.0, "NaN"), (8.0, "1.5"), (9.0, "high")]).get(value * 10, repr(value))
        print(said, said, sep="\\n", flush=True)
        continue
    answer = fields[-1]
    if answer == "die":
        sys.exit("Exception in thread: it is over")
    if answer == "hang":
        time.sleep(600)
    if answer == "nonsense":
        print("what is asked?", flush=True)
        continue
    if answer == "chatter":
        print("a" + chr(10) + "b", flush=True)
        continue
    if answer == "flood":
        print("0 " * 100000, flush=True)
        continue
    first = float(answer) if answer.isdigit() else float(len(fields))
    print(*[first] + [0.0] * 22, flush=True)
"""


class Faked:
    """A program of this test in the place of Java, which says of "4" a score of 0.4."""

    def __init__(self, folder: Path, beginning: str = "") -> None:
        self._starts = folder / "starts"
        (folder / "data").mkdir()
        (folder / "data" / "paraphrase-en.gz").write_bytes(b"")
        (folder / "meteor-1.5.jar").write_bytes(b"")
        text = FAKE.format(python=sys.executable, starts=str(self._starts), beginning=beginning)
        (folder / "java").write_text(text)
        (folder / "java").chmod(0o755)
        self.environ = {"PATH": str(folder), VARIABLE: str(folder / "meteor-1.5.jar")}
        self.meteor = Meteor15(self.environ, start_s=60 if beginning != "is silent" else 0.5)

    @property
    def starts(self) -> int:
        return len(self._starts.read_text())

    def say(self, output: str, *references: str, seconds: float = 60) -> float:
        return self.meteor.score(output, references or ("a",), seconds=seconds)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Faked]:
    made = Faked(tmp_path)
    yield made
    made.meteor.close()


def test_one_program_scores_many_answers(fake: Faked) -> None:
    assert [fake.say(each) for each in ("4", "1", "10")] == [0.4, 0.1, 1.0]
    assert fake.say("a\nb ||| c", "x ||| y", "z\u2028") == 0.3  # two references and an answer, whatever they hold
    assert fake.starts == 1
    fake.meteor.close()
    assert fake.say("2") == 0.2
    assert fake.starts == 2


def test_threads_get_their_own_scores(fake: Faked) -> None:
    said: dict[int, float] = {}
    threads = [
        threading.Thread(target=lambda each=each: said.setdefault(each, fake.say(str(each)))) for each in range(7)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert said == {each: each / 10 for each in range(7)}


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ("die", OutsideError, "ended: Exception in thread: it is over."),
        ("nonsense", OutsideError, "'what is asked?', which is no score"),
        ("chatter", OutsideError, "said more than it was asked"),
        ("flood", OutsideError, "said more than it was asked"),
        ("7", OutsideError, "no score"),
        ("8", OutsideError, "no score"),
        ("9", OutsideError, "no score"),
        ("4" * (1 << 20), TooLarge, "characters"),
    ],
    ids=["dies", "nonsense", "chatter", "flood", "nan", "high", "word", "long"],
)
def test_what_is_no_score_is_an_error_and_the_next_answer_has_one(
    fake: Faked, answer: str, kind: type[GenaiopsError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        fake.say(answer)
    assert told in caught.value.message
    assert fake.say("4") == 0.4


def test_a_slow_program_is_ended(fake: Faked) -> None:
    assert fake.say("4") == 0.4
    with pytest.raises(TimedOut, match=r"longer than 0\.2 s"):
        fake.say("hang", seconds=0.2)
    assert fake.say("4") == 0.4
    assert fake.starts == 2


@pytest.mark.parametrize(("beginning", "told"), [("dies", "Could not create the Java"), ("is silent", "longer than")])
def test_a_program_that_does_not_begin_is_not_tried_for_each_answer(tmp_path: Path, beginning: str, told: str) -> None:
    fake = Faked(tmp_path, beginning)
    for _ in range(3):
        with pytest.raises(OutsideError, match="does not start") as caught:
            fake.say("4")
        assert told in caught.value.message
    if beginning == "dies":  # the silent one may be ended before it has noted anything
        assert fake.starts == 1


async def test_the_metric_tells_errors_and_never_a_score(fake: Faked) -> None:
    found = metric("meteor_1_5", {"seconds": 60})
    assert isinstance(found, Asking)
    assert program(found) == "meteor_1_5"
    means = Alone(Toy())
    means.meteor = fake.meteor
    ask = [Sample(output="4", expected=("a",)), Sample(output="die", expected=("a",)), Sample(output="4")]
    said = [await found.consult(each, means) for each in ask]
    assert said[0] == Measure(value=0.4)
    assert said[1] == Measure(error="METEOR 1.5 ended: Exception in thread: it is over.")
    assert said[2] == Measure(error="The sample has no expected.")
    assert [each.error for each in found.measure(ask)][1:] == [
        "It asks the program of METEOR 1.5: it is measured by a run.",
        "The sample has no expected.",
    ]


def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path, fake: Faked) -> None:
    fake.meteor.check()
    assert "meteor-1.5.jar sha256:" in digests(find_files(fake.environ))
    with pytest.raises(ConfigError, match="no java") as caught:
        Meteor15({**fake.environ, "PATH": str(tmp_path / "data")}).check()
    assert caught.value.remedy == JAVA_REMEDY
    with pytest.raises(ConfigError, match=r"There is no file .*other\.jar") as caught:
        Meteor15({**fake.environ, VARIABLE: str(tmp_path / "other.jar")}).check()
    assert "genaiops[meteor-1-5]" in (caught.value.remedy or "")
    (tmp_path / "data" / "paraphrase-en.gz").unlink()
    with pytest.raises(ConfigError, match=r"paraphrase-en\.gz beside it"):
        fake.meteor.check()


def test_a_text_is_one_field_of_one_line() -> None:
    assert plain("a\r\nb\x85c\u2028\x00d ||| e || f | g\n") == "a b c d | | | e | | f | g"


@pytest.fixture
def real() -> Iterator[Meteor15]:
    made = Meteor15()
    try:
        made.check()
    except ConfigError as error:
        pytest.skip(f"needs METEOR 1.5: {error.remedy}")  # 100 MB and a Java runtime, also in strict mode
    yield made
    made.close()


def by_command(folder: Path, pairs: list[tuple[str, str]]) -> list[float]:
    """The scores that the program's own command line prints, a segment a line."""
    files = find_files()
    for name, texts in (("test", [pair[0] for pair in pairs]), ("reference", [pair[1] for pair in pairs])):
        (folder / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    command = [files.java, "-Xmx1024M", "-Dfile.encoding=UTF-8", "-jar", str(files.jar)]
    command += [str(folder / "test"), str(folder / "reference"), "-l", "en", "-norm"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    printed = [line.split("score:")[1] for line in done.stdout.splitlines() if line.startswith("Segment ")]
    return [float(each) for each in printed]


@pytest.mark.slow  # the program reads its table for seconds, twice
def test_scores_are_those_of_the_programs_own_command_line(real: Meteor15, tmp_path: Path) -> None:
    texts = samples(60, seed=5)
    pairs: list[tuple[str, str]] = [(plain(each.output), plain(each.expected[0])) for each in texts]
    pairs += [("", "a cat"), ("a cat", "a cat"), ("a ||| b", "a | b"), ("naïve café", "naive cafe")]
    ours = [real.score(output, (reference,), seconds=300) for output, reference in pairs]
    assert ours == by_command(tmp_path, pairs)
    assert 0 < sum(ours) < len(ours)


@pytest.mark.slow  # likewise
def test_the_best_reference_counts_and_paraphrases_are_known(real: Meteor15) -> None:
    def say(output: str, *references: str) -> float:
        return real.score(output, references, seconds=300)

    good, bad = "The party hear the commands .", "nothing at all"
    assert say(good, bad, good) == say(good, good, bad) == say(good, good) == 1.0
    assert say(good, bad) < say("the party heed the orders", good) < 1
    assert say("a lot of people", "a large number of people") > say("a tin of people", "a large number of people")
    assert say("", "") == 0
