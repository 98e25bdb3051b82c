"""The SDK set up for a receiver of the test's own, and put back afterwards."""

from collections.abc import Iterator

import pytest

import genaiops
from genaiops.sdk import _runtime as runtime_module
from tests.sdk.collector import Collector


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings and an exporter of this test's own."""
    runtime = runtime_module._Runtime()
    runtime.exits = True
    monkeypatch.setattr(runtime_module, "_runtime", runtime)
    yield
    if runtime.exporter is not None:
        runtime.exporter.close()


@pytest.fixture
def collector(fresh: None) -> Iterator[Collector]:
    made = Collector()
    genaiops.configure(url=made.url, api_key="secret-key", service="shop")
    yield made
    made.close()
