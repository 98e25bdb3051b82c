"""What bodies of several dialects have in common."""

import base64
from typing import Any

from genaiops.domain import Operation
from genaiops.ports.providers import Dialect

Bodies = dict[tuple[Operation, Dialect], Any]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4).decode()
SEALED = base64.b64encode(bytes(range(128, 256)) * 2).decode()
TEXT_FILE = base64.b64encode(("A letter of nobody's. " * 9).encode()).decode()
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "where", "enum": ["Bonn", "Köln"], "default": "Bonn"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "description": "how it is", "parameters": SCHEMA}}
