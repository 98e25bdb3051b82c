"""Risks of what models say and are told, and the controls that are in force against them."""

from typing import Literal

import msgspec

ControlKind = Literal["monitor", "detector", "mitigation"]
ControlState = Literal["in_force", "partly", "gap"]
"""`partly`: of some calls, in shadow, or once and not again and again. Nothing is fine because nothing is known."""


class ControlPart(msgspec.Struct, frozen=True, kw_only=True):
    """Something of this installation that is a part of a control: `what` in words, `where` it holds, `ref` of a policy,
    a run or a setting. `holds` False: it is not enough by itself, and `why` says what is lacking. `measured`: what is
    known of its errors."""

    what: str
    ref: str = ""
    where: str = ""
    holds: bool = True
    why: str = ""
    measured: str = ""


class RiskControl(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three controls of a risk. `command`: what would close its gap ("": there is nothing that would)."""

    kind: ControlKind
    state: ControlState
    parts: tuple[ControlPart, ...] = ()
    reason: str = ""
    command: str = ""


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """A known risk with its controls as they are now. `owasp`: ids of the OWASP Top 10 for LLM applications of 2025."""

    id: str
    title: str
    about: str
    owasp: tuple[str, ...] = ()
    controls: tuple[RiskControl, ...] = ()

    @property
    def gaps(self) -> tuple[ControlKind, ...]:
        """Kinds of control that are not wholly in force."""
        return tuple(each.kind for each in self.controls if each.state != "in_force")
