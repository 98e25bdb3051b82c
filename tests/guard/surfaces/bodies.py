"""Bodies that have every place of their dialect in which a text can stand, by operation and dialect."""

from tests.guard.surfaces import (
    bodies_cohere,
    bodies_gemini,
    bodies_media,
    bodies_messages,
    bodies_openai,
    bodies_responses,
)
from tests.guard.surfaces.pieces import Bodies

_ALL = (bodies_openai, bodies_responses, bodies_messages, bodies_cohere, bodies_gemini, bodies_media)
ASKED: Bodies = {key: body for one in _ALL for key, body in one.ASKED.items()}
ANSWERED: Bodies = {key: body for one in _ALL for key, body in one.ANSWERED.items()}
