"""Files that run code when they are loaded are recognised; none of them is ever loaded here."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.weights import check_weights, dangerous_name


class Attack:
    """Would end the process that loads it."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        import os

        return os._exit, (66,)


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("pickle")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def safetensors(metadata: dict[str, str] | None = None) -> bytes:
    header = json.dumps(
        {"__metadata__": metadata or {}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


EVIL = pickle.dumps({"weights": [1, 2], "x": Attack()})
TORCH = {"archive/data.pkl": EVIL, "archive/data/0": bytes(64)}
LAMBDA = json.dumps({"config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEAAAA="]}}]}}).encode()

DANGEROUS: dict[str, bytes] = {
    **{f"protocol {number}": pickle.dumps(Attack(), protocol=number) for number in range(6)},
    "broken off behind the call": EVIL[:-1],
    "with something behind": EVIL + bytes(1000),
    "pickle without a call": pickle.dumps({"a": [1.5, 2.5]}),
    "torch": zipped(**TORCH),
    "torch in the old form": tarred(EVIL),
    "renamed within": zipped(**{"weights.json": EVIL}),
    "zip within zip": zipped(**{"inner.bin": zipped(**TORCH)}),
    "zip behind safetensors": safetensors() + zipped(**TORCH),
    "gzip": gzip.compress(EVIL),
    "bzip2": bz2.compress(EVIL),
    "xz": lzma.compress(EVIL),
    "joblib": zlib.compress(EVIL, 3),
    "tar.gz": gzip.compress(tarred(EVIL)),
    "array of objects": npy(np.array([{"a": 1}, None], dtype=object)),
    "record with an object": npy(np.array([(1, None)], dtype=[("n", "i4"), ("o", "O")])),
    "npz": zipped(**{"a.npy": npy(np.zeros(3)), "b.npy": npy(np.array([None], dtype=object))}),
    "keras": zipped(**{"config.json": LAMBDA}),
    "keras in hdf5": b"\x89HDF\r\n\x1a\n" + bytes(2_000_000) + LAMBDA,
}
HARMLESS: dict[str, tuple[str, bytes]] = {
    "safetensors": ("safetensors", safetensors({"note": "cos\nsystem\n(S'x'\ntR."})),
    "gguf": ("gguf", b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(64)),
    "onnx": ("onnx", b"\x08\x08\x12\x07pytorch" + bytes(32)),
    "array": ("npy", npy(np.arange(6.0).reshape(2, 3))),
    "npz": ("zip", zipped(**{"a.npy": npy(np.zeros(3))})),
    "text": ("unknown", b"The weights of a model, in words."),
    "json": ("unknown", b'{"hidden_size": 576}'),
    "nothing": ("unknown", b""),
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_what_runs_code_is_recognised(name: str) -> None:
    assert check_weights(io.BytesIO(DANGEROUS[name])).danger is not None


@pytest.mark.parametrize("name", HARMLESS)
def test_what_holds_numbers_is_not(name: str) -> None:
    form, data = HARMLESS[name]
    found = check_weights(io.BytesIO(data))
    assert (found.format, found.danger) == (form, None)


def test_it_says_where() -> None:
    found = check_weights(io.BytesIO(zipped(**{"inner.bin": zipped(**TORCH)})))
    assert found.danger is not None
    assert found.danger.startswith("inner.bin: archive/data.pkl: a pickle that imports or calls")


def test_encrypted_archives_are_not_trusted() -> None:
    data = bytearray(zipped(**{"a.bin": b"x" * 100}))
    data[6] |= 1  # the flag of the member, and of its entry in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    found = check_weights(io.BytesIO(bytes(data)))
    assert found.danger is not None
    assert "encrypted" in found.danger


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x04", b"\x1f\x8b", b"\x93NUMPY", b"x\x9c"]))
def test_any_bytes_are_answered(data: bytes, front: bytes) -> None:
    check_weights(io.BytesIO(front + data))


@given(st.sampled_from(sorted(DANGEROUS)), st.integers(0, 200))
def test_nothing_is_executed(name: str, cut: int) -> None:
    """The attack would end this process."""
    data = DANGEROUS[name]
    check_weights(io.BytesIO(data[: max(0, len(data) - cut)]))


@pytest.mark.parametrize(
    ("name", "dangerous"),
    [
        ("model.pt", True),
        ("a/pytorch_model-00001-of-2.bin", True),
        ("X.PKL", True),
        ("model.safetensors", False),
        ("model.gguf", False),
        ("vocab.bin", False),
    ],
)
def test_names(name: str, dangerous: bool) -> None:
    assert dangerous_name(name) is dangerous
