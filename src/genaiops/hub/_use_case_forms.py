"""Use cases as files say them, and how those become use cases and back."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import msgspec

from genaiops.core.errors import Conflict, ConsentNeeded
from genaiops.domain import BusinessCase, Kpi, Requirement, UseCase


class UseCaseForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`owner` (a person's name) not said: who applies the file first."""

    title: str = ""
    owner: str | None = None
    applications: tuple[str, ...] = ()
    business_case: BusinessCase = BusinessCase()
    requirement: tuple[Requirement, ...] = ()
    kpi: tuple[Kpi, ...] = ()


_ALIKE = ("title", "applications", "business_case", "requirement", "kpi")


def use_case_form(use_case: UseCase, names: Mapping[str, str]) -> UseCaseForm:
    """As a file would say it. `names`: id of an actor -> what they are called."""
    same = {name: getattr(use_case, name) for name in _ALIKE}
    return UseCaseForm(**same, owner=names.get(use_case.owner))


def use_case_of(form: UseCaseForm, owner: str) -> UseCase:
    """`owner`: the id of a person."""
    return UseCase(**{name: getattr(form, name) for name in _ALIKE}, owner=owner)


@contextmanager
def at_once(name: str) -> Generator[None]:
    """Conflict in place of what waits: a file is applied as a whole, or not at all."""
    try:
        yield
    except ConsentNeeded as error:
        raise Conflict(
            f"The use case {name!r} is protected: a change of it waits until another person approves, and a file is "
            "applied as a whole.",
            remedy=f"Change it by itself (genaiops use-case push {name} FILE), then apply the file again.",
            code="use_case_protected",
        ) from error
