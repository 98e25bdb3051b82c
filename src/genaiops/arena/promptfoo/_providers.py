"""Providers of promptfoo as targets: models are asked through the gateway, addresses as they are."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from genaiops.arena.promptfoo._files import Refused, load_yaml, mapping
from genaiops.domain import SuiteTarget

_VENDORS: Final = frozenset(
    {
        *("ai21", "anthropic", "azure", "azureopenai", "bedrock", "cerebras", "cohere", "deepseek", "fireworks"),
        *("google", "groq", "huggingface", "localai", "mistral", "ollama", "openai", "openrouter", "perplexity"),
        *("replicate", "together", "togetherai", "vertex", "xai"),
    }
)
_CHAT: Final = frozenset({"chat", "completion", "completions", "messages", "responses", "text"})
_NOT_ASKED: Final = frozenset({"assistant", "image", "embedding", "realtime"})
_CODE: Final = re.compile(r"^(?:exec|golang|ruby|javascript|python|file):|\.(?:js|cjs|mjs|ts|py|rb|go)(?::\w+)?$")
_PATH: Final = re.compile(r"(?:json|response)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])+)")
_SECRET: Final = re.compile(r"Bearer \{\{\s*(?:env\.)?([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_SETTINGS: Final = frozenset({"apiKey", "apiKeyEnvar", "apiBaseUrl", "apiHost", "organization", "cost", "showThinking"})
ECHO: Final = "genaiops.arena.promptfoo:echo"


def target_of(raw: Any, path: str) -> SuiteTarget:
    """Without a name of its own it is called as its id. Refused says why, with the place."""
    config: dict[str, Any] = {}
    label = ""
    if isinstance(raw, str):
        name = raw
    elif isinstance(raw, dict) and "id" in raw:
        fields = cast("dict[str, Any]", raw)
        name, label = str(fields["id"]), str(fields.get("label") or "")
        config = mapping(fields.get("config"), f"{path}.config")
        _refuse_rest(fields, {"id", "config", "label", "delay"}, path)
    elif isinstance(raw, dict) and len(cast("dict[str, Any]", raw)) == 1:
        [(name, given)] = cast("dict[str, Any]", raw).items()
        fields = mapping(given, path)
        config, label = mapping(fields.get("config"), f"{path}.config"), str(fields.get("label") or "")
        _refuse_rest(fields, {"id", "config", "label", "delay"}, path)
    else:
        raise Refused(path, "A provider is a text, or an object with an id.", "Write openai:gpt-4o, for example.")
    if name == "echo":
        return SuiteTarget(name=_name(label or name), python=ECHO)
    if _CODE.search(name):
        raise Refused(
            path,
            f"The provider {name} is code that is called promptfoo's way.",
            'Write a target with python = "module:function", or put it behind an address.',
        )
    if name in ("http", "https") or name.startswith(("http://", "https://")):
        return _http(name, label, config, path)
    return _model(name, label, config, path)


def _model(name: str, label: str, config: Mapping[str, Any], path: str) -> SuiteTarget:
    vendor, _, rest = name.partition(":")
    way, colon, model = rest.partition(":")
    if not colon or way not in _CHAT | _NOT_ASKED:
        way, model = "", rest
    if vendor not in _VENDORS or not model or way in _NOT_ASKED:
        raise Refused(
            path,
            f"The provider {name} cannot be asked from here.",
            "There are: VENDOR:MODEL of chat models, https://..., echo.",
        )
    parameters = {key: value for key, value in config.items() if key not in _SETTINGS}
    base = config.get("apiBaseUrl") or (f"https://{config['apiHost']}/v1" if config.get("apiHost") else "")
    if config.get("apiKey"):
        raise Refused(f"{path}.config.apiKey", "A key stands in the file.", "Name its variable with apiKeyEnvar.")
    if not base:
        return SuiteTarget(name=_name(label or name), model=model, parameters=parameters)
    return SuiteTarget(
        name=_name(label or name),
        url=f"{str(base).rstrip('/')}/chat/completions",
        parameters={"model": model, **parameters},
        secret=str(config.get("apiKeyEnvar") or ("OPENAI_API_KEY" if vendor == "openai" else "")),
    )


def _http(name: str, label: str, config: Mapping[str, Any], path: str) -> SuiteTarget:
    url = str(config.get("url") or name)
    if not url.startswith(("http://", "https://")) or "{{" in url:
        raise Refused(f"{path}.config.url", "There is no fixed address.", "Write url: https://...")
    if str(config.get("method", "POST")).upper() != "POST":
        raise Refused(f"{path}.config.method", "Only POST is sent.", "Put a POST before it.")
    _refuse_rest(config, {"url", "method", "headers", "body", "transformResponse", "responseParser"}, f"{path}.config")
    body = config.get("body")
    if isinstance(body, str):
        try:
            body = load_yaml(json.dumps(body)) if not body.lstrip().startswith("{") else json.loads(body)
        except ValueError:
            body = None
    if not isinstance(body, dict):
        raise Refused(f"{path}.config.body", "The body is no object.", "Write it as an object with {{prompt}}.")
    answer = config.get("transformResponse") or config.get("responseParser")
    found = _PATH.fullmatch(answer) if isinstance(answer, str) else None
    if answer is not None and found is None:
        raise Refused(
            f"{path}.config.transformResponse",
            "It is JavaScript, which is not run here.",
            "Write a path, such as json.choices[0].message.content.",
        )
    return SuiteTarget(
        name=_name(label or url.partition("://")[2]),
        url=url,
        request=cast("dict[str, Any]", _marked(body)),
        answer="" if found is None else found[1].lstrip("."),
        secret=_secret(config.get("headers"), f"{path}.config.headers"),
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
