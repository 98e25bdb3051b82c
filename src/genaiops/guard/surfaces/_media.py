"""Operations beside chat, in OpenAI's words (rerank: in Cohere's, which others share): requests and answers."""

from genaiops.guard.surfaces._chat import ERROR, GENAIOPS, PART, USAGE
from genaiops.guard.surfaces._grammar import AMOUNTS, FREE, MODEL, NAME, TEXT, UNIT, URL, Node, Rule, extend, node, text

_MODEL = Rule(MODEL, FREE)

EMBEDDINGS = node("encoding_format input_type truncate task", model=_MODEL, input=text("user", PART), genaiops=GENAIOPS)
EMBEDDED = node(
    "object id",
    model=_MODEL,
    data=node("object", sealed="embedding"),
    usage=USAGE,
    error=ERROR,
)
RERANK = node(
    "truncation",
    model=_MODEL,
    query=text("user", UNIT),
    documents=text("retrieved", UNIT),
    rank_fields=Rule(NAME, FREE),
    genaiops=GENAIOPS,
)
_RANKED = node(document=text("retrieved", UNIT), text=text("retrieved"))
RERANKED = node(
    "id object",
    model=_MODEL,
    results=_RANKED,
    data=_RANKED,
    meta=node(api_version=node("version"), billed_units=AMOUNTS, warnings=Rule(TEXT, FREE)),
    usage=USAGE,
)
MODERATIONS = node(model=_MODEL, input=text("user", PART), genaiops=GENAIOPS)
_CATEGORIES = Node(Rule(NAME, AMOUNTS))
MODERATED = node(
    "id",
    model=_MODEL,
    results=node(categories=_CATEGORIES, category_scores=_CATEGORIES, category_applied_input_types=_CATEGORIES),
    usage=USAGE,
)
IMAGES = node(
    "size quality style background moderation output_format response_format service_tier",
    model=_MODEL,
    prompt=text("user"),
    negative_prompt=text("user"),
    genaiops=GENAIOPS,
)
IMAGINED = node(
    "background output_format quality size type",
    media="b64_json partial_image_b64",
    data=text("model_output", node(media="b64_json", links="url", said="revised_prompt")),
    revised_prompt=text("model_output"),
    usage=USAGE,
    error=ERROR,
)
"""A whole answer, or an event of a stream."""

SPEECH = node(
    "response_format stream_format language",
    model=_MODEL,
    input=text("user"),
    instructions=text("system"),
    voice=Rule(NAME, node("id name")),
    genaiops=GENAIOPS,
)
SPOKEN = node("type", media="audio", usage=USAGE, error=ERROR)
_HEARD: dict[str, Node | Rule] = {
    "text": text("model_output"),
    "transcript": text("model_output"),
    "words": node(word=text("model_output"), text=text("model_output"), speaker=Rule(TEXT, FREE)),
    "segments": node("type id", text=text("model_output"), speaker=Rule(TEXT, FREE)),
    "speaker": Rule(TEXT, FREE),
    "languages": Rule(NAME, FREE),
    "usage": USAGE,
    "error": ERROR,
    "x_groq": node("id"),
}
TRANSCRIBED = node("task language type id request_id", model=_MODEL)
extend(TRANSCRIBED, **_HEARD)
"""A whole answer, or an event of a stream."""

VIDEOS = node(
    "size seconds",
    model=_MODEL,
    prompt=text("user"),
    input_reference=Rule(URL, node("file_id type", links="image_url url")),
    genaiops=GENAIOPS,
)
VIDEO = node(
    "id object status size seconds quality remixed_from_video_id type first_id last_id",
    model=_MODEL,
    prompt=text("user"),
    error=ERROR,
)
extend(VIDEO, data=Rule(TEXT, VIDEO))
_NAMING = """
model response_format temperature stream language timestamp_granularities[] timestamp_granularities include[] include
chunking_strategy seconds size
"""
FORM_NAMES = frozenset(_NAMING.split())
"""Fields of forms that name things."""
