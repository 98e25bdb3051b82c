"""Use cases: what an application is for, what it has to do, and the figures by which its owner will judge it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Line = Annotated[str, Meta(max_length=200)]
_Text = Annotated[str, Meta(max_length=4000)]
_Id = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

KpiDirection = Literal["at_least", "at_most"]
KpiStatus = Literal["met", "not_met", "inconclusive", "not_measured"]
"""`inconclusive`: it was measured, and the cases do not decide."""


class BusinessCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why it is built: the `problem`, the `value` that is expected, and who has it (`beneficiaries`)."""

    problem: _Text = ""
    value: _Text = ""
    beneficiaries: _Text = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What it has to do. `id` is unique within the use case (`R1`)."""

    id: _Id
    text: Annotated[str, Meta(min_length=1, max_length=4000)]


class Kpi(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A figure with a `target` that it reaches (`at_least`) or stays below (`at_most`). With a `suite` (`NAME`: the
    version that its alias prod names; or `NAME@ALIAS`, `NAME@sha256:...`) the check of that name measures it, of one
    `slice` where it is given, and it gates releases. Without one it is a business figure, which people report.
    `baseline`: what it was before."""

    name: _Id
    about: _Text = ""
    suite: _Line = ""
    check: _Line = ""
    slice: _Line = ""
    direction: KpiDirection = "at_least"
    target: float
    unit: Annotated[str, Meta(max_length=40)] = ""
    baseline: float | None = None


class UseCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A version of the artifact `use-case/NAME`. `owner`: the id of a person; `applications` serve it."""

    kind: Literal["use-case"] = "use-case"
    title: _Line = ""
    owner: _Line = ""
    applications: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    business_case: BusinessCase = BusinessCase()
    requirement: Annotated[tuple[Requirement, ...], Meta(max_length=500)] = ()
    kpi: Annotated[tuple[Kpi, ...], Meta(max_length=100)] = ()


class KpiFigure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A business figure that somebody reported: the `value` of a KPI at the time `at_us`; `by` is an actor's id."""

    use_case: str
    kpi: str
    value: float
    at_us: int
    note: _Text = ""
    by: str = ""
