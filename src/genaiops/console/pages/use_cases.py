"""Use cases: why an application is built, what it has to do, and how its KPIs stand."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.arena import KPI_WORDS, KpiLine
from genaiops.checks.use_cases import read_use_case
from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import KpiStatus

_TEMPLATE: Final = """title = "Answers of the support desk"
applications = []          # which serve it: ["support"]

[business_case]
problem = ""               # what is wrong today
value = ""                 # what is expected, in figures
beneficiaries = ""         # who has it

[[requirement]]
id = "R1"
text = "It answers in the language of the question."

[[kpi]]                    # measured by a suite: it gates releases
name = "right-answers"
suite = "answers"
check = "right"            # the name of a check of that suite
target = 0.9               # at least; direction = "at_most" for the other way

[[kpi]]                    # a business figure: people report it, and it gates nothing
name = "handling-time"
direction = "at_most"
target = 240
unit = "s"
"""


@get("/arena/use-cases", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    return _list(visit, name="", text=_TEMPLATE)


def _list(visit: Visit, *, name: str, text: str, status: int = 200) -> Response[str]:
    uses = visit.services.hub.use_cases.list()
    kpis = visit.services.kpis
    return visit.page(
        "use_cases.html",
        status=status,
        title="ARENA",
        nav="arena",
        tab="use-cases",
        uses=[(each, _counted(kpis.standing(each, kpis.releases(each, visit.services.hub)))) for each in uses],
        draft={"name": name, "text": text},
        may=visit.can("use_cases"),
    )


def _counted(lines: Sequence[KpiLine]) -> list[tuple[str, KpiStatus, int]]:
    found = Counter(line.status for line in lines)
    return [(word, status, found[status]) for status, word in KPI_WORDS.items() if found[status]]


@post("/arena/use-cases", sync_to_thread=True)
def put(visit: Visiting) -> Response[Any]:
    """Set one as its text says; what is wrong is told with its line, and the text stays."""
    form = visit.form
    text = form.get("text", "").replace("\r\n", "\n")
    name = form.get("name", "").strip()
    try:
        visit.require("use_cases")
        use_case = visit.services.kpis.read(read_use_case(text), visit.services.hub).checked()
        held = visit.services.hub.use_cases.put(field(form, "name"), use_case, text=text, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return _list(visit, name=name, text=text, status=error.status)
    visit.publish()
    visit.say("It holds.")
    return redirect(visit.link(f"/arena/use-cases/{held.name}"))


@get("/arena/use-cases/{name:str}", sync_to_thread=True)
def one(visit: Visiting, name: FromPath[str]) -> Response[str]:
    """`release`: its KPIs of this one (APPLICATION@DIGEST)."""
    return _one(visit, name)


def _one(visit: Visit, name: str, *, status: int = 200) -> Response[str]:
    hub, kpis = visit.services.hub, visit.services.kpis
    held = hub.use_cases.get(name)
    release = visit.query.get("release", "")
    releases = kpis.releases(held, hub)
    if release:
        application, _, reference = release.partition("@")
        releases = {hub.releases.resolve(application, reference or "latest").id: ""}
    plain = msgspec.json.format(msgspec.json.encode(held.use_case)).decode()
    return visit.page(
        "use_case.html",
        status=status,
        title="ARENA",
        nav="arena",
        tab="use-cases",
        knows=("release",),
        held=held,
        lines=kpis.standing(held, releases),
        release=release,
        reportable=[kpi for kpi in held.use_case.kpi if not kpi.suite],
        figures=hub.use_cases.figures(name),
        history=hub.use_cases.history(name),
        draft=held.version.text or plain,
        may=visit.can("use_cases"),
    )


@post("/arena/use-cases/{name:str}", sync_to_thread=True)
def change(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """Set it back, retire it, or report a figure."""
    uses, form, by = visit.services.hub.use_cases, visit.form, visit.actor.id
    place = visit.link(f"/arena/use-cases/{name}")
    try:
        visit.require("use_cases")
        verb = field(form, "verb")
        if verb == "back":
            uses.set_back(name, field(form, "version"), by=by)
            said = "That version holds again."
        elif verb == "retire":
            uses.retire(name, by=by)
            place, said = visit.link("/arena/use-cases"), f"{name} is retired, and gates nothing any more."
        elif verb == "report":
            uses.report(name, field(form, "kpi"), _number(form.get("value", "")), note=form.get("note", ""), by=by)
            said = "It is reported, as you say."
        else:
            raise UsageError("That is nothing to do.", remedy="Set it back, retire it, or report.", param="verb")
    except GenaiopsError as error:
        visit.complain(error)
        return _one(visit, name, status=error.status) if form.get("verb") == "report" else redirect(place)
    visit.publish()
    visit.say(said)
    return redirect(place)


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise UsageError(f"{text[:40]!r} is no number.", remedy="Write it as 240 or 0.9.", param="value") from error


HANDLERS: list[Any] = [show, put, one, change]
