"""genaiops, set up as its documentation says: `genaiops up` and a described state."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import genaiops
from benchmarks.gateway.machine import BenchmarkError
from benchmarks.installation import begin, end
from benchmarks.wrongs.case import RATES, Case, Record, Target
from benchmarks.wrongs.client import Client, Reply
from benchmarks.wrongs.upstream import Upstream
from genaiops.app.home import Home
from genaiops.app.installation import read_state

SECRET = "WRONGS_UPSTREAM_KEY"
RECORD_SECONDS = 15.0
_OPEN_KEY = "anybody"


class Genaiops:
    """Runs from `with` on, without its embedded models."""

    name = "genaiops"
    version = genaiops.__version__
    setup = "genaiops up --no-embedded; targets, routes, prices, keys and hard budgets brought in by its apply"

    def __init__(self, folder: Path, upstream: Upstream, cases: Sequence[Case]) -> None:
        self.upstream = upstream
        self._home = Home(folder / "genaiops")
        self._cases = cases
        self._keys: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._client = Client(0)

    def __enter__(self) -> Self:
        try:
            self._start()
            self._keys = self._apply(described(self._cases, self.upstream))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

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
        return self._client.post(path, key or self._keys[_OPEN_KEY], body, headers, until)

    def at_once(self, count: int, path: str, body: Any, *, key: str) -> list[Reply]:
        return self._client.at_once(count, path, key, body)

    def key(self, wish: str) -> str:
        return self._keys[wish]

    def records(self, model: str, count: int = 1) -> list[Record]:
        query = urllib.parse.urlencode({"model": model, "limit": 500})
        deadline = time.monotonic() + RECORD_SECONDS
        while True:
            rows = self._manage(f"/api/traces?{query}")["data"]
            if len(rows) >= count or time.monotonic() > deadline:
                return [_record(row) for row in rows]
            time.sleep(0.1)

    def restart(self) -> None:
        self._stop()
        self._start()

    # -- setting it up

    def _start(self) -> None:
        self._process = begin(self._home, "--no-embedded", variables={SECRET: "sk-upstream"})
        state = read_state(self._home)
        assert state is not None
        self._client.port = state.port
        # The cases are about gateways, with none of them guarded: a guard holds the last word of a stream back.
        self._manage("/api/guards/default", {"policy": {"kind": "guard"}}, method="PUT")

    def _stop(self) -> None:
        if self._process is None:
            return
        end(self._process)
        self._process = None

    def _manage(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        fields = {
            "authorization": f"Bearer {self._home.admin_key.read_text().strip()}",
            "content-type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self._client.port}{path}"
        asked = urllib.request.Request(url, data=data, headers=fields, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise BenchmarkError(f"{path} answers {error.code}: {error.read().decode()}") from error

    def _apply(self, state: Mapping[str, Any]) -> dict[str, str]:
        """Key name -> its text."""
        looked = self._manage("/api/state", {"state": state, "prune": False, "dry_run": True})
        done = self._manage("/api/state", {"state": state, "prune": False, "plan": looked["plan"]})
        return {made["name"]: made["secret"] for made in done["keys"]}


def described(cases: Sequence[Case], upstream: Upstream) -> dict[str, Any]:
    """What `genaiops apply` takes. A target with a fallback is behind a route of its name."""
    targets = [target for case in cases for target in case.targets]
    keys = [key for case in cases for key in case.keys]
    priced = {(target.provider, target.model): RATES for target in targets if target.priced}
    return {
        "targets": {target.name: _target(target, upstream) for target in targets},
        "routes": {
            target.name: {"targets": {target.name: 1}, "fallbacks": [target.fallback]}
            for target in targets
            if target.fallback
        },
        "keys": {_OPEN_KEY: {}, **{key.name: {"models": list(key.models)} for key in keys}},
        "budgets": [
            {"scope": {"kind": "key", "id": key.name}, "limit": f"{key.budget} USD"} for key in keys if key.budget
        ],
        "prices": [
            {"provider": provider, "model": model, **{name: str(rate) for name, rate in rates.items()}}
            for (provider, model), rates in priced.items()
        ],
    }


def _target(target: Target, upstream: Upstream) -> dict[str, Any]:
    return {
        "provider": target.provider,
        "upstream_model": target.model,
        "base_url": f"{upstream.url(target.name)}/v1",
        "credentials": [SECRET],
        **({"operations": ["embeddings"]} if target.embeddings else {}),
    }


def _record(row: Mapping[str, Any]) -> Record:
    """Of a line of `/api/traces`."""
    cost, user = row["cost"], row["user"]
    return Record(
        ok=row["status"] == "ok",
        cost=Decimal(str(cost["amount"])) if cost["known"] else None,
        input_tokens=row["usage"]["input_tokens"],
        output_tokens=row["usage"]["output_tokens"],
        status=row["status"],
        who=str(row["key_id"]),
        user=user["id"] if user and user["verified"] else None,
    )
