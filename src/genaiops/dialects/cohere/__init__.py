"""Cohere's API, version 2 (chat, embed), and how it becomes OpenAI's chat and embeddings and back.

A client that speaks it, a target that speaks OpenAI's: `decode_chat`, `chat_request`, `answer_from_chat`, `ChatEvents`;
`decode_embed`, `embeddings_request`, `answer_from_embeddings`; `error_body`, `error_event`. A prompt in a request:
`decode_prompted`, `merge`. The other direction is the provider's (`genaiops.providers.cohere`), which reads answers by
`wire`. What the other dialect cannot say is a UsageError that names the field (code `not_translatable`); the hints that
are left out are listed in `request` and `embed`. Rerank needs no translation: others have taken Cohere's form.
"""

from genaiops.dialects.cohere.answer import answer_from_chat
from genaiops.dialects.cohere.embed import answer_from_embeddings, embeddings_request
from genaiops.dialects.cohere.errors import error_body, error_event
from genaiops.dialects.cohere.head import (
    ChatHead,
    EmbedHead,
    decode_chat,
    decode_embed,
    decode_prompted,
    dense_inputs,
    dense_parts,
)
from genaiops.dialects.cohere.merge import merge
from genaiops.dialects.cohere.request import chat_request
from genaiops.dialects.cohere.stream import ChatEvents

__all__ = [
    "ChatEvents",
    "ChatHead",
    "EmbedHead",
    "answer_from_chat",
    "answer_from_embeddings",
    "chat_request",
    "decode_chat",
    "decode_embed",
    "decode_prompted",
    "dense_inputs",
    "dense_parts",
    "embeddings_request",
    "error_body",
    "error_event",
    "merge",
]
