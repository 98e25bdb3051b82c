"""Reads a safetensors file: a length, a JSON table of names, types and places, then the bytes."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_TYPES: dict[str, type[np.generic]] = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}


class _Entry(Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def load(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of `path` by name, read-only. Raises ValueError for a file that is not what it says."""
    raw = path.read_bytes()
    head = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 + head:
        raise ValueError(f"{path} is cut short: its table needs {head} bytes, the file has {len(raw)}.")
    table = msgspec.json.decode(raw[8 : 8 + head], type=dict[str, msgspec.Raw])
    table.pop("__metadata__", None)
    tensors: dict[str, NDArray[Any]] = {}
    for name, place in table.items():
        entry = msgspec.json.decode(place, type=_Entry)
        start, end = (8 + head + offset for offset in entry.data_offsets)
        if entry.dtype not in _TYPES or end > len(raw):
            raise ValueError(
                f"{path}: the tensor {name!r} has type {entry.dtype} and ends at {end} of {len(raw)} bytes."
            )
        tensors[name] = np.frombuffer(raw[start:end], dtype=_TYPES[entry.dtype]).reshape(entry.shape)
    return tensors
