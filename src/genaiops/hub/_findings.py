"""Findings in the records: none is closed without what is done about it, and of bias without where it comes from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from genaiops.core.errors import Conflict, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import BiasFinding, BiasSource, BiasState, FindingKind
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_choice, checked_text
from genaiops.ports.records import Records, Unit

SOURCES: Final[tuple[str, ...]] = get_args(BiasSource)
KINDS: Final[tuple[str, ...]] = get_args(FindingKind)
_LONGEST: Final = {"title": 200, "about": 200, "attribute": 100, "reason": 2000, "mitigation": 2000}
_LONGEST_RUN: Final = 64
_EDITABLE: Final = (*_LONGEST, "kind", "source", "run", "verified")


class BiasFindings(Service[BiasFinding]):
    """Auditors and who builds record them, and people who review close them."""

    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, BiasFinding, "finding")

    def in_state(self, state: BiasState | None = None) -> Sequence[BiasFinding]:
        """Open ones first, then the newest; None: all."""
        found = self._all(None if state is None else {"state": state})
        return sorted(found, key=lambda each: (each.state != "open", -each.created_us, each.id))

    def add(
        self, fields: Mapping[str, Any], *, evidence: Mapping[str, str] | None = None, tenant_id: str, by: str
    ) -> BiasFinding:
        """UsageError for a field that is not well formed, and without a title."""
        now = self._clock()
        made = BiasFinding(
            id=new_id("bia"),
            tenant_id=tenant_id,
            evidence=dict(evidence or {}),
            created_us=now,
            created_by=by,
            changed_us=now,
            changed_by=by,
            **_checked({"title": "", **fields}),
        )
        with self._records.write(by) as unit:
            unit.add(made)
        return made

    def change(self, finding_id: str, fields: Mapping[str, Any], *, by: str) -> BiasFinding:
        """Only these fields. Conflict when it is closed."""
        with self._records.write(by) as unit:
            return self._changed(unit, finding_id, fields, by)

    def close(self, finding_id: str, fields: Mapping[str, Any], *, by: str) -> BiasFinding:
        """With these fields changed before. UsageError unless it says its mitigation then, and of bias its source."""
        with self._records.write(by) as unit:
            found = self._changed(unit, finding_id, fields, by)
            sourceless = found.kind == "bias" and found.source == "unknown"
            for name, lacks in (("source", sourceless), ("mitigation", not found.mitigation)):
                if lacks:
                    raise UsageError(
                        f"{finding_id} has no {name}, and is not closed without.",
                        remedy="Say what is done about it, and where bias comes from (data, prompt or model).",
                        code="finding_incomplete",
                        param=name,
                    )
            done = msgspec.structs.replace(found, state="closed", closed_us=self._clock(), closed_by=by)
            unit.replace(done)
        return done

    def reopen(self, finding_id: str, *, by: str) -> BiasFinding:
        """It is back, or was never gone. Conflict when it is open."""
        with self._records.write(by) as unit:
            found = self._existing(unit, finding_id)
            if found.state == "open":
                raise Conflict(f"{finding_id} is open already.", remedy="Reload the list.")
            done = msgspec.structs.replace(
                found, state="open", closed_us=None, closed_by="", changed_us=self._clock(), changed_by=by
            )
            unit.replace(done)
        return done

    def _changed(self, unit: Unit, finding_id: str, fields: Mapping[str, Any], by: str) -> BiasFinding:
        found = self._existing(unit, finding_id)
        if found.state == "closed":
            raise Conflict(f"{finding_id} is closed.", remedy="Reopen it first.", code="finding_closed")
        checked = _checked(fields)
        if not checked:
            return found
        done = msgspec.structs.replace(found, **checked, changed_us=self._clock(), changed_by=by)
        unit.replace(done)
        return done


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are given (not UNSET), as they are kept."""
    given = {name: fields[name] for name in _EDITABLE if fields.get(name, msgspec.UNSET) is not msgspec.UNSET}
    for name, value in given.items():
        if name in ("source", "kind"):
            checked_choice(value, SOURCES if name == "source" else KINDS, word=name, param=name)
        else:
            given[name] = checked_text(
                " ".join(str(value).split()), param=name, longest=_LONGEST.get(name, _LONGEST_RUN)
            )
    if "title" in given and not given["title"]:
        raise UsageError("The finding has no title.", remedy="Say what was found.", param="title")
    return given
