"""Google's Gemini API, and how it becomes OpenAI chat and embeddings and back.

The other direction, for targets that speak it, is in the providers (`google`, `vertex`). What chat has no words for is
a UsageError that names the field (code `not_translatable`); the few hints that are left out are listed in `request`.
"""

from genaiops.dialects.gemini.answer import answer_from_chat
from genaiops.dialects.gemini.embeddings import embeddings_answer, embeddings_request
from genaiops.dialects.gemini.errors import error_body, error_event, error_status
from genaiops.dialects.gemini.head import GeminiHead, decode_count, decode_embed, decode_generate, decode_prompted
from genaiops.dialects.gemini.merge import merge
from genaiops.dialects.gemini.request import chat_request
from genaiops.dialects.gemini.stream import GeminiStream

__all__ = [
    "GeminiHead",
    "GeminiStream",
    "answer_from_chat",
    "chat_request",
    "decode_count",
    "decode_embed",
    "decode_generate",
    "decode_prompted",
    "embeddings_answer",
    "embeddings_request",
    "error_body",
    "error_event",
    "error_status",
    "merge",
]
