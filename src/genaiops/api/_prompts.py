"""`/api/prompts/render`: a prompt with its variables put in, also one that is not saved yet."""

from typing import Any

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._artifacts import version_seen
from genaiops.api._services import Serving
from genaiops.core.errors import UsageError
from genaiops.domain import PromptManifest, ReadyPrompt
from genaiops.hub import link_prompt, prepare_prompt


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either the `prompt` (`name@alias`, `name@sha256:...`) or the `manifest` of one that nobody pushed yet."""

    prompt: str | None = None
    manifest: dict[str, Any] | None = None
    variables: dict[str, Any] = {}


class RenderedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a call would get. `version_id` is null for a manifest that was not pushed."""

    version_id: str | None
    messages: list[dict[str, Any]]
    tools: tuple[dict[str, Any], ...]
    response_format: dict[str, Any] | None
    parameters: dict[str, Any]
    model: str | None


class PromptsController(Controller):
    path = "/prompts"
    tags = ("Hub",)

    @post("/render", summary="Render a prompt", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def render(self, data: JSONBody[RenderRequest], services: Serving, caller: Calling) -> RenderedDocument:
        """Checks the variables as a call would. Nothing is kept."""
        if (data.prompt is None) == (data.manifest is None):
            raise UsageError("Which prompt?", remedy="Give either prompt or manifest.", param="prompt")
        hub, version_id = services.hub, None
        with hub.records.read() as view:
            if data.prompt is not None:
                version = version_seen(hub, f"prompt/{data.prompt.removeprefix('prompt/')}", caller.actor)
                version_id, name, plain = version.id, data.prompt.partition("@")[0], version.manifest
            else:
                assert data.manifest is not None
                name = "draft"
                plain = prepare_prompt(view, name, data.manifest)
                for included in plain.get("includes", {}).values():
                    hub.artifacts.visible(included.partition("@")[0], caller.actor)
            manifest = link_prompt(view, msgspec.convert(plain, PromptManifest))
        ready = ReadyPrompt(name, version_id or name, manifest)
        return RenderedDocument(
            version_id=version_id,
            messages=ready.render(ready.check(data.variables)),
            tools=manifest.tools,
            response_format=manifest.response_format,
            parameters=manifest.parameters,
            model=manifest.model,
        )
