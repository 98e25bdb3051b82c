"""Repeated texts as small numbers, both ways."""

import sqlite3
from collections.abc import Sequence

_LIMIT = 65_536
"""Entries kept in memory before starting over (100,000 keys must not stay resident twice)."""


class NameIds(dict[str | None, int | None]):
    """Text -> number, made when it is new. For the writer, inside its transaction; `forget` after a rollback."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__({None: None})
        self._connection = connection

    def __missing__(self, text: str | None) -> int:
        found = self._connection.execute("SELECT id FROM names WHERE text = ?", (text,)).fetchone()
        if found is None:
            found = self._connection.execute("INSERT INTO names (text) VALUES (?) RETURNING id", (text,)).fetchone()
        number = int(found[0])
        self[text] = number
        return number

    def forget(self) -> None:
        self.clear()
        self[None] = None

    def trim(self) -> None:
        if len(self) > _LIMIT:
            self.forget()


class SeriesIds(dict[tuple[int, ...], int]):
    """Numbers of the nine dimensions -> series. For the writer, like NameIds."""

    _FIND = (
        "SELECT id FROM series WHERE environment_id = ? AND team_id = ? AND key_id = ? AND application = ?"
        " AND request_model = ? AND target_id = ? AND operation = ? AND status = ? AND tenant_id = ?"
    )
    _ADD = (
        "INSERT INTO series (environment_id, team_id, key_id, application, request_model, target_id, operation,"
        " status, tenant_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, dimensions: tuple[int, ...]) -> int:
        found = self._connection.execute(self._FIND, dimensions).fetchone()
        if found is None:
            found = self._connection.execute(self._ADD, dimensions).fetchone()
        number = int(found[0])
        self[dimensions] = number
        return number

    def trim(self) -> None:
        if len(self) > _LIMIT:
            self.clear()


class NameTexts(dict[int | None, str | None]):
    """Number -> text. For readers; numbers never change their text."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__({None: None, 0: None})
        self._connection = connection
        self._numbers: dict[str, int] = {}

    def __missing__(self, number: int | None) -> str:
        if len(self) > _LIMIT:
            self.clear()
            self.update({None: None, 0: None})
        text = str(self._connection.execute("SELECT text FROM names WHERE id = ?", (number,)).fetchone()[0])
        self[number] = text
        return text

    def number(self, text: str) -> int | None:
        """None when no row can refer to it."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        storable = text.encode("utf-8", "replace").decode()
        found: Sequence[int] | None = self._connection.execute(
            "SELECT id FROM names WHERE text = ?", (storable,)
        ).fetchone()
        if found is None:
            return None
        if len(self._numbers) > _LIMIT:
            self._numbers.clear()
        self._numbers[text] = found[0]
        return found[0]
