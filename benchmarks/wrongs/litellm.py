"""LiteLLM's proxy, set up as its documentation says, as far as that goes without a database."""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.gateway.machine import until
from benchmarks.gateway.peers import FASTEST, KEY, LITELLM, Peer, free_port, python_environment
from benchmarks.wrongs.case import RATES, Case, Record, Target, Unsupported
from benchmarks.wrongs.client import Client, Reply
from benchmarks.wrongs.upstream import Upstream

RECORD_SECONDS = 12.0
SETTLE_SECONDS = 1.0
"""How long to wait for another record of the same call: its callbacks run beside the answer."""

_RECORDER = '''\
"""Notes what the proxy hands to its loggers (its documented custom callbacks), one JSON object a line."""
import json
import pathlib

from litellm.integrations.custom_logger import CustomLogger

PLACE = pathlib.Path(__file__).with_name("records.jsonl")


class Recorder(CustomLogger):
    def note(self, kind, details):
        found = dict(details.get("standard_logging_object") or {})
        metadata = dict(found.get("metadata") or {})
        line = {
            "kind": kind,
            "model": found.get("model_group") or details.get("model"),
            "status": found.get("status"),
            "cost": found.get("response_cost"),
            "zero": found.get("zero_cost_diagnostic"),
            "failed_cost": found.get("response_cost_failure_debug_info"),
            "input": found.get("prompt_tokens"),
            "output": found.get("completion_tokens"),
            "error": str(found.get("error_str") or "")[:200],
            "who": metadata.get("user_api_key_hash") or metadata.get("user_api_key_alias"),
            "user_id": metadata.get("user_api_key_user_id"),
            "end_user": found.get("end_user"),
        }
        with PLACE.open("a") as out:
            out.write(json.dumps(line, default=str) + "\\n")

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.note("success", kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.note("failure", kwargs)


recorder = Recorder()
'''

_RATE_NAMES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}


class LiteLLM(Peer):
    """Its proxy with a master key, prices, fallbacks and a callback that notes what it logs."""

    def __init__(self, folder: Path, upstream: Upstream, cases: Sequence[Case]) -> None:
        super().__init__(folder, upstream.port, ())
        self.name, self.version = "LiteLLM", LITELLM.partition("==")[2]
        self.setup = (
            "its proxy with a master key, prices on every model, num_retries 2, fallbacks, a custom callback that "
            "notes what is logged; no database"
        )
        self.upstream = upstream
        self._cases = cases
        self._client = Client(0)

    # -- what cases do with it

    def post(
        self,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        until: bytes = b"",
    ) -> Reply:
        return self._client.post(path, key or KEY, body, headers, until)

    def at_once(self, count: int, path: str, body: Any, *, key: str) -> list[Reply]:
        return self._client.at_once(count, path, key, body)

    def key(self, wish: str) -> str:  # noqa: ARG002 (it has none)
        raise Unsupported("needs a database", "virtual keys and their budgets")

    def records(self, model: str, count: int = 1) -> list[Record]:
        deadline = time.monotonic() + RECORD_SECONDS
        while len(self._noted(model)) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(SETTLE_SECONDS)
        return [_record(line) for line in self._noted(model)]

    def restart(self) -> None:
        self.__exit__()
        self.start()

    def _noted(self, model: str) -> list[dict[str, Any]]:
        place = self.folder / "records.jsonl"
        text = place.read_bytes() if place.exists() else b""
        lines = [msgspec.json.decode(line, type=dict[str, Any]) for line in text.splitlines()]
        return [line for line in lines if line["model"] == model]

    # -- setting it up

    def start(self) -> None:
        python = python_environment("litellm", LITELLM, *FASTEST)
        self.port = self._client.port = free_port()
        (self.folder / "recorder.py").write_text(_RECORDER)
        config = self.folder / "config.yaml"
        config.write_bytes(msgspec.json.encode(configured(self._cases, self.upstream)))  # JSON is YAML
        variables = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        self.run([*command, "--port", str(self.port), "--num_workers", "1"], variables)
        until(lambda: self._client.get("/health/readiness").status == 200, 60, "LiteLLM to be ready")


def configured(cases: Sequence[Case], upstream: Upstream) -> dict[str, Any]:
    targets = [target for case in cases for target in case.targets]
    return {
        "model_list": [_model(target, upstream) for target in targets],
        "litellm_settings": {
            "telemetry": False,
            "num_retries": 2,
            "request_timeout": 60,
            "callbacks": ["recorder.recorder"],
            "use_chat_completions_url_for_anthropic_messages": True,
        },
        "router_settings": {"fallbacks": [{one.name: [one.fallback]} for one in targets if one.fallback]},
        "general_settings": {"master_key": KEY},
    }


def _model(target: Target, upstream: Upstream) -> dict[str, Any]:
    url = upstream.url(target.name)
    parameters: dict[str, Any] = {
        "model": f"{target.provider}/{target.model}",
        "api_base": f"{url}/v1" if target.provider == "openai" else url,
        "api_key": "sk-upstream",
    }
    if target.priced:
        parameters |= {_RATE_NAMES[name]: float(rate / 1_000_000) for name, rate in RATES.items()}
    return {"model_name": target.name, "litellm_params": parameters}


def _record(line: Mapping[str, Any]) -> Record:
    """Of a line of the recorder. A cost of 0 with its own word for why nothing was found counts as "unknown"."""
    cost: float | None = line["cost"]
    unknown = not cost and bool(cost is None or line["zero"] or line["failed_cost"])
    return Record(
        ok=line["kind"] == "success",
        cost=None if cost is None or unknown else Decimal(str(round(cost, 12))),
        input_tokens=line["input"] or 0,
        output_tokens=line["output"] or 0,
        status=str(line["status"] or line["kind"]),
        who=f"{line['who']} of {line['user_id']}",
    )
