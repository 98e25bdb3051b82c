"""Anthropic's Messages, and how they become OpenAI chat and back.

A client that speaks Messages, a target that speaks chat: `decode_messages`, `chat_request`, `answer_from_chat`,
`MessagesStream`, `error_body`, `error_event`. A client that speaks chat, a target that speaks Messages:
`request_from_chat`, `answer_to_chat`, `ChatStream`. A prompt put into a request: `decode_prompted`, `merge`. What the
other dialect cannot say is a UsageError that names the field (code `not_translatable`); the few hints that are left out
are listed in `request` and `from_chat`.
"""

from genaiops.dialects.messages.answer import answer_from_chat, answer_to_chat
from genaiops.dialects.messages.chat_stream import ChatStream
from genaiops.dialects.messages.errors import error_body, error_event, error_type
from genaiops.dialects.messages.from_chat import request_from_chat
from genaiops.dialects.messages.head import (
    CountHead,
    MessagesHead,
    decode_count,
    decode_messages,
    decode_prompted,
    dense_parts,
)
from genaiops.dialects.messages.merge import merge
from genaiops.dialects.messages.request import chat_request
from genaiops.dialects.messages.stream import MessagesStream

__all__ = [
    "ChatStream",
    "CountHead",
    "MessagesHead",
    "MessagesStream",
    "answer_from_chat",
    "answer_to_chat",
    "chat_request",
    "decode_count",
    "decode_messages",
    "decode_prompted",
    "dense_parts",
    "error_body",
    "error_event",
    "error_type",
    "merge",
    "request_from_chat",
]
