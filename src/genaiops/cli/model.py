"""`genaiops model`: models that can be called, and the weights that come along."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import click

from genaiops.cli._catalogue import CATALOGUE_COLUMNS, PRESET_COLUMNS, catalogue_facts, filled, or_embedded
from genaiops.cli._differences import show_differences
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._values import pairs, tokens
from genaiops.core.errors import Forbidden, UsageError
from genaiops.sdk import default_home, path_of

command = noun("model", "Models: the targets that serve them, and weights to pull.")

_OPERATIONS = click.Choice(
    [
        *("chat", "text_completion", "embeddings"),
        *("rerank", "moderations", "image_generation", "transcription", "speech", "video_generation"),
    ]
)
_COLUMNS = (
    Column("TARGET", "id"),
    Column("MODEL", "model"),
    Column("PROVIDER", "provider"),
    Column("UPSTREAM MODEL", "upstream_model", rank=2),
    Column("FOR", "operations", rank=1),
    Column("ADDRESS", "base_url", rank=3, elastic=True),
    Column("ENABLED", "enabled", rank=1),
)


@command.verb(
    "add",
    example="genaiops model add mini --provider openai --base-url https://api.example.com/v1"
    " --upstream-model gpt-4.1-mini --secret OPENAI_API_KEY",
)
@click.argument("name")
@click.option("--embedded", is_flag=True, help="Bring a model that comes along, such as smollm2, back.")
@click.option("--preset", help="A service by its name, such as groq: fills what is not given. See `model presets`.")
@click.option("--region", help="Where it stands, such as eu-central-1; a preset's address needs it, too.")
@click.option("--provider", help="How it is talked to: openai (any compatible server), bedrock, echo, ...")
@click.option("--base-url", help="The provider's address, up to /v1.")
@click.option("--upstream-model", help="The provider's name of the model. [NAME]")
@click.option("--model", help="The name that clients call. [NAME]")
@click.option("--secret", "credentials", multiple=True, help="The name of a secret to call it with; repeatable.")
@click.option(
    "--for",
    "--operation",
    "operations",
    type=_OPERATIONS,
    multiple=True,
    help="What it does. [chat and text_completion]",
)
@click.option("--max-output-tokens", type=int, help="The cap where a limit needs one and a request has none. [4096]")
@click.option("--context", "context_window", type=int, help="Its context window in tokens.")
@click.option("--concurrency", "max_concurrency", type=int, help="Calls at a time.")
@click.option("--queue", "queue_seconds", type=float, help="Seconds that calls wait for one of these places. [0]")
@click.option("--queue-length", type=int, help="Calls that may wait at a time. [64]")
@click.option("--tag", "tags", multiple=True, help="What a request may ask for; repeatable.")
@click.option("--probe", help="A path, such as /models, that is asked for while the target rests.")
@click.option("--probe-every", type=float, help="Seconds between two probes. [30]")
@click.option("--probe-always", is_flag=True, help="Probe it while it is well, too.")
@click.option("--env", "environments", multiple=True, help="Only keys of this environment reach it; repeatable. [all]")
@click.option("--setting", "settings", multiple=True, help="A setting of the provider, NAME=VALUE; repeatable.")
@connected
def add(
    session: Session,
    name: str,
    preset: str | None,
    region: str | None,
    settings: Sequence[str],
    embedded: bool,
    **options: Any,
) -> None:
    """Add a target: one model at one provider."""
    if embedded:
        made = session.write("POST", path_of("/api/embedded", name))
        session.output.result(made, f"{made['model']} can be called again.")
        return
    probe = _probe(options.pop("probe"), options.pop("probe_every"), always=options.pop("probe_always"))
    body: dict[str, Any] = {field: value for field, value in options.items() if value not in (None, ())}
    if probe is not None:
        body["probe"] = probe
    if region is not None:
        body["region"] = region
    if settings:
        body["settings"] = pairs(settings, param="setting")
    body = {"id": name, "model": name, "upstream_model": name, **body}
    if preset is not None:
        body = filled(session, preset, body, region)
    elif "provider" not in body:
        raise UsageError("Neither --provider nor --preset is given.", remedy="Give one of them.", param="provider")
    made = session.write("POST", "/api/targets", body)
    said = f"{made['model']} can be called; see `genaiops price check` for its price."
    missing = _missing(session, made["credentials"])
    if missing:
        said = f"{made['model']} is there; calls fail until its secret is: genaiops secret set {missing[0]}"
        said += "".join(f", genaiops secret set {name}" for name in missing[1:])
    session.output.result(made, said)


def _missing(session: Session, names: Sequence[str]) -> list[str]:
    """The secrets of these that are not kept; none where the caller may not list them."""
    if not names:
        return []
    try:
        kept = {secret["name"] for secret in session.items("/api/secrets")}
    except Forbidden:
        return []
    return [name for name in names if name not in kept]


def _probe(path: str | None, every: float | None, *, always: bool) -> Row | None:
    if path is None:
        if every is not None or always:
            raise click.UsageError("--probe-every and --probe-always go with --probe PATH.")
        return None
    found: Row = {"path": path, "when": "always" if always else "resting"}
    return found if every is None else {**found, "every": every}


@command.verb("list", example="genaiops model list")
@connected
def list_(session: Session) -> None:
    """List the targets and the names that clients call."""
    targets = session.items("/api/targets")
    other = "" if targets or session.output.as_json else or_embedded(session)
    session.output.rows(targets, _COLUMNS, empty=f"There is no model. Add one with `genaiops model add`{other}.")


@command.verb("show", example="genaiops model show smollm2")
@click.argument("name")
@connected
def show(session: Session, name: str) -> None:
    """Show one target, and what suites measured of its model."""
    target = session.client.get(path_of("/api/targets", name))
    measured = session.items("/api/models/benchmarks", {"model": target["model"]})
    target["benchmarks"] = measured
    timeouts: Row = target["timeouts"]
    session.output.facts(
        target,
        (
            ("target", target["id"]),
            ("model", target["model"]),
            ("provider", target["provider"]),
            ("upstream model", target["upstream_model"]),
            ("address", target["base_url"]),
            ("for", target["operations"]),
            ("secrets", target["credentials"]),
            ("timeouts", [f"{field} {timeouts[field]:g} s" for field in timeouts]),
            ("at a time", target["max_concurrency"] or "any number"),
            ("waiting", _waiting(target)),
            ("region", target["region"]),
            ("tags", target["tags"]),
            ("probe", _probing(target["probe"])),
            ("output at most", f"{tokens(target['max_output_tokens'])} tokens"),
            ("context", tokens(target["context_window"])),
            ("settings", [f"{field}={value}" for field, value in target["settings"].items()]),
            ("enabled", target["enabled"]),
            *(("benchmark", _benchmark(each)) for each in measured),
        ),
    )


def _benchmark(row: Row) -> str:
    """Of which run, by which version, and the figures with their bounds."""
    run = row["run"]
    figures = [_figure(each) for each in row["figures"]] or ["nothing measured"]
    return f"{run['id']} {run['name']} (genaiops {row['harness'] or 'unknown'}): {'; '.join(figures)}"


def _figure(each: Row) -> str:
    if each["mean"] is None:
        return f"{each['check']}: no value"
    bounds = "" if each["low"] is None or each["high"] is None else f" ({each['low']:.3g} to {each['high']:.3g})"
    unit = f" {each['unit']}" if each["unit"] else ""
    passed = "" if each["passed"] is None else f", {each['passed']} passed"
    return f"{each['check']}: {each['metric']} {each['mean']:.4g}{unit}{bounds}, n {each['n']}{passed}"


def _waiting(target: Row) -> str | None:
    if not target["queue_seconds"]:
        return None
    return f"{target['queue_length']} calls, for {target['queue_seconds']:g} s"


def _probing(probe: Row | None) -> str | None:
    if probe is None:
        return None
    when = "while it rests" if probe["when"] == "resting" else "always"
    return f"{probe['path']} every {probe['every']:g} s, {when}"


@command.verb("remove", example="genaiops model remove mini")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Ask nothing, also for an embedded model.")
@connected
def remove(session: Session, name: str, yes: bool) -> None:
    """Remove a target that no route names any more."""
    path = path_of("/api/targets", name)
    target: Row = session.client.get(path)
    said = f"The target {name} is removed."
    if "embedded_url" in target["settings"]:
        back = f"genaiops model add {name} --embedded"
        if not yes:
            _confirm(
                f"{name} comes along with genaiops. Nothing can be called by that name, also after a new "
                f"start, until you run: {back}",
                session,
            )
        said += f" To undo: {back}"
    session.write("DELETE", path)
    session.output.result({"id": name, "removed": True}, said)


def _confirm(what: str, session: Session) -> None:
    """UsageError where nobody can be asked."""
    if session.output.as_json or not sys.stdin.isatty():
        raise UsageError(what, remedy="Give --yes to remove it.", code="not_confirmed", param="yes")
    session.output.note(what)
    click.confirm("Remove it?", abort=True, err=True)


@command.verb("presets", example="genaiops model presets")
@connected
def presets(session: Session) -> None:
    """List the services that `model add --preset` knows."""
    session.output.rows(session.items("/api/presets"), PRESET_COLUMNS, empty="There is no preset.")


@command.verb("catalogue", example="genaiops model catalogue gpt-4.1")
@click.argument("name", required=False)
@click.option("--provider", help="Only models that are talked to like this: openai, bedrock, ...")
@click.option("--preset", help="Only models that this service has under the same name.")
@click.option("--ability", help="Only models that have it: vision, tools, reasoning, code, ...")
@connected
def catalogue(session: Session, name: str | None, **wanted: str | None) -> None:
    """List known models with their limits and abilities, or show one. Prices: `genaiops price list`."""
    if name is None:
        models = session.items("/api/catalogue", {field: value for field, value in wanted.items() if value is not None})
        session.output.rows(models, CATALOGUE_COLUMNS, empty="The catalogue knows no such model.")
    else:
        model: Row = session.client.get(path_of("/api/catalogue", name))
        session.output.facts(model, catalogue_facts(model))


@command.verb("pull", example="genaiops model pull smollm2")
@click.argument("name")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The data directory. [GENAIOPS_HOME]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pull(name: str, home: Path | None, as_json: bool) -> None:
    """Fetch the weights of an embedded model, or check those that are there. Needs no running installation."""
    from genaiops.app.pulling import pull as pull_weights

    output = Output(as_json=as_json)
    place = home.expanduser().absolute() if home is not None else default_home()
    if output.interactive:
        with _Bar() as bar:
            installed = pull_weights(name, place, bar)
    else:
        installed = pull_weights(name, place, _phases(output))
    manifest = installed.manifest
    facts = {
        "name": manifest.name,
        "digest": manifest.digest,
        "licence": manifest.licence,
        "directory": str(installed.directory),
        "pulled": installed.pulled,
    }
    done = "is there" if installed.pulled else "was there already, and every byte is right"
    output.result(facts, f"{manifest.title} {done}: {installed.directory}")


@command.verb("diff", example="genaiops model diff tuned@prod tuned@dev")
@click.argument("before")
@click.argument("after")
@connected
def diff(session: Session, before: str, after: str) -> int:
    """Show what differs between two versions of a model in the Hub. Exit status 1 when something
    does."""
    return show_differences(session, f"model/{before}", f"model/{after}")


@command.verb("check", example="genaiops model check model.safetensors")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(files: Sequence[Path], as_json: bool) -> int:
    """Say whether files of weights can run code when they are loaded, as pickles can. Status 1 when one can. Needs no
    running installation, and executes nothing."""
    from genaiops.app.weights import looked_into

    output = Output(as_json=as_json)
    found = [looked_into(file) for file in files]
    columns = (Column("FILE", "file"), Column("FORMAT", "format"), Column("CAN RUN CODE", "danger"))
    output.rows(found, columns, empty="There is no file.")
    return int(any(each["danger"] for each in found))


def _phases(output: Output) -> Callable[[int, int | None, str], None]:
    """One line on standard error at the beginning of each phase."""
    seen: set[str] = set()

    def show_phase(_done: int, total: int | None, phase: str) -> None:
        if phase not in seen and phase != "done":
            seen.add(phase)
            output.note(f"{phase} ..." if total is None else f"{phase} {total / 1e6:.1f} MB ...")

    return show_phase


class _Bar:
    """A progress bar of rich; called with bytes done, bytes in all (None: not known) and the phase."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description:>9}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        )
        self._task = self._progress.add_task("", total=None)

    def __call__(self, done: int, total: int | None, phase: str) -> None:
        self._progress.update(self._task, completed=done, total=total, description=phase)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
