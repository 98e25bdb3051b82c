"""Whether a file of weights can run code when it is loaded.

Pickle can (protocol 0 to 5, bare or within zip, tar, gzip, bzip2, xz or zlib: PyTorch's .pt and .bin, joblib, numpy's
arrays of objects), and so can a Lambda layer of Keras, which holds bytecode. safetensors, GGUF and ONNX hold numbers.
Files are looked into by content, whatever their names say, and nothing of them is ever executed.
"""

import bz2
import gzip
import io
import json
import lzma
import pickletools
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final, cast

import msgspec

_HEAD: Final = 64
_LARGEST_STREAM: Final = 64 << 20
"""Bytes of a member or of a compressed stream that are looked at: pickles of weights have their program in front."""
_BROKEN: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, struct.error)
_DEEPEST: Final = 3
_MOST_MEMBERS: Final = 10_000
_MOST_OPCODES: Final = 2_000_000

_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_CALLS = frozenset({"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
"""Opcodes of pickle."""

_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
_OBJECTS = re.compile(rb"'descr'\s*:\s*(?:'[|<>=]?O|\[.*'[|<>=]?O)")
_NAMES = re.compile(r"(?:\.(?:pkl|pickle|joblib|dill|pt|pth|ckpt)|(?:^|/)pytorch_model[^/]*\.bin)$", re.IGNORECASE)


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """`format` is what the content is (`unknown`: none of those that are known); `danger` what of it could run code,
    and where (None: nothing)."""

    format: str
    danger: str | None = None


def check_weights(file: IO[bytes]) -> Weights:
    """Of a file that can be sought in; it is read, never loaded."""
    return _look(file, "", 0)


def dangerous_name(name: str) -> bool:
    """Whether a file of that name is by custom a pickle: where only names are known."""
    return _NAMES.search(name) is not None


def _look(file: IO[bytes], where: str, depth: int) -> Weights:
    file.seek(0)
    head = file.read(_HEAD)
    found = _format(file, head)
    # More than one format may hold for one file, and its loader may choose another than we would: all are looked at.
    for danger in _dangers(file, head, where, depth):
        return Weights(format=found, danger=danger)
    return Weights(format=found)


def _format(file: IO[bytes], head: bytes) -> str:
    if head.startswith(b"GGUF"):
        return "gguf"
    if _is_safetensors(file, head):
        return "safetensors"
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[:1] == b"\x08" and head[1:2] in {b"%c" % version for version in range(1, 32)}:
        return "onnx"
    return "unknown"


_MAGIC: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "zip",
    b"\x93NUMPY": "npy",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x80\x02": "pickle",
    b"\x80\x03": "pickle",
    b"\x80\x04": "pickle",
    b"\x80\x05": "pickle",
}


def _is_safetensors(file: IO[bytes], head: bytes) -> bool:
    """Eight bytes of length, then a JSON object of that length."""
    if len(head) < 9 or head[8:9] != b"{":
        return False
    (length,) = struct.unpack("<Q", head[:8])
    if length > 100_000_000:
        return False
    file.seek(8)
    try:
        return isinstance(json.loads(file.read(length)), dict)
    except (ValueError, RecursionError):
        return False


def _dangers(file: IO[bytes], head: bytes, where: str, depth: int) -> Iterator[str]:
    if head.startswith(b"\x93NUMPY"):
        file.seek(0)
        if _OBJECTS.search(file.read(65_536 + 12)):
            yield f"{where}an array of objects of numpy, which is a pickle"
        return
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        if _holds(file, _LAMBDA):
            yield f"{where}a Lambda layer of Keras, which is Python bytecode"
        return
    yield from _pickled(file, head, where)
    if depth >= _DEEPEST:
        return
    file.seek(0)
    if zipfile.is_zipfile(file):
        yield from _in_zip(file, where, depth)
    if head[:2] in {b"\x1f\x8b", b"BZ", b"\xfd7"} or (head[:1] == b"\x78" and len(head) > 1):
        yield from _in_stream(file, head, where, depth)
    elif _is_tar(file):
        yield from _in_tar(file, where, depth)


def _pickled(file: IO[bytes], head: bytes, where: str) -> Iterator[str]:
    """A pickle runs as it is read, so that one that is broken off behind a call has made the call. One of protocol 0
    has no mark in front, and texts read as its opcodes for a while: it counts when it calls what it has imported."""
    binary = head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}
    file.seek(0)
    seen: set[str] = set()
    try:
        for count, (opcode, argument, _) in enumerate(_opcodes(file)):
            name = opcode.name
            calls = (name in _CALLS and bool(seen & _IMPORTS)) or (name == "INST" and "MARK" in seen)
            if calls or (binary and name in _IMPORTS | _CALLS):
                what = f" of {argument}" if isinstance(argument, str) else ""
                yield f"{where}a pickle that imports or calls ({name}{what})"[:300]
                return
            seen.add(name)
            if count > _MOST_OPCODES:
                break
    except (ValueError, OverflowError, EOFError, struct.error):
        pass
    if binary and len(seen) > 1:
        yield f"{where}a pickle"


def _opcodes(file: IO[bytes]) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in bytes that are no text
        yield from pickletools.genops(cast("IO[bytes]", _Bounded(file)))


class _Bounded:
    """As much of a file as is looked at, and nothing that claims to be larger."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = _LARGEST_STREAM

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data

    def readline(self) -> bytes:
        data = self._file.readline(self._left)
        self._left -= len(data)
        return data


def _in_zip(file: IO[bytes], where: str, depth: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                yield f"{where}an archive of {len(members):,} files, more than are looked at"
                return
            for member in members:
                if member.is_dir():
                    continue
                if member.flag_bits & 1:
                    yield f"{where}{member.filename}: encrypted, so that nobody can look into it"
                    return
                with archive.open(member) as content:
                    data = content.read(_LARGEST_STREAM)
                yield from _member(data, f"{where}{member.filename}: ", depth)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, *_BROKEN) as error:
        yield f"{where}an archive that cannot be looked into ({error})"


def _in_tar(file: IO[bytes], where: str, depth: int) -> Iterator[str]:
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number > _MOST_MEMBERS:
                    yield f"{where}an archive of more than {_MOST_MEMBERS:,} files"
                    return
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield from _member(content.read(_LARGEST_STREAM), f"{where}{member.name}: ", depth)
    except (tarfile.TarError, OSError) as error:
        yield f"{where}an archive that cannot be looked into ({error})"


def _member(data: bytes, where: str, depth: int) -> Iterator[str]:
    if _LAMBDA.search(data):
        yield f"{where}a Lambda layer of Keras, which is Python bytecode"
        return
    danger = _look(io.BytesIO(data), where, depth + 1).danger
    if danger is not None:
        yield danger


def _is_tar(file: IO[bytes]) -> bool:
    file.seek(257)
    return file.read(5) == b"ustar"


def _in_stream(file: IO[bytes], head: bytes, where: str, depth: int) -> Iterator[str]:
    file.seek(0)
    try:
        data = _opener(head)(file)
    except (*_BROKEN, ValueError):
        return  # it only began like one
    yield from _member(data, where, depth)


def _opener(head: bytes) -> Callable[[IO[bytes]], bytes]:
    if head.startswith(b"\x1f\x8b"):
        return lambda file: gzip.GzipFile(fileobj=file).read(_LARGEST_STREAM)
    if head.startswith(b"BZ"):
        return lambda file: bz2.BZ2File(file).read(_LARGEST_STREAM)
    if head.startswith(b"\xfd7"):
        return lambda file: lzma.LZMAFile(file).read(_LARGEST_STREAM)
    return lambda file: zlib.decompressobj().decompress(file.read(_LARGEST_STREAM), _LARGEST_STREAM)


def _holds(file: IO[bytes], pattern: re.Pattern[bytes]) -> bool:
    file.seek(0)
    rest = b""
    while piece := file.read(1 << 20):
        if pattern.search(rest + piece):
            return True
        rest = piece[-64:]
    return False
