"""A run as JUnit XML, as build servers read it: a test suite for the gate, with a test for each condition, and one for
each target, with a test for each case and check.

Where conditions over all cases decide, a case that did not pass is marked as skipped, with what it said: the build is
red exactly when the gate does not pass.
"""

from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from genaiops.arena._gate import GateLine
from genaiops.arena.reports._reported import Reported, Seen, answered, asked_for, bounds, figure, printable, statement
from genaiops.core.counting import counted

_LONGEST: Final = 4000


def junit(said: Reported) -> str:
    """Well-formed XML 1.0, whatever was answered."""
    root = Element("testsuites", name=_text(said.run.name))
    _gate(said, SubElement(root, "testsuite", name="gate"))
    for target in said.targets:
        _target(said, target, SubElement(root, "testsuite", name=_text(target)))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(each.get(name, "0")) for each in root)))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _gate(said: Reported, suite: Element) -> None:
    facts = statement(said)
    properties = SubElement(suite, "properties")
    for name, value in {
        "run": said.run.id,
        "suite": said.run.subject,
        "seed": str(said.run.seed),
        "alpha": f"{said.report.alpha:g}",
        "baseline": said.report.baseline,
        **{f"metric.{check}": version for check, version in facts["metrics"].items()},
        **{f"environment.{name}": value for name, value in said.run.environment.items()},
        **{f"input.{name}": value for name, value in said.run.inputs.items()},
    }.items():
        SubElement(properties, "property", name=_text(name), value=_text(value))
    if said.run.started_us is not None:
        at = datetime.fromtimestamp(said.run.started_us / 1_000_000, UTC)
        suite.set("timestamp", at.strftime("%Y-%m-%dT%H:%M:%S"))
    for line in said.report.lines:
        _condition(said, line, suite)
    if said.report.verdict.outcome != "pass" and all(line.verdict.outcome == "pass" for line in said.report.lines):
        # the run was stopped, or nothing was asked for
        test = SubElement(suite, "testcase", classname=_text(f"{said.run.name}.gate"), name="verdict")
        SubElement(test, "error", message=_text(said.report.verdict.reason), type="inconclusive")
    _count(suite)


def _condition(said: Reported, line: GateLine, suite: Element) -> None:
    name = f"{line.check or 'answers'}: {asked_for(line)}"
    test = SubElement(suite, "testcase", classname=_text(f"{said.run.name}.gate.{line.target}"), name=_text(name))
    verdict = line.verdict
    detail = f"measured {figure(verdict.measure)}, bounds {bounds(line)}, n {verdict.n}"
    if verdict.outcome == "fail":
        SubElement(test, "failure", message=_text(verdict.reason), type="fail").text = detail
    elif verdict.outcome not in ("pass", "warn"):
        more = "" if line.more is None else f" About {counted(line.more, 'more case')} would likely decide."
        SubElement(test, "error", message=_text(verdict.reason + more), type="inconclusive").text = detail
    else:
        SubElement(test, "system-out").text = _text(f"{verdict.reason}\n{detail}")


def _target(said: Reported, target: str, suite: Element) -> None:
    decides = not said.bounded and target in said.report.targets
    for seen in said.seen(target):
        test = SubElement(
            suite,
            "testcase",
            classname=_text(f"{said.run.name}.{target}.{seen.check}"),
            name=_text(seen.case),
            time=f"{seen.seconds or 0:.6f}",
        )
        _outcome(said, seen, test, decides=decides)
    _count(suite)
    suite.set("time", f"{sum(float(test.get('time', '0')) for test in suite):.6f}")


def _outcome(said: Reported, seen: Seen, test: Element, *, decides: bool) -> None:
    if seen.state == "pass":
        return
    answers = said.answers.get((seen.target, seen.case), ())
    outputs = "\n".join(text for answer in answers if (text := answered(answer)))
    if any(each.metric.startswith("attack/") for each in said.judged.get((seen.target, seen.case), ())):
        outputs = ""  # of attacks no text is shown unasked
    message = seen.reason or (f"measured {figure(seen.value)}" if seen.value is not None else seen.state)
    if seen.state == "informs" or not decides:
        SubElement(test, "skipped", message=_text(f"{seen.state}: {message}"))
    elif seen.state == "fail":
        SubElement(test, "failure", message=_text(message), type="fail").text = _text(outputs)
    else:
        SubElement(test, "error", message=_text(message), type=seen.state).text = _text(outputs)
        return
    if outputs:
        SubElement(test, "system-out").text = _text(outputs)


def _count(suite: Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))


def _text(value: str) -> str:
    """Without the characters that XML cannot hold, and of a length that a page can show."""
    return printable(value if len(value) <= _LONGEST else value[:_LONGEST] + " ...")
