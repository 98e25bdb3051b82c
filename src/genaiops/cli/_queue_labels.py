"""Labels of a queue as a judge is held against them."""

import msgspec

from genaiops.cli._session import Session
from genaiops.sdk import path_of


def judge_lines(session: Session, name: str, question: str) -> str:
    """JSON lines with `output` and `label`."""
    found = session.items(path_of("/api/queues", name, "judge-labels"), {"question": question})
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in found)
