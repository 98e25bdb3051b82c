"""OpenAI's Responses (POST /v1/responses) for targets that speak chat completions only.

| what | where |
|---|---|
| `decode_head`: what routing and limits need of a request | responses_head |
| `chat_request`: the request as a chat request, or an error that names what chat cannot say | responses_request |
| `answer_from_chat`: the whole answer | responses_answer |
| `ResponsesStream`: the stream of typed events | responses_stream |

Nothing is stored: `store` is false in every answer, whatever the request said (its default is true), and a request
that refers to something stored is refused with the remedy to send the whole conversation.
"""

from genaiops.dialects.responses_answer import answer_from_chat
from genaiops.dialects.responses_head import ResponsesHead, decode_head, dense_parts, hidden_state
from genaiops.dialects.responses_request import chat_request
from genaiops.dialects.responses_stream import ResponsesStream

__all__ = [
    "ResponsesHead",
    "ResponsesStream",
    "answer_from_chat",
    "chat_request",
    "decode_head",
    "dense_parts",
    "hidden_state",
]
