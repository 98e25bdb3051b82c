"""MiniLM against its own library: minilm_reference.json holds what sentence-transformers answered to the same texts."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from genaiops.engines.minilm import DIMENSIONS, MAX_TOKENS, Encoder, _safetensors
from genaiops.engines.weights import locate


class Reference(msgspec.Struct, frozen=True):
    """`head`: the first eight components of each vector; `cosines`: of all pairs, six digits."""

    sentences: list[str]
    tokens: list[int]
    head: list[list[float]]
    cosines: list[list[float]]


REFERENCE = msgspec.json.decode(Path(__file__).with_name("minilm_reference.json").read_bytes(), type=Reference)


@pytest.fixture(scope="module")
def fp32(models_dir: Path) -> Encoder:
    return Encoder(locate("minilm", models_dir.parent).directory)


@pytest.mark.needs_weights("minilm")
def test_fp32_agrees_with_the_reference_implementation(fp32: Encoder) -> None:
    encoding = fp32.encode(REFERENCE.sentences)
    vectors = encoding.vectors
    assert vectors.shape == (len(REFERENCE.sentences), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert list(encoding.tokens) == REFERENCE.tokens
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert np.abs(vectors @ vectors.T - np.array(REFERENCE.cosines)).max() < 1e-4  # promised is 1e-3
    assert np.abs(vectors[:, :8] - np.array(REFERENCE.head)).max() < 1e-4


@pytest.mark.needs_weights("minilm")
def test_fp32_gives_the_figures_in_the_documentation_of_sentence_transformers(fp32: Encoder) -> None:
    vectors = fp32.encode(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    ).vectors
    documented = np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]])
    assert np.abs(vectors @ vectors.T - documented).max() < 1e-3


@pytest.mark.needs_weights("minilm", "minilm-int8")
def test_int8_is_as_far_from_the_reference_as_its_card_says(models_dir: Path, fp32: Encoder) -> None:
    installed = locate("minilm-int8", models_dir.parent)
    measured = installed.manifest.measured
    card = (installed.directory / "MODEL-CARD.md").read_text("utf-8")
    assert f"{measured['cosine_difference_max']:.4f} at most" in card
    vectors = Encoder(installed.directory).encode(REFERENCE.sentences).vectors
    pairs = np.triu_indices(len(REFERENCE.sentences), 1)
    difference = np.abs(vectors @ vectors.T - np.array(REFERENCE.cosines))[pairs]
    # Other sentences than those of the card: the same order of magnitude, and not the fp32 version by mistake.
    assert 0.001 < difference.mean() < 2 * measured["cosine_difference_mean"]
    assert difference.max() < 2 * measured["cosine_difference_max"]


@pytest.mark.needs_weights("minilm")
@pytest.mark.parametrize(
    "name", ["minilm", pytest.param("minilm-int8", marks=pytest.mark.needs_weights("minilm-int8"))]
)
def test_a_vector_does_not_depend_on_its_neighbours(models_dir: Path, name: str) -> None:
    encoder = Encoder(locate(name, models_dir.parent).directory)
    alone = encoder.encode(["refund policy"]).vectors[0]
    among = encoder.encode(["a much longer neighbour that would need padding " * 4, "refund policy", ""]).vectors[1]
    assert alone.tobytes() == among.tobytes()


@pytest.mark.needs_weights("minilm")
def test_long_texts_are_cut_and_say_so(fp32: Encoder) -> None:
    words = MAX_TOKENS - 2  # [CLS] and [SEP] count
    encoding = fp32.encode(["word " * words, "word " * (words + 1), "word " * words + "other"])
    assert encoding.tokens == (MAX_TOKENS,) * 3
    assert encoding.truncated == (False, True, True)
    assert encoding.vectors[0].tobytes() == encoding.vectors[1].tobytes() == encoding.vectors[2].tobytes()


@pytest.mark.needs_weights("minilm")
def test_nothing_to_encode_is_no_vectors(fp32: Encoder) -> None:
    assert fp32.encode([]).vectors.shape == (0, DIMENSIONS)


def test_a_safetensors_file_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    table = b'{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    path.write_bytes(len(table).to_bytes(8, "little") + table + np.array([1.5, -2], np.float32).tobytes())
    assert _safetensors.load(path)["t"].tolist() == [1.5, -2.0]

    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="'t'"):
        _safetensors.load(path)
    path.write_bytes((1 << 40).to_bytes(8, "little") + table)
    with pytest.raises(ValueError, match="cut short"):
        _safetensors.load(path)
