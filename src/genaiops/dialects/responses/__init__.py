"""OpenAI's Responses (POST /v1/responses) for targets that speak chat completions only.

| what | where |
|---|---|
| `decode_head`: what routing and limits need of a request | head |
| `chat_request`: the request as a chat request, or an error that names what chat cannot say | request |
| `answer_from_chat`: the whole answer | answer |
| `merge`: a prompt before what the request says itself | merge |
| `ResponsesStream`: the stream of typed events | stream |

Nothing is stored: `store` is false in every answer, whatever the request said (its default is true), and a request
that refers to something stored is refused with the remedy to send the whole conversation.
"""

from genaiops.dialects.responses.answer import answer_from_chat
from genaiops.dialects.responses.head import ResponsesHead, decode_head, decode_prompted, dense_parts, hidden_state
from genaiops.dialects.responses.merge import merge
from genaiops.dialects.responses.request import chat_request
from genaiops.dialects.responses.stream import ResponsesStream

__all__ = [
    "ResponsesHead",
    "ResponsesStream",
    "answer_from_chat",
    "chat_request",
    "decode_head",
    "decode_prompted",
    "dense_parts",
    "hidden_state",
    "merge",
]
