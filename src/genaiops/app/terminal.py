"""What `genaiops up` prints."""

import contextlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import genaiops

_BAR = 32


class Terminal:
    """Lines on standard output (as JSON: one object a line). A reader that went away stops nothing."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.interactive = not as_json and sys.stdout.isatty()

    def say(self, text: str = "", **facts: object) -> None:
        """`facts` are what the JSON form carries beside the text."""
        line = json.dumps({"message": text, **facts}) if self.as_json else text
        with contextlib.suppress(OSError, ValueError):
            print(line, flush=True)

    def progress(self, name: str, phase: str, done: int, total: int | None) -> None:
        """One line that is drawn over; nothing where nobody watches."""
        if not self.interactive:
            return
        if total:
            filled = _BAR * min(done, total) // total
            text = f"{'#' * filled}{'.' * (_BAR - filled)} {done / 1e6:6.1f} of {total / 1e6:.1f} MB"
        else:
            text = ""
        with contextlib.suppress(OSError):
            sys.stdout.write(f"\r  {name:10} {phase:9} {text:58}")
            sys.stdout.flush()

    def end_progress(self) -> None:
        if self.interactive:
            self.say()

    def banner(self, url: str, home: Path, *, admin_key: str | None, model: str | None, off: Sequence[str]) -> None:
        """The address, the key once, and what to paste."""
        key_file = home / "admin.key"
        if self.as_json:
            self.say("ready", url=url, admin_key_file=str(key_file), off=list(off))
            return
        lines = [
            "",
            f"  genaiops {genaiops.__version__} is ready.",
            "",
            f"  Console     {url}",
            f"  Model API   {url}/v1",
            f"  Commands    {_command()}",
        ]
        if admin_key is not None:
            lines += [f"  Admin key   {admin_key}", f"              (shown this once; kept in {key_file})"]
        else:
            lines += [f"  Admin key   in {key_file}"]
        lines += [f"  Data        {home}", *(f"  Off         {what}" for what in off), ""]
        if model is None:
            lines += ["  No model can be called yet: genaiops model add, or start with the embedded ones.", ""]
        else:
            lines += _examples(url, admin_key or f"$(cat {key_file})", key_file if admin_key is None else None, model)
        lines += ["  Ctrl-C stops everything.", ""]
        for line in lines:
            self.say(line)


def _examples(url: str, key: str, key_file: Path | None, model: str) -> list[str]:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
    python_key = f"open({str(key_file)!r}).read().strip()" if key_file is not None else repr(key)
    # Flush left: Python takes no line that begins with a blank.
    return [
        f"curl {url}/v1/chat/completions \\",
        f'  -H "authorization: Bearer {key}" -H "content-type: application/json" \\',
        f"  -d '{body}'",
        "",
        "from openai import OpenAI",
        f'client = OpenAI(base_url="{url}/v1", api_key={python_key})',
        f'answer = client.chat.completions.create(model="{model}",',
        '    messages=[{"role": "user", "content": "Say hello."}])',
        "print(answer.choices[0].message.content)",
        "",
    ]


def _command() -> str:
    """How `genaiops` is called from a shell: by its name where that finds this one, else by its path."""
    own = Path(sys.executable).with_name("genaiops")
    found = shutil.which("genaiops")
    if found is not None and (not own.exists() or Path(found).samefile(own)):
        return "genaiops --help"
    if not own.exists():
        return f"{sys.executable} -m genaiops --help"
    shown = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own
    return f"{shown} --help (or once: source {shown.with_name('activate')}, then genaiops)"
