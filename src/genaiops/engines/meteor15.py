"""METEOR 1.5 by its authors' program (Denkowski and Lavie, LGPL 2.1), in a process of its own that runs in Java.

The program is asked in its own protocol, a line at a time (`-stdio`): `SCORE ||| reference ||| ... ||| answer` is
answered with counts, and `EVAL ||| counts` with the score, once for the answer and once for all that were named. The
jar and its table of paraphrases are found, never shipped: in the package pycocoevalcap, of which no code is run, or
where GENAIOPS_METEOR says. The process has the memory of `_MEMORY`, none of our environment's secrets, and ends with
ours, for it then reads the end of its input.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Final

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import ConfigError, GenaiopsError, OutsideError, TimedOut, TooLarge
from genaiops.engines._lines import Lines

VARIABLE: Final = "GENAIOPS_METEOR"
"""The jar itself, where it is not in the package."""
JAVA_REMEDY: Final = "Install a Java runtime, for example: apt-get install default-jre-headless"
JAR_REMEDY: Final = f"Run: pip install 'genaiops[meteor-1-5]'; or name the file with {VARIABLE}=.../meteor-1.5.jar"
_JAR: Final = "meteor-1.5.jar"
_PARAPHRASES: Final = "data/paraphrase-en.gz"
_MEMORY: Final = "-Xmx1024M"
_KEPT: Final = ("PATH", "HOME", "JAVA_HOME", "TMPDIR")
_COUNTS: Final = 23
_MOST: Final = 1 << 20
# What ends a line, for Java or for Python, and what parts the fields of a line.
_BREAKS: Final = re.compile("[\\x00\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_BARS: Final = re.compile(r"\|{2,}")


class Files(msgspec.Struct, frozen=True):
    """Where the program is, and what runs it."""

    java: str
    jar: Path

    @property
    def paraphrases(self) -> Path:
        """The table that it reads beside itself."""
        return self.jar.parent / _PARAPHRASES


def find_files(environ: Mapping[str, str] = os.environ) -> Files:
    """ConfigError names what is not there, and what to do."""
    java = shutil.which("java", path=environ.get("PATH"))
    if java is None:
        raise ConfigError("METEOR 1.5 needs Java, and there is no java.", remedy=JAVA_REMEDY, code="extra_missing")
    named = environ.get(VARIABLE)
    jar = Path(named).absolute() if named else _packaged()
    if jar is None or not jar.is_file():
        what = f"There is no file {named} ({VARIABLE})." if named else f"METEOR 1.5 needs {_JAR}, which is not here."
        raise ConfigError(what, remedy=JAR_REMEDY, code="extra_missing")
    found = Files(java, jar)
    if not found.paraphrases.is_file():
        raise ConfigError(f"{jar} has no {_PARAPHRASES} beside it.", remedy=JAR_REMEDY, code="extra_missing")
    return found


def _packaged() -> Path | None:
    found = find_spec("pycocoevalcap")
    places = [] if found is None else list(found.submodule_search_locations or ())
    return next((Path(place) / "meteor" / _JAR for place in places), None)


def digests(files: Files) -> str:
    """What a run says of the program that scored it: nobody but its files knows whether it is the authors'."""
    jar, table = (digest_bytes(each.read_bytes()) for each in (files.jar, files.paraphrases))
    return f"{files.jar.name} {jar}, {files.paraphrases.name} {table}"


def plain(text: str) -> str:
    """A text as one field of a line: its breaks become spaces, and bars that stand together stand apart, as the
    program's own normalisation has them anyway."""
    return _BARS.sub(lambda found: " ".join(found[0]), _BREAKS.sub(" ", text)).strip()


class Meteor15:
    """`start_s`: how long the program may take until it answers for the first time. Where it does not begin at all, it
    is not tried again; where it ends or is too slow for an answer, the next answer has a new one."""

    def __init__(self, environ: Mapping[str, str] = os.environ, *, start_s: float = 180.0) -> None:
        self._environ = environ
        self._start_s = start_s
        self._one = threading.Lock()
        self._program: _Program | None = None
        self._broken: OutsideError | None = None

    def check(self) -> None:
        find_files(self._environ)

    def score(self, output: str, references: Sequence[str], *, seconds: float) -> float:
        line = " ||| ".join(("SCORE", *map(plain, references), plain(output)))
        if len(line) > _MOST:
            raise TooLarge(f"The answer and its references have more than {_MOST} characters.")
        with self._one:
            program = self._started()
            try:
                return program.score(line, seconds)
            except BaseException:
                self._drop()
                raise

    def close(self) -> None:
        """End the program; an answer that it is asked about is waited for."""
        with self._one:
            self._drop()

    def _drop(self) -> None:
        if self._program is not None:
            self._program.end()
            self._program = None

    def _started(self) -> "_Program":
        if self._broken is not None:
            raise self._broken
        if self._program is not None:
            return self._program
        program = _Program(find_files(self._environ), self._environ)
        try:
            program.score("SCORE ||| a ||| a", self._start_s)
        except OutsideError as error:
            program.end()
            self._broken = OutsideError(f"METEOR 1.5 does not start. {error.message}", remedy=error.remedy)
            raise self._broken from error
        except BaseException:
            program.end()
            raise
        self._program = program
        return program


class _Program:
    """One process. After an error it is of no more use."""

    def __init__(self, files: Files, environ: Mapping[str, str]) -> None:
        command = [files.java, _MEMORY, "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8"]
        command += ["-jar", str(files.jar), "-", "-", "-stdio", "-l", "en", "-norm"]
        self._faults = TemporaryFile()  # noqa: SIM115 (`end` closes it)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=files.jar.parent,
                env={name: environ[name] for name in _KEPT if name in environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._faults,
                start_new_session=True,  # Ctrl-C is ours: the answers under way are still scored
            )
        except OSError as error:
            self._faults.close()
            raise OutsideError(f"{files.java} cannot be started: {error}.", remedy=JAVA_REMEDY) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdin.fileno(), self._process.stdout.fileno())

    def score(self, line: str, seconds: float) -> float:
        """By both steps of the protocol. OutsideError."""
        until = monotonic() + seconds
        try:
            [counts] = self._lines.ask(line, 1, until)
            if len(_numbers(counts)) != _COUNTS:
                raise self._nonsense(counts)
            said = self._lines.ask(f"EVAL ||| {counts}", 2, until)
        except TimeoutError:
            raise TimedOut(f"METEOR 1.5 took longer than {seconds:g} s.") from None
        except (EOFError, OSError):
            raise OutsideError(f"METEOR 1.5 ended{self._fault()}") from None
        except ValueError as error:
            raise OutsideError(f"METEOR 1.5 {error}") from None
        one, together = (_numbers(each) for each in said)
        if len(one) != 1 or one != together or not 0 <= one[0] <= 1:
            raise self._nonsense(" / ".join(said))
        return one[0]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for each in (self._process.stdin, self._process.stdout, self._faults):
            if each is not None:
                each.close()

    def _nonsense(self, said: str) -> GenaiopsError:
        return OutsideError(f"METEOR 1.5 said {said[:80]!r}, which is no score.")

    def _fault(self) -> str:
        """What it complained of last, if it did."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)  # it complains at its very end
        self._faults.seek(0)
        text = self._faults.read(1 << 16).decode("utf-8", "replace")
        lines = [each for each in text.splitlines() if each and not each.startswith(("\t", " "))]
        return f": {lines[-1][:200].rstrip('.')}." if lines else "."


def _numbers(line: str) -> list[float]:
    """() where something is no number, or not finite."""
    try:
        found = [float(each) for each in line.split()]
    except ValueError:
        return []
    return found if all(map(isfinite, found)) else []
