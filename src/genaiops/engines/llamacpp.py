"""llama.cpp in this process, by xllamacpp.

llama.cpp brings an HTTP server of its own. It is kept behind a unix socket in a private folder and a key that nobody
else knows; what faces other processes (admission, validation, errors) stands in front of it, in
`genaiops.app.model_server`.
"""

import secrets
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from genaiops.core.errors import Unavailable


class LlamaOptions(Struct, frozen=True):
    """`context` is the tokens of prompt and answer together. One request runs at a time.

    One thread by default: on a busy machine, two threads that wait for each other fell from 46 tokens a second to one.
    """

    model: Path
    alias: str
    context: int = 2048
    threads: int = 1


class LlamaServer:
    """A loaded model, answering OpenAI-style requests over HTTP on `socket` to whoever presents `key`."""

    def __init__(self, options: LlamaOptions) -> None:
        """Load the model; takes about half a second for 100 MB. Raises Unavailable when llama.cpp refuses it."""
        llama: Any = import_module("xllamacpp")  # 100 MB: loaded by the one process that serves the model
        self.key = secrets.token_urlsafe(32)
        self._folder = Path(tempfile.mkdtemp(prefix="genaiops-llama-"))  # mode 700
        self.socket = self._folder / "llama.sock"
        try:
            self._server: Any = llama.Server(self._parameters(llama, options))
        except RuntimeError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise Unavailable(
                f"llama.cpp could not load {options.model}: {error}",
                remedy="Verify the weights with `genaiops model pull`; the lines above are llama.cpp's own.",
            ) from error

    def _parameters(self, llama: Any, options: LlamaOptions) -> Any:
        parameters = llama.CommonParams()
        parameters.model.path = str(options.model)
        parameters.model_alias = {options.alias}
        parameters.n_ctx = options.context
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = options.threads
        parameters.cpuparams_batch.n_threads = options.threads
        parameters.cache_ram_mib = 0  # its default keeps up to 8 GB of old prompts
        parameters.hostnames = [str(self.socket)]
        parameters.api_keys = [self.key]
        parameters.n_threads_http = 4
        parameters.ui = False
        parameters.endpoint_slots = False
        parameters.offline = True
        parameters.verbosity = 1  # errors
        return parameters

    def close(self) -> None:
        """Stop llama.cpp; what it is answering is cut off."""
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)
