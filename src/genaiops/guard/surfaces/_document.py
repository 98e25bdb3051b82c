"""A body as its texts, and the same body with other texts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from genaiops.guard.surfaces._walk import Part, Slot, Unread, Walker

_encode = msgspec.json.Encoder().encode


class Document:
    """`parts`: every text in it, in order. `unread`: what of it is no text here, media above all."""

    __slots__ = ("_raw", "_write", "groups", "parts", "unread")

    def __init__(
        self,
        raw: bytes | bytearray,
        parts: Sequence[Part],
        write: Callable[[Mapping[int, str]], bytes],
        *,
        groups: Sequence[int] = (),
        unread: Sequence[Unread] = (),
    ) -> None:
        self._raw = raw
        self._write = write
        self.parts = parts
        self.groups = groups
        self.unread = unread

    def joined(self) -> tuple[tuple[int, ...], ...]:
        """Which parts (by index, in order) are read as one text: those of one message and of its neighbours of the
        same role, of the arguments of one call, of one document. A value may be cut in two between them."""
        found: dict[int, list[int]] = {}
        for index, group in enumerate(self.groups):
            if group:
                found.setdefault(group, []).append(index)
        return tuple(tuple(group) for group in found.values() if len(group) > 1)

    def replaced(self, texts: Mapping[int, str]) -> bytes:
        """The body with other texts (by index), all else unchanged as JSON values. Without any: the very same bytes.

        A key that is replaced by one which is there already gets a number. Probabilities of tokens go with the text
        that they repeat.
        """
        new = {index: text for index, text in texts.items() if text != self.parts[index].text}
        if not new:
            return self._raw if isinstance(self._raw, bytes) else bytes(self._raw)
        return self._write(new)


def put(walker: Walker, texts: Mapping[int, str]) -> None:
    """Write these texts into the value that was walked."""
    dirty: set[int] = set()
    names: dict[int, list[tuple[Slot, str]]] = {}
    for index, text in texts.items():
        slot = walker.slots[index]
        dirty.add(slot.inside)
        if slot.names:
            names.setdefault(slot.inside, []).append((slot, text))
        else:
            slot.holder[slot.key] = text if slot.write is None else slot.write(text)
    changed = [walker.parts[index].path for index in texts]
    for chances in walker.chances:
        size = len(chances.path)
        if any(path[:size] == chances.path for path in changed):
            slot = chances.slot
            dirty.add(slot.inside)
            slot.holder[slot.key] = None if slot.write is None else slot.write("")
    for at in range(len(walker.insides) - 1, -1, -1):
        if at in dirty:
            inside = walker.insides[at]
            _rename(names.get(at, ()))
            made = _encode(inside.box[0]).decode()
            slot = inside.slot
            slot.holder[slot.key] = made if slot.write is None else slot.write(made)
            dirty.add(slot.inside)
    _rename(names.get(-1, ()))


def _rename(slots: Sequence[tuple[Slot, str]]) -> None:
    """Keys in their places, under other names."""
    holders: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
    for slot, text in slots:
        holders.setdefault(id(slot.holder), (slot.holder, {}))[1][slot.key] = text
    for holder, names in holders.values():
        old = list(holder.items())
        kept = {key for key, _ in old if key not in names}
        holder.clear()
        for key, value in old:
            name = new = names.get(key, key)
            number = 2
            while key in names and (new in holder or new in kept):
                new = f"{name} {number}"
                number += 1
            holder[new] = value
