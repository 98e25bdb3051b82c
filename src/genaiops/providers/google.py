"""Google's models: the Gemini API and Vertex AI. Both take the same bodies; paths and credentials differ.

A call in Google's own words goes out byte for byte as it came in when nothing has to change in it (see
`_google_native`). One in OpenAI's is translated, and so is what comes back.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from genaiops.core.errors import ConfigError, UsageError
from genaiops.dialects.gemini import embeddings_answer, embeddings_request
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Dialect, Provider, ProviderError, StreamReader, Wire
from genaiops.providers._chat_request import encode_body
from genaiops.providers._errors import LONGEST_REST, duration, read_error
from genaiops.providers._google_answer import GoogleStream, read_chat
from genaiops.providers._google_embeddings import batch_body, embeddings_wanted, read_embeddings, vertex_embeddings
from genaiops.providers._google_native import NativeStream, count_body, embed_body, generate_body, read_native
from genaiops.providers._google_request import chat_body
from genaiops.providers._google_token import ServiceAccount, Tokens, account_of
from genaiops.providers.openai import request_headers

BAD_KEY_REST = 300.0


class Gemini(Provider):
    """The Gemini API. `base_url`: `https://generativelanguage.googleapis.com/v1beta`; the secret is an API key.

    Left behind as harmless: `image_url.detail`, `strict` of a tool, `name` of a message, cache marks, `metadata`,
    `user` and OpenAI's other bookkeeping. System messages stand together as the system instruction, wherever they
    stood. A body's object `google` holds what OpenAI has no word for: `thinking_config`, `cached_content`,
    `safety_settings`, `task_type`. Thought signatures travel as `extra_content.google.thought_signature` of a tool call
    or a message, as in Google's own OpenAI-compatible endpoint; a call without one goes to Gemini 3 and later with the
    mark that Google wants then.

    Setting of a target: `header.NAME`.
    """

    name = "google"

    def takes(self, dialect: Dialect, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return dialect in ("openai", "gemini")

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        model = _model(target)
        native = call.dialect == "gemini"
        if call.operation == "embeddings":
            method, body = "batchEmbedContents", b""
            if native:
                method, body = embed_body(call, model)
            else:
                body = encode_body(batch_body(embeddings_wanted(call, self.name), model))
        else:
            _check(call, self.name)
            method = _method(call)
            body = generate_body(call) if native else encode_body(chat_body(call, target, self.name))
        return Wire(b"POST", f"/{model}:{method}".encode(), _keyed(target, credential), body)

    def count(self, raw: bytes | bytearray, dialect: Dialect, target: Target, credential: str | None) -> Wire | None:
        if dialect != "gemini":
            return None
        model = _model(target)
        return Wire(b"POST", f"/{model}:countTokens".encode(), _keyed(target, credential), count_body(raw, model))

    def read(self, call: CallBody, body: bytes) -> Answer:
        if call.operation == "embeddings":
            found = read_embeddings(call, body, call.model)
            return msgspec.structs.replace(found, body=None) if call.dialect == "gemini" else found
        return read_native(body) if call.dialect == "gemini" else read_chat(body, call.model)

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:  # noqa: ARG002 (usage always comes)
        return NativeStream() if call.dialect == "gemini" else GoogleStream(call)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return google_error(status, headers, body)


class Vertex(Provider):
    """Vertex AI. `base_url`: `https://LOCATION-aiplatform.googleapis.com/v1` (`https://aiplatform.googleapis.com/v1`
    for `global`). The secret is the JSON key file of a service account, or an access token.

    Settings of a target: `location` (else read from the URL, else `global`), `project` (else the key file's),
    `header.NAME`. An upstream model with a slash is a resource of the location (`publishers/google/models/NAME`,
    `endpoints/ID`), or with `projects/...` a whole name. For the rest see `Gemini`.
    """

    name = "vertex"

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._accounts: dict[str, ServiceAccount | None] = {}

    def takes(self, dialect: Dialect, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return dialect in ("openai", "gemini")

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        if call.operation == "embeddings":
            wanted = embeddings_wanted(_plain_embeddings(call), self.name)
            method, found = vertex_embeddings(wanted, target.upstream_model)
            body = encode_body(found)
        else:
            _check(call, self.name)
            method = _method(call)
            native = call.dialect == "gemini"
            body = generate_body(call) if native else encode_body(chat_body(call, target, self.name))
        return self._wire(target, credential, method, body)

    def count(self, raw: bytes | bytearray, dialect: Dialect, target: Target, credential: str | None) -> Wire | None:
        return self._wire(target, credential, "countTokens", count_body(raw, None)) if dialect == "gemini" else None

    def _wire(self, target: Target, credential: str | None, method: str, body: bytes) -> Wire:
        account = self._account(credential) if credential else None
        bearer = credential
        if account is not None and credential is not None:
            bearer = self._tokens.token(credential, account)
        path = f"{_resource(target, account)}:{method}"
        return Wire(b"POST", path.encode(), request_headers(target, bearer), body)

    def _account(self, credential: str) -> ServiceAccount | None:
        if credential not in self._accounts:
            if len(self._accounts) > 1000:
                self._accounts.clear()
            self._accounts[credential] = account_of(credential)
        return self._accounts[credential]

    def read(self, call: CallBody, body: bytes) -> Answer:
        """Embeddings in Google's words are translated here too: Vertex AI's have other bodies than the Gemini API's."""
        if call.operation == "embeddings":
            found = read_embeddings(_plain_embeddings(call), body, call.model)
            if call.dialect != "gemini" or found.body is None:
                return found
            said = embeddings_answer(found.body, batch=_is_batch(call), usage=found.usage)
            return msgspec.structs.replace(found, body=said)
        return read_native(body) if call.dialect == "gemini" else read_chat(body, call.model)

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:  # noqa: ARG002 (usage always comes)
        return NativeStream() if call.dialect == "gemini" else GoogleStream(call)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return google_error(status, headers, body)


def _keyed(target: Target, credential: str | None) -> Sequence[tuple[bytes, bytes]]:
    headers = request_headers(target, None)
    return (*headers, (b"x-goog-api-key", credential.encode("latin-1", "replace"))) if credential else headers


def _plain_embeddings(call: CallBody) -> CallBody:
    """The same call in OpenAI's words."""
    if call.dialect != "gemini":
        return call
    raw = embeddings_request(call.raw, model=call.model, own=True)
    return msgspec.structs.replace(call, raw=raw, dialect="openai")


class _Requests(msgspec.Struct, frozen=True):
    requests: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_requests = msgspec.json.Decoder(_Requests).decode


def _is_batch(call: CallBody) -> bool:
    return not isinstance(_requests(call.raw).requests, msgspec.UnsetType)


def _check(call: CallBody, provider: str) -> None:
    if call.operation != "chat":
        raise UsageError(
            f"The provider {provider} has no completions of plain text.",
            remedy="Call /v1/chat/completions.",
            code="unsupported_by_provider",
        )


def _method(call: CallBody) -> str:
    return "streamGenerateContent?alt=sse" if call.stream else "generateContent"


def _model(target: Target) -> str:
    name = target.upstream_model
    return quote(name if "/" in name else f"models/{name}", safe="/@-._~")


_HOST = re.compile(r"https?://(?P<location>[a-z0-9-]+?)-aiplatform\.")


def _resource(target: Target, account: ServiceAccount | None) -> str:
    """The path of the model. ConfigError when no project is known."""
    name = target.upstream_model
    own = quote(name if "/" in name else f"publishers/google/models/{name}", safe="/@-._~")
    base = target.base_url or ""
    if name.startswith("projects/") or "/projects/" in base:
        return f"/{own}"
    project = target.settings.get("project") or (account.project_id if account is not None else None)
    if not project:
        raise ConfigError(
            f"The target {target.id!r} names no Google Cloud project.",
            remedy="Set its setting `project`, or give a key file that has a project_id.",
            code="project_missing",
        )
    match = _HOST.match(base)
    location = target.settings.get("location") or (match["location"] if match else "global")
    return f"/projects/{quote(project, safe=':')}/locations/{quote(location)}/{own}"


class _Detail(msgspec.Struct, frozen=True, rename="camel"):
    retry_delay: str | None = None
    reason: str | None = None


class _Status(msgspec.Struct, frozen=True):
    message: str = ""
    status: str | None = None
    details: list[_Detail] = []


class _Failure(msgspec.Struct, frozen=True):
    error: _Status


_failure = msgspec.json.Decoder(_Failure)
_failures = msgspec.json.Decoder(list[_Failure])


def _status(body: bytes) -> _Status | None:
    """What Google's error says; a streaming method wraps it in a list."""
    try:
        if body.lstrip()[:1] != b"[":
            return _failure.decode(body).error
        found = _failures.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found[0].error if found else None


def google_error(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
    """The code is Google's status (`RESOURCE_EXHAUSTED`); the rest comes from `RetryInfo` where no header names one. A
    wrong API key is answered with 400: then it is the credential that rests."""
    known = read_error(status, headers, body)
    found = _status(body)
    if found is None:
        return known
    if any(detail.reason in ("API_KEY_INVALID", "API_KEY_EXPIRED") for detail in found.details):
        return ProviderError(
            "the provider refused the gateway's credential.",
            "provider_authentication",
            found.status,
            retryable=True,
            rest=BAD_KEY_REST,
            limits_credential=True,
        )
    rest = known.rest
    if rest is None:
        delays = [duration(detail.retry_delay) for detail in found.details if detail.retry_delay]
        waits = [delay for delay in delays if delay is not None]
        rest = min(max(waits), LONGEST_REST) if waits else None
    return ProviderError(
        known.message,
        found.status or known.code,
        None,
        known.retryable,
        rest,
        limits_credential=known.limits_credential,
    )
