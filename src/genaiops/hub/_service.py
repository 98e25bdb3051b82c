"""What all services share: reading one noun."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from genaiops.hub._validation import every, existing
from genaiops.ports.records import Records, View

T = TypeVar("T")
Clock = Callable[[], int]


class Service(Generic[T]):
    """`noun` by its id. `word` is what people call it."""

    def __init__(self, records: Records, clock: Clock, noun: type[T], word: str) -> None:
        self._records = records
        self._clock = clock
        self._noun = noun
        self._word = word

    def get(self, entity_id: str) -> T:
        """NotFound with the nearest id when there is none."""
        with self._records.read() as view:
            return self._existing(view, entity_id)

    def list(self) -> Sequence[T]:
        """All, in order of id."""
        return self._all()

    def count(self) -> int:
        with self._records.read() as view:
            return view.count(self._noun)

    def _all(self, where: Mapping[str, str | None] | None = None) -> Sequence[T]:
        with self._records.read() as view:
            return list(every(view, self._noun, where))

    def _existing(self, view: View, entity_id: str) -> T:
        return existing(view, self._noun, entity_id, word=self._word)
