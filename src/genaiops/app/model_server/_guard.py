"""`/v1/classify`: small classifiers over one encoder, in one thread beside the event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.app.model_server._admission import Admission
from genaiops.app.model_server._http import refusal, respond_json
from genaiops.app.model_server._remembering import Remembering
from genaiops.checks.classifying import (
    Classifier,
    Topic,
    TopicScore,
    language_of,
    language_version,
    nearness,
    packaged,
    topic_nearness,
)
from genaiops.checks.readings import windows_read
from genaiops.checks.windows import Window
from genaiops.core.errors import TooLarge, UsageError
from genaiops.engines.minilm import Encoder
from genaiops.http1 import Exchange

Name = Literal["injection", "toxicity", "language", "topics"]

BODY_LIMIT = 4 << 20
MOST_TEXTS = 64
MOST_BYTES = 256 << 10
"""Of all texts together: about five seconds of work."""
MOST_TOPICS = 32
MOST_EXAMPLES = 32
_SLICE = 8  # windows between two looks at whether the client is still there
_KEPT_TOPIC_TEXTS = 2048


class ClassifyRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`scope`: whose texts they are; what is remembered of them serves the same scope. Empty: nothing is."""

    texts: list[str]
    classifiers: list[Name]
    topics: list[Topic] = []
    scope: str = ""


class Guard:
    """The endpoint. `await endpoint(exchange)`."""

    def __init__(self, encoder: Encoder, *, waiting: int) -> None:
        self._encoder = Remembering(encoder)
        self._scored = {name: Classifier(packaged(name)) for name in ("injection", "toxicity")}
        self._nearness = topic_nearness()
        self._versions = {name: f"{name}@{one.card.version}" for name, one in self._scored.items()}
        self._versions["topics"] = f"topics@{self._nearness.card.version}"
        self._versions["language"] = language_version()
        language_of("The first text would wait for the model of languages to be read.")
        self._topic_vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._admission = Admission("guard", waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="guard")

    async def __call__(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = msgspec.json.decode(body, type=ClassifyRequest)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        check(request)
        async with self._admission.turn():
            data = [await self._classify(text, request) for text in request.texts]
        versions = {name: self._versions[name] for name in request.classifiers}
        respond_json(exchange, {"object": "list", "model": "guard", "data": data, "versions": versions})

    async def _classify(self, text: str, request: ClassifyRequest) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        found: dict[str, Any] = {}
        if "language" in request.classifiers:
            found["language"] = await loop.run_in_executor(self._thread, language_of, text)
        if set(request.classifiers) == {"language"}:
            return found
        pieces = await loop.run_in_executor(self._thread, windows_read, text)
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(pieces), _SLICE):
            some = [piece.text for piece in pieces[start : start + _SLICE]]
            parts.append(await loop.run_in_executor(self._thread, self._encoder.encode, some, request.scope))
        vectors = np.concatenate(parts)
        for name in request.classifiers:
            if name in ("injection", "toxicity"):
                classifier = self._scored[name]
                score = await loop.run_in_executor(self._thread, classifier.score, pieces, vectors)
                found[name] = {"threshold": classifier.card.threshold.value, **msgspec.to_builtins(score)}
            elif name == "topics":
                found[name] = await loop.run_in_executor(self._thread, self._topics, pieces, vectors, request.topics)
        return found

    def _topics(
        self, pieces: Sequence[Window], vectors: NDArray[np.float32], topics: Sequence[Topic]
    ) -> list[dict[str, Any]]:
        threshold = self._nearness.card.threshold.value
        found: list[dict[str, Any]] = []
        for topic in topics:
            near = nearness(vectors, np.stack([self._topic_vector(text) for text in topic.texts]))
            best = int(np.argmax(near))
            score = self._nearness.score(float(near[best]))
            one = TopicScore(topic.name, score, score >= threshold, pieces[best].start, pieces[best].end)
            found.append({"threshold": threshold, **msgspec.to_builtins(one)})
        return found

    def _topic_vector(self, text: str) -> NDArray[np.float32]:
        """Descriptions come again with every request; each is encoded once."""
        vector = self._topic_vectors.get(text)
        if vector is None:
            self._topic_vectors[text] = vector = self._encoder.encode([text], "")[0]
            if len(self._topic_vectors) > _KEPT_TOPIC_TEXTS:
                self._topic_vectors.popitem(last=False)
        else:
            self._topic_vectors.move_to_end(text)
        return vector

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)


def check(request: ClassifyRequest) -> None:
    """Raises UsageError for what cannot be classified, TooLarge for too much at once: nothing is read in part."""
    if not 1 <= len(request.texts) <= MOST_TEXTS:
        raise UsageError(
            f"`texts` has {len(request.texts)} texts; 1 to {MOST_TEXTS} can be classified at once.",
            param="texts",
            remedy="Send them in several requests.",
        )
    size = sum(len(text.encode()) for text in request.texts)
    if size > MOST_BYTES:
        raise TooLarge(
            f"`texts` has {size} bytes; {MOST_BYTES} can be classified at once.",
            param="texts",
            remedy="Send them in several requests, long texts in parts.",
        )
    if not request.classifiers or len(set(request.classifiers)) != len(request.classifiers):
        raise UsageError(
            "`classifiers` is empty or names one twice.",
            param="classifiers",
            remedy="Name each once: injection, toxicity, language, topics.",
        )
    if ("topics" in request.classifiers) != bool(request.topics):
        raise UsageError(
            "The classifier `topics` and the field `topics` need each other.",
            param="topics",
            remedy="Describe the topics and name the classifier, or leave out both.",
        )
    if len(request.topics) > MOST_TOPICS or len({topic.name for topic in request.topics}) != len(request.topics):
        raise UsageError(
            f"`topics` has more than {MOST_TOPICS} topics, or two of one name.",
            param="topics",
            remedy="Give each its own name, in several requests when there are many.",
        )
    for topic in request.topics:
        if not topic.description.strip() or len(topic.examples) > MOST_EXAMPLES:
            raise UsageError(
                f"The topic {topic.name!r} has no description, or more than {MOST_EXAMPLES} examples.",
                param="topics",
                remedy="Describe it in a sentence, and give its best examples.",
            )
