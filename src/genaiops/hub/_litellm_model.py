"""One entry of LiteLLM's `model_list` as a target."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args

from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano, to_nano
from genaiops.domain import Operation
from genaiops.hub._litellm_section import Findings, KnownProvider, Section, tables, variable, whole

_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NO_KEYS = frozenset(
    {"", "none", "null", "empty", "dummy", "fake", "fake-key", "my-fake-key", "anything", "not-needed"}
)
_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
}
_INFO = ("id", "base_model", "db_model", "version", "description", "team_id", "created_at", "updated_at", "created_by")
_AWS_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


class Deployment:
    """A target to be, with what its route needs to know. `name` is given once all are read."""

    def __init__(self, target: dict[str, Any]) -> None:
        self.name = ""
        self.target = target
        self.order = 0
        self.weight: float | None = None
        self.rpm: float | None = None
        self.tpm: float | None = None
        self.prices: list[dict[str, Any]] = []


def read_deployment(
    entry: Section, name: str, providers: Collection[str], credentials: Mapping[str, Mapping[str, Any]]
) -> Deployment | None:
    """None where it cannot be one here; the findings say why."""
    return _Reader(entry, name, providers, credentials).read()


class _Reader:
    def __init__(
        self, entry: Section, name: str, providers: Collection[str], credentials: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._entry = entry
        self._name = name
        self._providers = providers
        self._findings: Findings = entry.findings
        self._info = entry.section("model_info")
        given: Any = entry.take("litellm_params")
        params = dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {}
        shared = credentials.get(str(params.pop("litellm_credential_name", "")), {})
        self._params = Section({**shared, **params}, entry.place("litellm_params"), "params", self._findings)
        self._settings: dict[str, str] = {}

    def read(self) -> Deployment | None:
        made = self._deployment()
        if made is None:
            for section in (self._params, self._info, self._entry):
                section.silence()
            return None
        for section in (self._params, self._info, self._entry):
            section.report_rest()
        return made

    def _deployment(self) -> Deployment | None:
        found = self._provider()
        if found is None:
            return None
        known, upstream = found
        operations = self._operations(known, upstream)
        base_url = self._address(known)
        if operations is None or base_url is None:
            return None
        made = Deployment({"provider": known.provider, "upstream_model": upstream, "base_url": base_url})
        target = made.target
        if operations:
            target["operations"] = operations
        secrets = self._secrets(known)
        if secrets:
            target["credentials"] = secrets
        self._read_limits(made)
        self._read_settings(known)
        if self._settings:
            target["settings"] = self._settings
        made.prices = self._prices(known.provider, upstream)
        return made

    # -- whose model it is

    def _provider(self) -> tuple[KnownProvider, str] | None:
        model = str(self._params.take("model") or "")
        given = self._params.take("custom_llm_provider")
        place = self._params.place("model")
        prefix, rest = self._split(model, None if given is None else str(given))
        if prefix is None:
            self._findings.lost(
                place,
                f"nothing tells whose model {model!r} is.",
                "Add a target for it: `genaiops model add NAME --provider ... --base-url ...`.",
            )
            return None
        known = tables().providers.get(prefix)
        if known is None or not rest or "*" in rest:
            what = f"all models of {prefix} at once" if "*" in rest else f"the provider {prefix!r} of {model!r}"
            self._findings.lost(
                place,
                f"{what} has no counterpart.",
                "Write one entry for each model that is called."
                if "*" in rest
                else "If it speaks OpenAI's API, add a target with the provider openai and its base_url.",
            )
            return None
        if known.provider not in self._providers:
            self._findings.lost(
                place, f"the provider {known.provider!r} is not in this version.", "Wait for it, or go on without."
            )
            return None
        return known, rest

    def _split(self, model: str, given: str | None) -> tuple[str | None, str]:
        prefix, slash, rest = model.partition("/")
        if given is not None:
            return given, rest if slash and prefix == given else model
        if slash and prefix in tables().providers:
            if prefix.startswith("bedrock"):  # bedrock/converse/MODEL, bedrock/invoke/MODEL, bedrock/REGION/MODEL
                return prefix, rest.removeprefix("converse/").removeprefix("invoke/")
            return prefix, rest
        for beginning, owner in tables().bare.items():
            if not slash and model.startswith(beginning):
                return owner, model
        if slash:
            return prefix, rest
        return ("openai_like" if "api_base" in self._params else None), model

    def _operations(self, known: KnownProvider, upstream: str) -> list[str] | None:
        """[]: the default; None: it cannot be one here."""
        mode = self._info.take("mode")
        if mode is None and known.operations:
            return list(known.operations)
        if mode is None:
            if re.search(r"embed|\bbge-|minilm|\be5-", upstream.lower()):
                self._findings.changed(
                    self._params.place("model"), "its name says that it makes embeddings.", "Check its operations."
                )
                return ["embeddings"]
            return [] if known.provider == "openai" else ["chat"]
        operation = tables().modes.get(str(mode))
        if operation is None or operation not in get_args(Operation):
            self._findings.lost(
                self._info.place("mode"), f"models of the mode {mode!r} cannot be called here.", "Go on without it."
            )
            return None
        return [operation]

    def _address(self, known: KnownProvider) -> str | None:
        given = self._params.text("api_base")
        if "base_url" in self._params:
            given = given or self._params.text("base_url")
        region = self._params.text("aws_region_name") or self._params.text("region_name")
        location = self._params.text("vertex_location")
        if known.provider in ("bedrock", "sagemaker"):
            region = region or self._findings.environ.get("AWS_REGION") or "us-east-1"
            service = "bedrock-runtime" if known.provider == "bedrock" else "runtime.sagemaker"
            self._settings["region"] = region
            return given or f"https://{service}.{region}.amazonaws.com"
        if known.provider == "vertex":
            location = location or "us-central1"
            self._settings["location"] = location
            host = "aiplatform" if location == "global" else f"{location}-aiplatform"
            return given or f"https://{host}.googleapis.com/v1"
        base = (given or known.base_url or "").rstrip("/")
        if not base:
            self._findings.lost(
                self._params.place("api_base"), "the model has no address.", "Add a target with its base_url."
            )
            return None
        if "@" in base:
            self._findings.do(
                self._params.place("api_base"),
                "the address holds a password; the model is not taken over.",
                "Add a target with the plain base_url, and keep the password with `genaiops secret set`.",
            )
            return None
        return base if not known.path or base.endswith(known.path) else base + known.path

    # -- secrets

    def _secrets(self, known: KnownProvider) -> list[str]:
        """Names only: what the file has in the place of a name is never looked at more closely than this."""
        if any(self._params.take(name) for name in _AWS_KEYS):
            self._findings.do(
                self._params.place(_AWS_KEYS[0]),
                "an AWS access key is one secret here.",
                "Keep it as AWS_CREDENTIALS: `genaiops secret set AWS_CREDENTIALS`, as KEY_ID:SECRET or with :TOKEN.",
            )
            return ["AWS_CREDENTIALS"]
        place = "vertex_credentials" if "vertex_credentials" in self._params else "api_key"
        value = self._params.take(place)
        if value is None:
            return self._usual(known)
        name = variable(value)
        if name is not None and _SECRET.fullmatch(name):
            return [name]
        if not isinstance(value, dict) and str(value).strip().lower() in _NO_KEYS:
            return []
        made = re.sub(r"[^A-Z0-9]+", "_", self._name.upper()).strip("_")
        made = f"{made or 'MODEL'}_API_KEY" if not made[:1].isdigit() else f"MODEL_{made}_API_KEY"
        self._findings.do(
            self._params.place(place),
            "the secret itself stands in the file; it is not taken over.",
            f"Keep it here: `genaiops secret set {made}`.",
        )
        return [made]

    def _usual(self, known: KnownProvider) -> list[str]:
        own_address = "api_base" in self._params and known.provider == "openai"
        return [] if known.key is None or own_address else [known.key]

    # -- the rest

    def _read_limits(self, made: Deployment) -> None:
        target = made.target
        made.weight = self._params.number("weight")
        made.rpm, made.tpm = self._params.number("rpm"), self._params.number("tpm")
        made.rpm = made.rpm if made.rpm is not None else self._entry.number("rpm")
        made.tpm = made.tpm if made.tpm is not None else self._entry.number("tpm")
        for field in ("rpm", "tpm"):
            for section in (self._params, self._entry):
                if field in section:
                    self._params.report(field, "a target has no limit of calls or tokens a minute here.")
        made.order = whole(self._params.number("order")) or 0
        concurrency = whole(self._params.number("max_parallel_requests"))
        if concurrency:
            target["max_concurrency"] = concurrency
        timeouts: dict[str, float] = {}
        total = self._params.number("timeout") or self._params.number("request_timeout")
        stream = self._params.number("stream_timeout")
        if total:
            timeouts["total"] = total
        if stream:
            timeouts["first_token"] = stream
        if timeouts:
            target["timeouts"] = timeouts
        window = whole(self._info.number("max_input_tokens"))
        if window:
            target["context_window"] = window
        for field in _INFO:
            self._info.take(field)

    def _read_settings(self, known: KnownProvider) -> None:
        names = {"azure": {"api_version": "api_version"}, "vertex": {"vertex_project": "project"}}
        for theirs, ours in names.get(known.provider, {}).items():
            value = self._params.text(theirs)
            if value is not None:
                self._settings[ours] = value
        organization = self._params.text("organization") if known.provider == "openai" else None
        if organization is not None:
            self._settings["header.OpenAI-Organization"] = organization
        headers: Any = self._params.take("extra_headers")
        if not isinstance(headers, dict):
            return
        given = cast("dict[Any, Any]", headers)
        for header, value in given.items():
            if re.search(r"auth|key|token|secret", str(header), re.IGNORECASE) or variable(value) is not None:
                self._findings.lost(
                    f"{self._params.place('extra_headers')}.{header}",
                    "a header that may hold a secret is not taken over.",
                    "Keep the secret with `genaiops secret set` and name it in credentials.",
                )
            else:
                self._settings[f"header.{header}"] = str(value)

    def _prices(self, provider: str, upstream: str) -> list[dict[str, Any]]:
        found: dict[str, str] = {}
        for theirs, ours in _PRICES.items():
            for section in (self._info, self._params):
                value = section.take(theirs)
                if value is None:
                    continue
                try:
                    found[ours] = from_nano(to_nano(Decimal(str(value)) * 1_000_000))
                except (InvalidOperation, UsageError):
                    self._findings.lost(section.place(theirs), "this is no number.", "Set the price afterwards.")
        if "input" not in found or "output" not in found:
            return []
        return [{"provider": provider, "model": upstream, **found, "source": "config.yaml of LiteLLM"}]
