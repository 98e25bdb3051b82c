"""Texts without secrets that look as if they had some: real code, locks, records of hashes and prose from what is
installed here, and identifiers and encoded data made for the purpose."""

import base64
import json
import random
import sysconfig
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

_CHUNK: Final = 1024
_KINDS: Final = {
    "code": ("stdlib", "*.py"),
    "minified code": ("purelib", "*.min.js"),
    "records of hashes": ("purelib", "*.dist-info/RECORD"),
    "prose": ("purelib", "*.dist-info/METADATA"),
}


class Harmless(msgspec.Struct, frozen=True):
    """`half`: 0 while developing, 1 for the figures; by the file it is from, or by its number."""

    kind: str
    where: str
    text: str
    half: int


def harmless(seed: int, each: int) -> list[Harmless]:
    """`each`: of every kind, at most. Pieces of 1 KB."""
    chance = random.Random(seed)
    found: list[Harmless] = []
    for kind, (scheme, glob) in _KINDS.items():
        pieces = list(_pieces(kind, Path(sysconfig.get_path(scheme)), glob))
        found += chance.sample(pieces, min(each, len(pieces)))
    locks = list(_cut("locks", Path("requirements"), sorted(Path("requirements").glob("*.txt"))))
    found += chance.sample(locks, min(each, len(locks)))
    for number in range(each):
        found += [Harmless(kind, str(number), text, number % 2) for kind, text in _made(chance)]
    return found


def _pieces(kind: str, root: Path, glob: str) -> Iterator[Harmless]:
    skipped = {"site-packages", "test", "tests", "idle_test"} if kind == "code" else set[str]()
    files = [path for path in sorted(root.rglob(glob)) if not skipped & set(path.relative_to(root).parts)]
    return _cut(kind, root, files)


def _cut(kind: str, root: Path, files: list[Path]) -> Iterator[Harmless]:
    for path in files:
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8", errors="replace")
        for begin in range(0, min(len(text), 200 * _CHUNK), _CHUNK):
            piece = text[begin : begin + _CHUNK]
            if len(piece) > _CHUNK // 4:
                yield Harmless(kind, f"{name}:{begin}", piece, zlib.crc32(name.encode()) % 2)


def _made(chance: random.Random) -> Iterator[tuple[str, str]]:
    def digits(size: int) -> str:
        return chance.randbytes(size).hex()

    def random_uuid() -> str:
        return str(uuid.UUID(bytes=chance.randbytes(16), version=4))

    yield (
        "uuids",
        json.dumps([{"id": random_uuid(), "parent_id": random_uuid(), "at": chance.random()} for _ in "12345"]),
    )
    yield "hashes", "\n".join(f"{digits(size)}  file-{size}.tar.gz" for size in (16, 20, 28, 32, 48, 64))
    yield "git", "\n".join(f"commit {digits(20)}\nindex {digits(4)[:7]}..{digits(4)[:7]} 100644" for _ in "12345")
    yield "images", f"![](data:image/png;base64,{base64.b64encode(chance.randbytes(700)).decode()})"
    integrity = base64.b64encode(chance.randbytes(64)).decode()
    locked = {"version": "1.2.3", "resolved": "https://example.org/a/-/a-1.2.3.tgz", "integrity": f"sha512-{integrity}"}
    yield "npm locks", json.dumps({"node_modules/a": locked}, indent=2)
    vector = ", ".join(f"{chance.uniform(-1, 1):.8f}" for _ in range(80))
    yield "embeddings", f'{{"object": "embedding", "embedding": [{vector}]}}'
    yield (
        "answers",
        json.dumps(
            {
                "id": f"chatcmpl-{digits(12)}",
                "system_fingerprint": f"fp_{digits(5)}",
                "tool_call_id": f"call_{digits(12)}",
            }
        ),
    )
