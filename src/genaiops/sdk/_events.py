"""Server-sent events, read line by line."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from genaiops.core.errors import OutsideError


class Event(msgspec.Struct, frozen=True):
    """One event: its name (`message` where the server gave none), its data as text, its id."""

    name: str
    data: str
    id: str | None = None

    def json(self) -> Any:
        """The data decoded; OutsideError when it is not JSON."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError as error:
            raise OutsideError(
                f"An event of the stream is not JSON: {self.data[:80]!r}.", remedy="Check what answers at this address."
            ) from error


def read_events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Events of a stream's lines as the HTML standard says (section 9.2.6); an event that the end cut off is none."""
    name, last_id = "", None
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(name or "message", "\n".join(data), last_id)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
