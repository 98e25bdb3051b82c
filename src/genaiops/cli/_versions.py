"""Versions and aliases of the Hub, whatever their kind: what people call them, and moving an alias."""

from genaiops.cli._session import Session
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of


def short_version(version_id: str) -> str:
    """`support/answer@sha256:0123456789ab` of `prompt/support/answer@sha256:...`: enough to know it by, where people
    read."""
    name, _, digest = version_id.partition("/")[2].partition("@")
    return f"{name}@{digest[:19]}"


def named_alias(alias: str) -> str:
    """UsageError for what is no NAME@ALIAS."""
    if not alias.partition("@")[2]:
        raise UsageError(f"{alias!r} names no alias.", remedy="Write NAME@ALIAS.", param="alias")
    return alias


def let_name(session: Session, kind: str, alias: str, version: str, **why: str | None) -> None:
    """`version`: its digest, or another alias."""
    body = {"version": f"{kind}/{version}" if "@" in version else version, **why}
    moved = session.write("PUT", path_of("/api/aliases", f"{kind}/{named_alias(alias)}"), body)
    session.output.result(moved, f"{alias} names {short_version(moved['version_id'])}.")
