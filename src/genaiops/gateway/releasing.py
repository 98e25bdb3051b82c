"""From an application's name to what serves the call: its deployment, one of its releases, and the body as that release
wants it."""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from genaiops.core.errors import Forbidden, NotFound, UsageError
from genaiops.domain import KeyEntry, Operation, PromptUse, matches
from genaiops.gateway.admit import Grant
from genaiops.gateway.body import Body, ChatBody, Extension
from genaiops.gateway.compose import brought, compose, kept, prompted
from genaiops.gateway.deployed import PREFIX, Deployed, Released
from genaiops.gateway.media import MediaBody
from genaiops.gateway.plan import Lineup
from genaiops.ports.providers import Dialect

if TYPE_CHECKING:
    from genaiops.gateway.call import Call


def resolve(call: "Call", content_type: bytes | None) -> Lineup:
    """Who may serve the name that the call asks for. The body of a call for an application is other afterwards."""
    body = call.body
    assert body is not None
    if not body.model.startswith(PREFIX):
        return call.key.resolve(body.model, call.operation)
    call.body = enter(call, content_type)
    assert call.release is not None
    return call.key.resolve(call.release.model, call.operation)


def enter(call: "Call", content_type: bytes | None) -> Body:
    """The call goes on as one of the application that it named: by a release, with that release's parameters, under the
    application's limits. The body to go on with."""
    release = call.release
    if release is None:
        deployed = reached(call.key, call.model)
        release = call.release = deployed.choose(_who(call))
        call.key = within(call.key, deployed)
        call.lines = call.key.lines
    body = call.body
    assert body is not None
    if release.prompt is not None:
        return _prompted(call, body, release.prompt, release.parameters)
    body = _own(call, body)
    if not release.parameters:
        return body
    if isinstance(body, MediaBody) and body.form is not None:
        raise _takes_none(release, "a form")
    raw = with_parameters(call.raw, call.speech.dialect, call.operation, release)
    if raw is not call.raw:
        call.raw = raw
        body = call.speech.decode(call.operation, raw, content_type)
    return body


def with_parameters(
    raw: bytes | bytearray, dialect: Dialect, operation: Operation, release: Released
) -> bytes | bytearray:
    """The body with the release's parameters, in the words of its dialect, where it says nothing itself."""
    if dialect == "openai" or not release.parameters:
        return release.merged(raw)
    if operation != "chat":
        raise _takes_none(release, "a request of this endpoint")
    return compose(raw, dialect, parameters=release.parameters)


def _takes_none(release: Released, what: str) -> UsageError:
    return UsageError(
        f"The release {release.digest[:19]} of {release.application!r} sets parameters, and {what} takes none.",
        remedy="Release without parameters, or call the model itself.",
        code="parameter_not_translatable",
        param="model",
    )


def _prompted(call: "Call", body: Body, version_id: str, parameters: Mapping[str, Any]) -> Body:
    """The body with the prompt that the release pins."""
    asked = body.genaiops if isinstance(body.genaiops, Extension) else None
    if call.operation != "chat":
        raise UsageError(
            "The release of this application has a prompt, and that goes into chat.",
            remedy="Call /v1/chat/completions.",
            code="operation_not_supported",
            param="model",
        )
    if asked is not None and asked.prompt is not None:
        raise UsageError(
            "The release of this application has a prompt of its own.",
            remedy="Leave `genaiops.prompt` out, or call the model itself.",
            code="prompt_pinned",
            param="genaiops.prompt",
        )
    grant = call.key
    prompt = grant.plan.prompts.pinned(version_id)
    variables = (asked.variables if asked is not None else None) or {}
    values = prompt.check(variables)
    call.raw = compose(call.raw, call.speech.dialect, prompt=prompt, variables=values, parameters=parameters)
    shown = kept(variables) if grant.capture == "full" else {}
    call.prompt = PromptUse(prompt.name, prompt.digest, None, shown, brought(prompt, call.speech.dialect))
    return call.speech.decode(call.operation, call.raw)


def _own(call: "Call", body: Body) -> Body:
    """The body with the prompt that the call itself names, if it names one."""
    if isinstance(body.genaiops, Extension):
        body = prompted(call, body, body.genaiops)
    if call.operation == "chat" and isinstance(body, ChatBody) and not body.messages:
        raise UsageError(
            "The body is not right: there are no messages, and the release of this application brings none.",
            remedy="Send `messages`.",
            code="invalid_value",
            param="messages",
        )
    return body


def reached(grant: Grant, name: str) -> Deployed:
    """The deployment that a name means for this key: `app/NAME` in the key's own environment, `app/NAME@ENVIRONMENT` in
    that one. NotFound, or Forbidden where it is not for this key."""
    entry = grant.entry
    application, _, environment = name.removeprefix(PREFIX).partition("@")
    environment = environment or entry.environment_id
    full = f"{PREFIX}{application}@{environment}"
    found = grant.plan.deployments.applications.get(application)
    if found is None or found.tenant_id != entry.tenant_id:
        raise NotFound(
            f"There is no application {application!r}.",
            remedy=_suggest(grant, full),
            code="model_not_found",
            param="model",
        )
    if entry.application not in (None, application):
        raise Forbidden(
            f"The API key {entry.key_name!r} is for the application {entry.application!r}, not for {application!r}.",
            remedy="Use a key of that application.",
            code="application_not_allowed",
            param="model",
        )
    deployed = grant.plan.deployments.serving.get(full)
    tried = deployed is not None and deployed.run_id != "" and _tries(entry, deployed)
    if environment != entry.environment_id and not tried:
        raise Forbidden(
            f"The API key {entry.key_name!r} is for the environment {entry.environment_id!r}, not for {environment!r}.",
            remedy=f"Use a key of {environment!r}.",
            code="environment_not_allowed",
            param="model",
        )
    if not _may_name(grant, full):
        raise Forbidden(
            f"The API key {entry.key_name!r} may not call {full!r}.",
            remedy=_suggest(grant, full),
            code="model_not_allowed",
            param="model",
        )
    if deployed is None:
        raise NotFound(
            f"The application {application!r} is not deployed in {environment!r}.",
            remedy=f"genaiops app deploy {application} --release latest --env {environment}",
            code="not_deployed",
            param="model",
        )
    return deployed


def _tries(entry: KeyEntry, deployed: Deployed) -> bool:
    """Whether that is a key of the run that tries it."""
    return entry.key_name == f"run/{deployed.run_id}" and entry.environment_id == deployed.environment_id


def within(grant: Grant, deployed: Deployed) -> Grant:
    """The same key as one of that application: under its limits, and where the key lists the application among its
    models, whatever model a release needs is open to it."""
    listed = _listed(grant, deployed.name)
    if grant.entry.application == deployed.application.id and not listed:
        return grant
    found = grant.within.get(deployed.name)
    if found is None:
        entry = msgspec.structs.replace(grant.entry, application=deployed.application.id)
        if listed:
            entry = msgspec.structs.replace(entry, models=(), routes=())
        found = grant.within[deployed.name] = Grant(entry, grant.plan)
    return found


def callable_by(grant: Grant) -> list[tuple[Deployed, Released]]:
    """The deployments that a key may call, each with a release of it, in order of their names."""
    entry = grant.entry
    return [
        (one, one.releases[0])
        for name, one in sorted(grant.plan.deployments.serving.items())
        if not one.run_id
        and one.environment_id == entry.environment_id
        and one.application.tenant_id == entry.tenant_id
        and entry.application in (None, one.application.id)
        and _may_name(grant, name)
    ]


def _listed(grant: Grant, full: str) -> bool:
    short = full.partition("@")[0]
    return any(matches(pattern, name) for pattern in grant.entry.models for name in (short, full))


def _may_name(grant: Grant, full: str) -> bool:
    """A key that lists what it may call, and not the application, reaches it only where a release's model is listed."""
    entry = grant.entry
    if not (entry.models or entry.routes) or _listed(grant, full):
        return True
    deployed = grant.plan.deployments.serving.get(full)
    if deployed is None:
        return True  # it will be told that there is nothing
    named = [grant.plan.names.get(release.model) for release in deployed.releases]
    return all(one is not None and grant.may_name(one) for one in named)


def _who(call: "Call") -> str:
    who = call.user_id or call.session
    return f"{call.key.entry.tenant_id}\0{who}" if who else ""


def _suggest(grant: Grant, full: str) -> str:
    names = [one.name for one, _ in callable_by(grant)]
    near = difflib.get_close_matches(full[:200], names, n=3, cutoff=0.5) or names[:3]
    if near:
        return f"This key may call {', '.join(map(repr, near))}."
    return "This key may call no application: genaiops app list shows which there are."
