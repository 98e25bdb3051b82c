"""Operate generative-AI applications: gateway, hub, tests, traces and governance in one system.

Programs find here what they use: `genaiops.trace`, `genaiops.score`, `genaiops.openai_client`, `genaiops.Client` and
so on; docs/sdk.md tells of each. It is loaded when it is first used, so that `import genaiops` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genaiops.sdk import (
        AsyncClient,
        Client,
        Counts,
        Prompt,
        Span,
        SuiteRun,
        add_traceparent,
        async_openai_client,
        configure,
        counts,
        current_span,
        current_trace_id,
        flush,
        headers,
        openai_client,
        prompt,
        run_suite,
        score,
        trace,
    )

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "Counts",
    "Prompt",
    "Span",
    "SuiteRun",
    "__version__",
    "add_traceparent",
    "async_openai_client",
    "configure",
    "counts",
    "current_span",
    "current_trace_id",
    "flush",
    "headers",
    "openai_client",
    "prompt",
    "run_suite",
    "score",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'genaiops' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module("genaiops.sdk"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
