"""Reports of releases and commits, written and signed."""

from collections.abc import Iterator, Sequence

import msgspec

from genaiops.app.home import Home
from genaiops.app.release_bundles import Filed, bundle_of
from genaiops.app.signed_reports import report_key, signed_pdf, signed_report
from genaiops.arena.reports import SECTIONED_FORMATS, VERDICT_WORDS, Section, Sectioned
from genaiops.core.clock import now_us, to_iso
from genaiops.domain import Approval
from genaiops.hub import Hub, MergeReport, ReleaseSaid, SuiteSaid
from genaiops.ports.runs import Runs

_SHORT = 12


class MergeReports:
    """Of one installation; `written` and `bundle` are signed with the key of its reports."""

    def __init__(self, home: Home, store: Runs) -> None:
        self._home = home
        self._store = store

    def sections(self, said: MergeReport) -> Sectioned:
        """What it says, as headings and tables."""
        return Sectioned(
            title=_title(said),
            leads=[_of_release(said, each) for each in said.releases] + [f"Lacking: {each}" for each in said.lacking],
            sections=[
                _suites(said.suites),
                *(section for each in said.releases for section in _differences(each)),
                _sign_offs(said),
                _findings(said),
                *(_lineage(each) for each in said.releases),
            ],
            at_us=now_us(),
            name=said.subject,
        )

    def written(self, said: MergeReport, form: str) -> bytes:
        content, key = SECTIONED_FORMATS[form](self.sections(said)), report_key(self._home)
        if isinstance(content, bytes):
            return signed_pdf(content, said.subject, key)
        return signed_report(content, said.subject, key).encode()

    def bundle(self, hub: Hub, said: MergeReport) -> bytes:
        """A release with all that is known of it, to verify without this installation."""
        [release] = said.releases
        return bundle_of(
            Filed(
                release=release.release,
                versions=_versions(hub, release),
                runs=[self._store.get(each.run) for each in said.suites],
                said=said,
                reports={
                    "report.md": self.written(said, "markdown"),
                    "report.html": self.written(said, "html"),
                },
            ),
            report_key(self._home),
        )


def _versions(hub: Hub, said: ReleaseSaid) -> dict[str, object]:
    """Version -> its manifest, of what the release pins and what that was made from, as far as it is here."""
    manifest = said.release.manifest
    wanted = [version for version in (manifest.prompt, *manifest.pins.values()) if version]
    wanted += [node.ref for node in said.sources if "@sha256:" in node.ref and not node.ref.startswith("release/")]
    return {
        name: hub.artifacts.resolve(name).manifest
        for name in dict.fromkeys(wanted)
        if name not in said.verified.missing
    }


def _title(said: MergeReport) -> str:
    kind, _, name = said.subject.partition("/")
    passed = sum(each.outcome == "pass" for each in said.suites)
    return f"{kind.capitalize()} {_brief(name)}: {passed} of {len(said.suites)} runs of suites passed"


def _of_release(whole: MergeReport, said: ReleaseSaid) -> str:
    release, application = said.release, said.application
    commit = release.manifest.commit
    made = f"{release.id} of {application.title or application.id} (risk {application.risk_tier})"
    made += f", made by {whole.names.get(release.created_by, release.created_by)}, {to_iso(release.created_us)}"
    made += f", from commit {commit.sha[:_SHORT]}{' with changed files' if commit.dirty else ''}" if commit else ""
    holds = "its digest holds and all that it names is there" if said.verified.holds else "it does not verify"
    return f"{made}: {holds}."


def _suites(found: Sequence[SuiteSaid]) -> Section:
    rows = [
        (
            VERDICT_WORDS.get(each.outcome, "-"),
            each.suite,
            each.run,
            ", ".join(_brief(node.partition("/")[2]) for node in each.asked) or "-",
            each.reason,
        )
        for each in found
    ]
    head = ("verdict", "suite", "run", "asked", "why")
    return Section(title="Suites", head=head, rows=rows, empty="No suite was run for it.")


def _differences(said: ReleaseSaid) -> Iterator[Section]:
    head = ("environment", "field", "serves now", "this")
    rows: list[Sequence[str]] = []
    for each in said.beside:
        place = f"{each.environment_id} ({_brief(each.serving)}, {each.share:.0%})"
        rows += [(place, change.field, _text(change.before), _text(change.after)) for change in each.changes]
        rows += [(place, f"prompt: {change.path}", _text(change.before), _text(change.after)) for change in each.prompt]
        if not each.changes:
            rows.append((place, "-", "the same release", "the same release"))
    title = f"{_brief(said.release.id)} against what serves"
    yield Section(title=title, head=head, rows=rows, empty="It is the first: nothing serves yet.")


def _sign_offs(said: MergeReport) -> Section:
    rows = [
        (
            _state(each),
            each.subject,
            f"{said.names.get(each.requested_by, each.requested_by)}, {to_iso(each.requested_us)}",
            f"{said.names.get(each.decided_by, each.decided_by)}, {to_iso(each.decided_us)}"
            if each.decided_us is not None
            else "-",
            each.comment or each.reason or "-",
        )
        for each in said.sign_offs
    ]
    head = ("state", "what", "asked for by", "decided by", "why")
    return Section(title="Sign-off", head=head, rows=rows, empty="No consent was asked for or given.")


def _state(each: Approval) -> str:
    how = (" by who asked" if each.self_approved else "") + (", as an emergency" if each.emergency else "")
    return f"{each.state}{how}"


def _findings(said: MergeReport) -> Section:
    rows = [
        (each.state, each.id, each.title, each.about or "-", each.mitigation or "none yet") for each in said.findings
    ]
    head = ("state", "finding", "what", "in", "what is done about it")
    return Section(title="Findings", head=head, rows=rows, empty="None names it, its versions or its runs.")


def _lineage(said: ReleaseSaid) -> Section:
    rows = [(each.stage or "unknown", each.kind, _brief(each.ref), str(each.depth)) for each in said.sources]
    more = "" if said.complete else ", not all of it"
    title = f"What {_brief(said.release.id)} was made from{more}"
    return Section(title=title, head=("stage", "kind", "what", "steps away"), rows=rows, empty="Nothing is known.")


def _brief(name: str) -> str:
    """With twelve digits of a digest."""
    name, sign, digest = name.partition("@sha256:")
    return f"{name}@{digest[:_SHORT]}" if sign else name


def _text(value: object) -> str:
    return value if isinstance(value, str) else "-" if value is None else msgspec.json.encode(value).decode()
