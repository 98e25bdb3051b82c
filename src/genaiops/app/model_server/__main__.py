"""`python -m genaiops.app.model_server (minilm|minilm-int8|smollm2|guard) --home H --listen ADDRESS --key-env NAME`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from genaiops.app.children import READY_OPTION
from genaiops.app.lifeline import die_with_supervisor, say_ready
from genaiops.app.model_server._address import bind, describe
from genaiops.app.model_server._http import Application, Endpoint, error_body
from genaiops.core.errors import ConfigError, GenaiopsError
from genaiops.engines.weights import Installed, locate
from genaiops.engines.weights import names as weights_names
from genaiops.http1 import Server

if TYPE_CHECKING:
    from genaiops.app.model_server._names import NamesEndpoint
    from genaiops.app.model_server._secrets import SecretsEndpoint

_log = logging.getLogger("genaiops.model_server")
_CHAT_WAITING = 4
_EMBEDDING_WAITING = 64  # a text takes milliseconds
GUARD = "guard"
_GUARD_ENCODER = "minilm-int8"  # the classifiers were trained on its vectors


class Options(Struct, frozen=True):
    """What the command line said. `waiting` None: the model's own default."""

    name: str
    home: Path
    listen: str
    key: str
    threads: int
    context: int
    waiting: int | None
    names: str | None
    secrets: str | None
    drain_s: float
    ready: int | None


def parse(arguments: list[str]) -> Options:
    """Raises ConfigError when the key is not in the environment. Takes it out of there: no child needs it."""
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.model_server", description=__doc__)
    parser.add_argument("name", choices=("minilm", "minilm-int8", "smollm2", GUARD))
    parser.add_argument("--home", type=Path, required=True, help="the data directory; weights are in HOME/models")
    parser.add_argument(
        "--listen", required=True, help="127.0.0.1:PORT, [::1]:PORT, the path of a unix socket, or fd:N"
    )
    parser.add_argument("--key-env", required=True, help="the variable that holds the key callers must present")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=2048, help="tokens of prompt and answer together (smollm2)")
    parser.add_argument(
        "--waiting",
        type=int,
        help=f"requests that may wait ({_CHAT_WAITING}; {_EMBEDDING_WAITING} for minilm and guard)",
    )
    parser.add_argument("--names", help="of guard: find names with these weights, or with this package of spaCy")
    parser.add_argument("--secrets", choices=("kingfisher",), help="of guard: find secrets with this engine, too")
    parser.add_argument("--drain", type=float, default=10.0, help="seconds that running requests get after SIGTERM")
    parser.add_argument(READY_OPTION, type=int, dest="ready", help="a pipe to write a line to once it serves")
    given = parser.parse_args(arguments)
    key = os.environ.pop(given.key_env, "")
    if not key:
        raise ConfigError(
            f"The environment variable {given.key_env} is empty; a model server is not started without a key.",
            remedy=f"Set {given.key_env} to a random text.",
        )
    return Options(
        name=given.name,
        home=given.home,
        listen=given.listen,
        key=key,
        threads=given.threads,
        context=given.context,
        waiting=given.waiting,
        names=given.names,
        secrets=given.secrets,
        drain_s=given.drain,
        ready=given.ready,
    )


Closer = Callable[[], Coroutine[Any, Any, None]]


def embedding_application(options: Options, weights: Installed) -> tuple[Application, Closer]:
    # Each server imports its own engine: the other one's library would cost it 100 MB for nothing.
    from genaiops.app.model_server._embeddings import Embeddings
    from genaiops.engines.minilm import Encoder

    encoder = Encoder(weights.directory, threads=options.threads)
    waiting = _EMBEDDING_WAITING if options.waiting is None else options.waiting
    endpoint = Embeddings(encoder, model=options.name, waiting=waiting)
    application = Application(
        model=options.name,
        context=weights.manifest.context,
        key=options.key,
        endpoints={"/v1/embeddings": endpoint},
    )

    async def close() -> None:
        endpoint.close()

    return application, close


def guard_application(options: Options, weights: Installed) -> tuple[Application, Closer]:
    from genaiops.app.model_server._guard import Guard
    from genaiops.engines.minilm import Encoder

    waiting = _EMBEDDING_WAITING if options.waiting is None else options.waiting
    endpoint = Guard(Encoder(weights.directory, threads=options.threads), waiting=waiting)
    endpoints: dict[str, Endpoint] = {"/v1/classify": endpoint}
    names = names_endpoint(options, waiting)
    if names is not None:
        endpoints["/v1/names"] = names
    secrets = secrets_endpoint(options, waiting)
    if secrets is not None:
        endpoints["/v1/secrets"] = secrets
    application = Application(model=GUARD, context=weights.manifest.context, key=options.key, endpoints=endpoints)

    async def close() -> None:
        endpoint.close()
        for one in (names, secrets):
            if one is not None:
                one.close()

    return application, close


def names_endpoint(options: Options, waiting: int) -> "NamesEndpoint | None":
    if options.names is None:
        return None
    from genaiops.app.model_server._names import NamesEndpoint
    from genaiops.engines.names import SpacyNames

    model = options.names
    known = model in weights_names()

    def make() -> SpacyNames:
        if not known:
            return SpacyNames(model)
        try:
            return SpacyNames(locate(model, options.home).directory)
        except GenaiopsError as error:
            raise ConfigError(error.message, remedy=error.remedy) from error

    return NamesEndpoint(make, waiting=waiting)


def secrets_endpoint(options: Options, waiting: int) -> "SecretsEndpoint | None":
    if options.secrets is None:
        return None
    from genaiops.app.model_server._secrets import SecretsEndpoint
    from genaiops.engines.kingfisher import KingfisherSecrets

    return SecretsEndpoint(lambda: KingfisherSecrets(options.home / "models" / "kingfisher"), waiting=waiting)


def generation_application(options: Options, weights: Installed) -> tuple[Application, Closer]:
    from genaiops.app.model_server._generation import Generation
    from genaiops.engines.llamacpp import LlamaOptions, LlamaServer

    llama = LlamaServer(
        LlamaOptions(
            model=weights.directory / "model.gguf", alias=options.name, context=options.context, threads=options.threads
        )
    )
    waiting = _CHAT_WAITING if options.waiting is None else options.waiting
    endpoint = Generation(str(llama.socket), key=llama.key, model=options.name, waiting=waiting)
    application = Application(
        model=options.name,
        context=options.context,
        key=options.key,
        endpoints={"/v1/chat/completions": endpoint.chat, "/v1/completions": endpoint.completion},
    )

    async def close() -> None:
        await endpoint.close()
        llama.close()

    return application, close


async def serve(options: Options) -> None:
    """Load, listen, say so, and serve until SIGTERM or SIGINT; then let what runs finish."""
    weights = locate(_GUARD_ENCODER if options.name == GUARD else options.name, options.home)
    bound = bind(options.listen)
    if options.name == GUARD:
        make = guard_application
    else:
        make = generation_application if weights.manifest.kind == "chat" else embedding_application
    application, close = make(options, weights)
    server = Server(application, error_body=error_body)
    await server.serve(bound)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _log.info("serving %s (%s) on %s", options.name, weights.manifest.digest, describe(bound))
    say_ready(options.ready)
    await stop.wait()
    await server.drain(options.drain_s)
    await close()


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(parse(arguments)))
    except GenaiopsError as error:
        sys.stderr.write(f"error: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
