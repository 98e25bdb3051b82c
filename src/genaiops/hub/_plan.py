"""What lies between how an installation is and how a file says it shall be. Pure: two states in, changes out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from genaiops.core.digest import digest_value
from genaiops.hub._experiment_forms import with_candidate
from genaiops.hub._forms import KINDS, LISTED, NAMED, Form, State, plain, short
from genaiops.hub._present import Present
from genaiops.hub._targets import masked

Action = Literal["add", "change", "remove"]
_KEY_ID = "key_"


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after; null: its default, or not there."""

    field: str
    before: Any
    after: Any


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that will be other than it is. `place` is where the file says so (empty: it does not name it).
    `form`: how it shall be, `entity_id`: which one it is, where it is there and its name is not its id."""

    section: str
    name: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    place: str = ""
    form: Form | None = None
    entity_id: str = ""

    @property
    def kind(self) -> str:
        return KINDS[self.section]

    def alters(self, field: str) -> bool:
        return any(each.field == field for each in self.fields)


class Plan(msgspec.Struct, frozen=True):
    """`surplus`: (kind, name) of what is there, not in the file, and stays."""

    changes: tuple[Change, ...]
    unchanged: int
    surplus: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Names exactly these changes."""
        return digest_value([[each.section, each.name, each.action, each.fields] for each in self.changes])


def plan(now: Present, wanted: State, *, prune: bool, spared: frozenset[tuple[str, str]], at_iso: str) -> Plan:
    """Of sections that `wanted` speaks of. With `prune` what it does not name is removed, but for those `spared`,
    prices, and what the installation keeps by itself. `at_iso` is the time: which price is in force."""
    work = _Planning(now, spared, prune=prune)
    for section in NAMED:
        if section in wanted.named:
            work.compare_named(section, wanted.named[section])
    for section in LISTED:
        if section in wanted.listed:
            forms = wanted.listed[section]
            work.compare_prices(forms, at_iso) if section == "prices" else work.compare_listed(section, forms)
    return Plan((*work.made, *reversed(work.removed)), work.unchanged, tuple(work.surplus))


class _Planning:
    def __init__(self, now: Present, spared: frozenset[tuple[str, str]], *, prune: bool) -> None:
        self._now = now
        self._spared = spared | {("targets", name) for name in now.own} | {("experiments", name) for name in now.begun}
        self._prune = prune
        self._names = {key_id: name for (section, name), key_id in now.ids.items() if section == "keys"}
        self.made: list[Change] = []
        self.removed: list[Change] = []
        self.unchanged = 0
        self.surplus: list[tuple[str, str]] = []

    def compare_named(self, section: str, wanted: Mapping[str, Form]) -> None:
        present = self._now.state.named[section]
        seen: set[str] = set()
        for said, form in wanted.items():
            name = self._names.get(said, said) if section == "keys" else said
            seen.add(name)
            former = present.get(name)
            if section == "keys":
                form = _completed_key(form, former, said)
            elif section == "targets":
                form = _with_password(form, former)
            elif section in ("applications", "use_cases"):
                form = _with_owner(form, former)
            elif section == "experiments":
                form = with_candidate(form, former)
            entity_id = self._now.ids.get((section, name), name)
            self._compare(section, name, (former, form), entity_id, f"{section}.{said}")
        for name, former in present.items():
            if name not in seen and not (section == "actors" and getattr(former, "disabled", False)):
                self._leave(section, name, self._now.ids.get((section, name), name))

    def compare_listed(self, section: str, wanted: Sequence[Form]) -> None:
        """Things without names: those of the same identity are paired, first those that are equal."""
        here: defaultdict[tuple[str, ...], list[tuple[str, Form]]] = defaultdict(list)
        for entity_id, form in zip(self._now.listed_ids[section], self._now.state.listed[section], strict=True):
            here[_identity(section, form)].append((entity_id, form))
        waiting: list[tuple[int, Form]] = []
        for number, said in enumerate(wanted):
            form = self._with_key_name(said)
            candidates = here[_identity(section, form)]
            equal = next((pair for pair in candidates if not _differences(pair[1], form)), None)
            if equal is None:
                waiting.append((number, form))
            else:
                candidates.remove(equal)
                self.unchanged += 1
        for number, form in waiting:
            identity = _identity(section, form)
            entity_id, former = here[identity].pop(0) if here[identity] else ("", None)
            self._compare(section, _label(identity), (former, form), entity_id, f"{section}[{number}]")
        for identity, left in here.items():
            for entity_id, _ in left:
                self._leave(section, _label(identity), entity_id)

    def compare_prices(self, wanted: Sequence[Form], at_iso: str) -> None:
        """A price is never taken away, and a line never edited: what differs becomes a new line."""
        lines: defaultdict[tuple[str, str], dict[str, Form]] = defaultdict(dict)
        for form in self._now.state.listed["prices"]:
            price: Any = form
            lines[price.provider, price.model][price.valid_from] = form
        for number, said in enumerate(wanted):
            price = said
            there = lines[price.provider, price.model]
            begun = [since for since in there if since <= at_iso]
            since: str | None = price.valid_from or (max(begun) if begun else None)
            former = None if since is None else there.get(since)
            name = f"{price.provider}/{price.model}"
            self._compare("prices", name, (former, said), "", f"prices[{number}]", ("valid_from", "source"))

    def _compare(
        self,
        section: str,
        name: str,
        forms: tuple[Form | None, Form],
        entity_id: str,
        place: str,
        ignored: tuple[str, ...] = (),
    ) -> None:
        former, form = forms
        if former is None:
            said = {field: value for field, value in short(form).items() if field != "name"}
            fields = tuple(_shown(FieldChange(field, None, value)) for field, value in said.items())
            self.made.append(Change(section=section, name=name, action="add", fields=fields, place=place, form=form))
            return
        fields = tuple(each for each in _differences(former, form) if each.field not in ignored)
        if not fields:
            self.unchanged += 1
            return
        self.made.append(
            Change(
                section=section,
                name=name,
                action="change",
                fields=fields,
                place=place,
                form=form,
                entity_id=entity_id,
            )
        )

    def _leave(self, section: str, name: str, entity_id: str) -> None:
        if (section, entity_id) in self._spared:
            return
        if self._prune:
            self.removed.append(Change(section=section, name=name, action="remove", entity_id=entity_id))
        else:
            self.surplus.append((KINDS[section], name))

    def _with_key_name(self, form: Form) -> Form:
        scope = getattr(form, "scope")  # noqa: B009  all listed forms but prices have one
        name = self._names.get(scope.id) if scope.kind == "key" else None
        return form if name is None else msgspec.structs.replace(form, scope=msgspec.structs.replace(scope, id=name))


def _completed_key(form: Any, former: Any, said: str) -> Form:
    """What is not said of a key stays as it is."""
    if former is None:
        return form
    return msgspec.structs.replace(
        form,
        name=former.name if form.name == said and said.startswith(_KEY_ID) else form.name,
        actor=former.actor if form.actor is None else form.actor,
        team=former.team if form.team is msgspec.UNSET else form.team,
    )


def _with_owner(form: Any, former: Any) -> Form:
    return form if former is None or form.owner is not None else msgspec.structs.replace(form, owner=former.owner)


def _with_password(form: Any, former: Any) -> Form:
    """The proxy as it is, where the file has it as it is shown."""
    if former is None or form.proxy is None or form.proxy != masked(former.proxy):
        return form
    return msgspec.structs.replace(form, proxy=former.proxy)


def _differences(former: Form, form: Form) -> tuple[FieldChange, ...]:
    return tuple(_differing(former, form))


def _differing(former: msgspec.Struct, form: msgspec.Struct) -> Iterator[FieldChange]:
    for field in form.__struct_fields__:
        before, after = getattr(former, field), getattr(form, field)
        if before == after:
            continue
        if isinstance(before, msgspec.Struct) and isinstance(after, msgspec.Struct):
            for inner in _differing(before, after):
                yield FieldChange(f"{field}.{inner.field}", inner.before, inner.after)
        elif plain(before) != plain(after):
            yield _shown(FieldChange(field, plain(before), plain(after)))


def _shown(change: FieldChange) -> FieldChange:
    """Without passwords: plans are printed and logged."""
    if change.field != "proxy":
        return change
    before, after = masked(change.before), masked(change.after)
    return FieldChange("proxy", before, f"{after} (another password)" if before == after else after)


def _identity(section: str, form: Form) -> tuple[str, ...]:
    given: Any = form
    scope = (given.scope.kind, given.scope.id)
    if section == "limits":
        return scope
    return (*scope, given.limit.rpartition(" ")[2], given.period, given.timezone)


def _label(identity: tuple[str, ...]) -> str:
    """`team search`, `team search (USD a month, UTC)`."""
    scope = " ".join(identity[:2])
    if len(identity) == 2:
        return scope
    unit, period, timezone = identity[2:]
    return f"{scope} ({unit} in all)" if period == "total" else f"{scope} ({unit} a {period}, {timezone})"
