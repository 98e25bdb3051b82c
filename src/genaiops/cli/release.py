"""`genaiops release`: everything that an application runs on, pinned and named by its digest."""

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click
import msgspec

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._people import with_names
from genaiops.cli._release_report import add_reports, verified_file
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.cli.app import short_digest
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

command = noun("release", "Releases: everything that an application runs on, pinned and named by its digest.")

_SHA = re.compile(r"[0-9a-f]{7,64}")
_SECONDS = 10

_COLUMNS = (
    Column("RELEASE", lambda row: short_digest(row["id"])),
    Column("MODEL", lambda row: row["manifest"]["model"]),
    Column("PROMPT", lambda row: _short(row["manifest"].get("prompt")), rank=1),
    Column("PARAMETERS", lambda row: _pairs(row["manifest"].get("parameters", {})), rank=2, elastic=True),
    Column("COMMIT", lambda row: _commit_text(row["manifest"].get("commit")), rank=2),
    Column("CREATED", lambda row: short_time(row["created_at"])),
    Column("NOTE", "note", rank=3, elastic=True),
)


@command.verb("create", example="genaiops release create support --model smollm2 --param temperature=0.2 --note first")
@click.argument("application")
@click.option("--model", required=True, help="The model or the route that it calls.")
@click.option("--prompt", help="A version of a prompt: NAME@ALIAS or NAME@sha256:...")
@click.option("--param", "parameters", multiple=True, help="NAME=VALUE, the value as JSON or text; repeatable.")
@click.option("--pin", "pins", multiple=True, help="WHAT=KIND/NAME@ALIAS, such as guard=policy/x@prod; repeatable.")
@click.option("--guard", help="The guard policy, pinned to the version that it is now: NAME, NAME@ALIAS.")
@click.option("--commit", help="A Git commit, or auto: the one of the current folder.")
@click.option("--note", default="", help="A line for people.")
@connected
def create(
    session: Session,
    application: str,
    parameters: tuple[str, ...],
    pins: tuple[str, ...],
    guard: str | None,
    commit: str | None,
    **plain: str | None,
) -> None:
    """Make a release. The same content is the same release, whoever makes it and however often."""
    body: dict[str, Any] = {
        "application": application,
        **plain,
        "parameters": {name: _value(value) for name, value in map(_pair, parameters)},
        "pins": {**dict(map(_pair, pins)), **({} if guard is None else {"guard": guard})},
    }
    if commit is not None:
        body["commit"] = _commit_here() if commit == "auto" else {"sha": commit}
    made = session.write("POST", "/api/releases", body)
    if session.output.as_json:
        session.output.json(made)
        return
    session.output.note(
        f"Deploy it with `genaiops app deploy {application} --release {short_digest(made['id'])} --env dev`."
    )
    session.output.line(made["id"])


@command.verb("list", example="genaiops release list support")
@click.argument("application")
@connected
def list_(session: Session, application: str) -> None:
    """List an application's releases, newest first."""
    found = session.items("/api/releases", {"application": application})
    empty = f"There is no release. Make one with `genaiops release create {application} --model NAME`."
    session.output.rows(found, _COLUMNS, empty=empty)


@command.verb("show", example="genaiops release show support@latest")
@click.argument("release")
@connected
def show(session: Session, release: str) -> None:
    """Show one release: APPLICATION@DIGEST, a beginning of its digest, or APPLICATION@latest."""
    (found,) = with_names(session, [session.client.get(path_of("/api/releases", _named(release)))], "created_by")
    manifest = found["manifest"]
    session.output.facts(
        found,
        (
            ("id", found["id"]),
            ("model", manifest["model"]),
            ("prompt", manifest.get("prompt")),
            *((f"parameter {name}", _text(value)) for name, value in manifest.get("parameters", {}).items()),
            *((f"pin {name}", value) for name, value in manifest.get("pins", {}).items()),
            ("commit", _commit_text(manifest.get("commit"))),
            ("note", found["note"]),
            ("created", short_time(found["created_at"])),
            ("by", found["created_by_name"]),
        ),
    )


@command.verb("diff", example="genaiops release diff support@latest support@latest")
@click.argument("before")
@click.argument("after")
@connected
def diff(session: Session, before: str, after: str) -> int:
    """Say what the second has in another way than the first. Exit status 1 when they differ."""
    found = session.client.get(path_of("/api/releases", _named(before), "diff", _named(after)))
    differences = found["differences"]
    if session.output.as_json:
        session.output.json(found)
    elif not differences:
        session.output.line("They are the same release.")
    for one in differences if not session.output.as_json else ():
        session.output.line(f"{one['field']}: {_text(one['before'])} -> {_text(one['after'])}")
    return 1 if differences else 0


@command.verb("verify", example="genaiops release verify support@latest")
@click.argument("release")
@click.option("--public-key", "keys", multiple=True, help="Of a bundle: a key to trust; repeatable. [the file's]")
@connected
def verify(session: Session, release: str, *, keys: tuple[str, ...]) -> int:
    """Work its digest out anew, and look up all that it pins; or check a bundle, RELEASE being the file, without a
    server. Exit status 1 when something does not hold."""
    if Path(release).is_file():
        return verified_file(session, Path(release), keys)
    found = session.client.get(path_of("/api/releases", _named(release), "verify"))
    holds = found["unchanged"] and not found["missing"]
    if session.output.as_json:
        session.output.json(found)
    elif holds:
        session.output.line(f"{found['release_id']} is what its name says, and all that it names is there.")
    else:
        if not found["unchanged"]:
            session.output.line(f"{found['release_id']} was altered: its content has the digest {found['digest']}.")
        for name in found["missing"]:
            session.output.line(f"{name} is not there any more.")
    return 0 if holds else 1


add_reports(command)


def _named(text: str) -> str:
    if "@" not in text:
        raise UsageError(f"{text!r} names no release.", remedy=f"Write {text}@latest, or its digest.", param="release")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise UsageError(f"{text!r} has no name and value.", remedy="Write it as NAME=VALUE.")
    return name, value


def _value(text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _commit_here() -> dict[str, Any]:
    """What Git says of the current folder. UsageError where it says nothing."""
    sha = _git("rev-parse", "HEAD")
    if sha is None or _SHA.fullmatch(sha) is None:
        raise UsageError(
            "The current folder is of no Git repository with a commit.",
            remedy="Run it in one, or give the commit's hash.",
            param="commit",
        )
    return {
        "sha": sha,
        "repository": _without_credentials(_git("remote", "get-url", "origin") or ""),
        "dirty": bool(_git("status", "--porcelain")),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if not parts.scheme or "@" not in parts.netloc:
        return url  # of the form git@host:path, or a folder
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _short(version_id: str | None) -> str:
    if version_id is None:
        return ""
    name, sign, digest = version_id.removeprefix("prompt/").partition("@sha256:")
    return f"{name}@{digest[:12]}" if sign else name


def _pairs(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in parameters.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "-" if value is None else msgspec.json.encode(value).decode()


def _commit_text(commit: dict[str, Any] | None) -> str:
    if commit is None:
        return ""
    return commit["sha"][:12] + (" (dirty)" if commit.get("dirty") else "")
