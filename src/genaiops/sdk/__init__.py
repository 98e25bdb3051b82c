"""What programs use: `import genaiops` gives these names. The standard library and msgspec, nothing else.

    with genaiops.trace("answer", kind="workflow", session="c-17") as span:
        ...
    with genaiops.Client() as client:
        for key in client.pages("/api/keys"):
            print(key["name"])

`Client()` finds the running installation and its key by itself; see `find_address` for the order.
"""

from typing import TYPE_CHECKING, Any

from genaiops.sdk._address import Address, default_home, find_address
from genaiops.sdk._async_client import AsyncClient
from genaiops.sdk._client import Answer, Client, Query, Stream, path_of
from genaiops.sdk._context import add_traceparent, current_span, headers
from genaiops.sdk._datasets import dataset_rows, push_dataset
from genaiops.sdk._events import Event
from genaiops.sdk._exporter import Counts
from genaiops.sdk._openai import async_openai_client, openai_client
from genaiops.sdk._runtime import configure, counts, flush
from genaiops.sdk._scores import current_trace_id, score
from genaiops.sdk._span import Span, StepKind
from genaiops.sdk._suite_runs import Kpis, SuiteRun, run_suite
from genaiops.sdk._table_files import written
from genaiops.sdk._tables import file_rows, format_of, frame_rows
from genaiops.sdk._trace import Tracing, trace
from genaiops.sdk._witness import Witness

if TYPE_CHECKING:
    from genaiops.sdk._prompts import Prompt, prompt

__all__ = [
    "Address",
    "Answer",
    "AsyncClient",
    "Client",
    "Counts",
    "Event",
    "Kpis",
    "Prompt",
    "Query",
    "Span",
    "StepKind",
    "Stream",
    "SuiteRun",
    "Tracing",
    "Witness",
    "add_traceparent",
    "async_openai_client",
    "configure",
    "counts",
    "current_span",
    "current_trace_id",
    "dataset_rows",
    "default_home",
    "file_rows",
    "find_address",
    "flush",
    "format_of",
    "frame_rows",
    "headers",
    "openai_client",
    "path_of",
    "prompt",
    "push_dataset",
    "run_suite",
    "score",
    "trace",
    "written",
]


def __getattr__(name: str) -> Any:
    """Prompts bring the nouns with them, which the command line would wait for each time."""
    if name not in {"Prompt", "prompt"}:
        raise AttributeError(f"module 'genaiops.sdk' has no attribute {name!r}")
    from genaiops.sdk import _prompts

    return getattr(_prompts, name)
