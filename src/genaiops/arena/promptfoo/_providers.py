"""Providers of promptfoo as targets: models are asked through the gateway, addresses as they are, code in processes of
its own."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._code import Near, is_code, script_at, transforms
from genaiops.arena.promptfoo._files import FILE, Folder, Refused, load_yaml, mapping
from genaiops.arena.promptfoo._templates import nunjucks_of, rendered
from genaiops.checks.written import Fault
from genaiops.domain import Script, SuiteTarget

_VENDORS: Final = frozenset(
    {
        *("adaline", "ai21", "aimlapi", "alibaba", "anthropic", "azure", "azureopenai", "bedrock", "cerebras"),
        *("cloudflare-ai", "cohere", "cometapi", "databricks", "deepseek", "docker", "fireworks", "github", "google"),
        *("groq", "helicone", "huggingface", "hyperbolic", "lambdalabs", "litellm", "llama", "llamaapi", "localai"),
        *("mistral", "nscale", "ollama", "openai", "openrouter", "palm", "perplexity", "replicate", "sagemaker"),
        *("together", "togetherai", "vertex", "vllm", "voyage", "watsonx", "xai"),
    }
)
_WITHIN: Final = frozenset({"adaline", "sagemaker"})
"""Vendors whose ids name another vendor, or a kind of endpoint, before the model."""
_CHAT: Final = frozenset({"chat", "completion", "completions", "converse", "messages", "responses", "text"})
_NOT_ASKED: Final = frozenset(
    {
        *("agents", "assistant", "audio", "embedding", "embeddings", "image", "kb", "live", "moderation", "realtime"),
        *("feature-extraction", "sentence-similarity", "text-classification", "token-classification", "video"),
        *("codex-sdk", "agentkit", "chatkit", "foundry-agent", "nova-sonic", "transcription", "tts"),
    }
)
_BEGINS: Final = ("exec:", "python:", "javascript:", "ruby:")
_PROGRAM: Final = re.compile(r"^golang:|\.go(?::\w+)?$")
_PATH: Final = re.compile(r"(?:json|response)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])+)")
_DUMPED: Final = re.compile(r"\{\{\s*(\w+)\s*\|\s*(?:dump|tojson)(?:\s*\|\s*safe)?\s*\}\}")
_OF_ANSWER: Final = ("json", "text", "context")
_SECRET: Final = re.compile(r"Bearer \{\{\s*(?:env\.)?([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_SETTINGS: Final = frozenset({"apiKey", "apiKeyEnvar", "apiBaseUrl", "apiHost", "organization", "cost", "showThinking"})
ECHO: Final = "genaiops.arena.promptfoo:echo"


_OF_PROVIDER: Final = {"id", "config", "label", "delay", "prompts", "transform", "description"}


class Provider(msgspec.Struct, frozen=True):
    """`prompts`: labels of those that it takes (None: all). `chat`: what is asked is messages, where it is any."""

    id: str
    target: SuiteTarget
    prompts: tuple[str, ...] | None = None
    chat: bool = True
    key: str = ""

    @property
    def form(self) -> str:
        return "" if self.chat else "_text"

    def takes(self, label: str, number: int) -> bool:
        if self.prompts is None:
            return True
        return any(
            label == each or str(number - 1) == each or (each.endswith("*") and label.startswith(each[:-1]))
            for each in self.prompts
        )


def providers_of(raw: Any, near: Near, faults: list[Fault]) -> Iterator[Provider]:
    """Of `providers`. What cannot be one is told in `faults`."""
    given: list[tuple[Any, str]] = [
        (each, f"providers[{number}]")
        for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw])
    ]
    number, read = 0, set[str]()
    while given:
        each, path = given.pop(0)
        number += 1
        try:
            if isinstance(each, str) and each.startswith(FILE) and re.search(r"\.(?:ya?ml|json)$", each):
                if each in read:
                    raise Refused(path, f"{each} is named twice, or names itself.", "Name it once.")
                read.add(each)
                found = near.folder.data(each, path)
                given[:0] = [(one, path) for one in cast("list[Any]", found if isinstance(found, list) else [found])]
                continue
            yield provider_of(each, path, near, f"_{number}")
        except Refused as refused:
            faults.append(refused.fault)


def target_of(raw: Any, path: str, folder: Folder) -> SuiteTarget:
    """One alone, such as who grades."""
    return provider_of(raw, path, Near(folder, nunjucks_of({}, {}))).target


def provider_of(raw: Any, path: str, near: Near, key: str = "") -> Provider:
    """Without a name of its own it is called as its id. Refused says why, with the place."""
    fields: dict[str, Any] = {}
    if isinstance(raw, str):
        name = raw
    elif isinstance(raw, dict) and "id" in raw:
        fields = cast("dict[str, Any]", raw)
        name = str(fields["id"])
    elif isinstance(raw, dict) and len(cast("dict[str, Any]", raw)) == 1:
        [(name, given)] = cast("dict[str, Any]", raw).items()
        fields = mapping(given, path)
    else:
        raise Refused(path, "A provider is a text, or an object with an id.", "Write openai:gpt-4o, for example.")
    _refuse_rest(fields, _OF_PROVIDER, path)
    name = _with_environment(name, f"{path}.id", near)
    label = str(fields.get("label") or "")
    config = mapping(fields.get("config"), f"{path}.config")
    target, chat = _target(name, label, config, path, near)
    changing = transforms(fields.get("transform") or config.pop("transform", None), f"{path}.transform", near.folder)
    target = msgspec.structs.replace(target, transform=(*target.transform, *changing))
    raw_prompts = fields.get("prompts")
    listed = cast("list[Any]", raw_prompts if isinstance(raw_prompts, list) else [raw_prompts])
    prompts = None if raw_prompts is None else tuple(map(str, listed))
    return Provider(name, target, prompts, chat, key)


def _target(name: str, label: str, config: dict[str, Any], path: str, near: Near) -> tuple[SuiteTarget, bool]:
    """And whether messages are taken out of what it is asked."""
    if name == "echo":
        return SuiteTarget(name=_name(label or name), python=ECHO), False
    if _PROGRAM.search(name):
        raise Refused(path, f"The provider {name} is a program of Go, which is not begun here.", "Put it behind exec:.")
    if name.startswith(_BEGINS) or is_code(name):
        return SuiteTarget(name=_name(label or name), script=_script(name, config, path, near)), False
    if name in ("http", "https") or name.startswith(("http://", "https://")):
        return _http(name, label, config, path, near), True
    taken = {key: value for key, value in config.items() if key != "transform"}
    return _model(name, label, _with_files(taken, f"{path}.config", near), path), True


def _script(name: str, config: Mapping[str, Any], path: str, near: Near) -> Script:
    takes = ("prompt", "options", "context")
    if name.startswith("exec:"):
        line = name.removeprefix("exec:").strip()
        return Script(language="command", code=line, takes=takes, config=dict(config))
    place = name.partition(":")[2] if name.startswith(_BEGINS) else name
    known = {key: value for key, value in config.items() if key not in ("transform", "pythonExecutable", "workers")}
    return script_at(place, path, near.folder, "call_api", takes, known)


def _with_environment(text: str, path: str, near: Near) -> str:
    """`{{env.NAME}}` read, but no secret."""
    return rendered(text, {}, path, near.nunjucks) if "env" in text and "{{" in text else text


def _with_files(value: Any, path: str, near: Near) -> Any:
    """Parameters whose files are read."""
    if isinstance(value, str):
        if value.startswith(FILE):
            if is_code(value):
                raise Refused(path, f"{value} is code, and no value of a parameter.", "Write its value.")
            return near.folder.data(value, path)
        return value if value.startswith("{{") and path.endswith("apiKey") else _with_environment(value, path, near)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _with_files(each, f"{path}.{name}", near) for name, each in fields.items()}
    if isinstance(value, list):
        return [_with_files(each, f"{path}[{n}]", near) for n, each in enumerate(cast("list[Any]", value))]
    return value


def _model(name: str, label: str, config: Mapping[str, Any], path: str) -> SuiteTarget:
    vendor, _, rest = ("llama:" + name if name == "llama" else name).partition(":")
    if vendor in _WITHIN:
        rest = rest.partition(":")[2] or rest
    way, colon, model = rest.partition(":")
    if not colon or way not in _CHAT | _NOT_ASKED:
        way, model = "", rest
    if vendor not in _VENDORS or not model or way in _NOT_ASKED or rest in _NOT_ASKED:
        raise Refused(
            path,
            f"The provider {name} cannot be asked from here.",
            "There are: VENDOR:MODEL of chat models, https://..., echo.",
        )
    parameters = {key: value for key, value in config.items() if key not in _SETTINGS}
    base = config.get("apiBaseUrl") or (f"https://{config['apiHost']}/v1" if config.get("apiHost") else "")
    key = str(config.get("apiKey") or "")
    named = re.fullmatch(r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}", key)
    if key and named is None:
        raise Refused(f"{path}.config.apiKey", "A key stands in the file.", "Name its variable with apiKeyEnvar.")
    usual = "OPENAI_API_KEY" if vendor == "openai" else ""
    if not base:
        return SuiteTarget(name=_name(label or name), model=model, parameters=parameters)
    return SuiteTarget(
        name=_name(label or name),
        url=f"{str(base).rstrip('/')}/chat/completions",
        parameters={"model": model, **parameters},
        secret=str(config.get("apiKeyEnvar") or (named[1] if named else usual)),
    )


def _http(name: str, label: str, config: Mapping[str, Any], path: str, near: Near) -> SuiteTarget:
    url = _with_environment(str(config.get("url") or name), f"{path}.config.url", near)
    if not url.startswith(("http://", "https://")) or "{{" in url:
        raise Refused(f"{path}.config.url", "There is no fixed address.", "Write url: https://...")
    if str(config.get("method", "POST")).upper() != "POST":
        raise Refused(f"{path}.config.method", "Only POST is sent.", "Put a POST before it.")
    _refuse_rest(
        config,
        {"url", "method", "headers", "body", "transformResponse", "responseParser", "transform"},
        f"{path}.config",
    )
    body = _with_files(config.get("body"), f"{path}.config.body", near)
    if isinstance(body, str):
        body = _DUMPED.sub(r'"{{\1}}"', body)
        try:
            body = load_yaml(json.dumps(body)) if not body.lstrip().startswith("{") else json.loads(body)
        except ValueError:
            body = None
    if not isinstance(body, dict):
        raise Refused(f"{path}.config.body", "The body is no object.", "Write it as an object with {{prompt}}.")
    answer = config.get("transformResponse") or config.get("responseParser")
    if answer is not None and not isinstance(answer, str):
        raise Refused(f"{path}.config.transformResponse", "It is no text.", "Write json.choices[0].message.content.")
    found = None if answer is None else _PATH.fullmatch(answer.strip())
    changing = () if found else transforms(answer, f"{path}.config.transformResponse", near.folder, _OF_ANSWER)
    return SuiteTarget(
        name=_name(label or url.partition("://")[2]),
        url=url,
        request=cast("dict[str, Any]", _marked(body)),
        answer="." if changing else "" if found is None else found[1].lstrip("."),
        secret=_secret(config.get("headers"), f"{path}.config.headers"),
        transform=changing,
    )


def _secret(headers: Any, path: str) -> str:
    secret = ""
    for name, value in mapping(headers, path).items():
        found = _SECRET.fullmatch(str(value)) if name.lower() == "authorization" else None
        if found is not None:
            secret = found[1]
        elif name.lower() not in ("content-type", "accept"):
            raise Refused(
                f"{path}.{name}", f"The header {name} cannot be sent.", "There is Authorization: Bearer {{env.NAME}}."
            )
    return secret


def _marked(value: Any) -> Any:
    """`{{prompt}}` is the input of a case here; marks without spaces."""
    if isinstance(value, str):
        text = re.sub(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}", r"{{\1}}", value)
        return text.replace("{{prompt}}", "{{input}}")
    if isinstance(value, dict):
        return {name: _marked(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_marked(each) for each in cast("list[Any]", value)]
    return value


def _refuse_rest(fields: Mapping[str, Any], known: set[str], path: str) -> None:
    rest = sorted(name for name, value in fields.items() if name not in known and value)
    if rest:
        raise Refused(f"{path}.{rest[0]}", f"{rest[0]} of a provider is not taken over.", "Take it out.")


def _name(text: str) -> str:
    """As targets are called."""
    return re.sub(r"[^A-Za-z0-9_.:/@ -]", "-", text).lstrip("_.:/@ -")[:100] or "target"
