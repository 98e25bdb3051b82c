"""The embedded models under the supervisor: their weights, their addresses on the loopback, their key."""

import secrets
import socket
from collections.abc import Mapping

import msgspec

from genaiops.app.children import Command, run_tool
from genaiops.app.guard_settings import SPACY, SPACY_WEIGHTS, read_names
from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.app.logs import RotatingLog
from genaiops.app.model_addresses import GUARD, KEY_VARIABLE, PORTS, last_ports
from genaiops.app.pulling import Progress
from genaiops.app.settings import Embedded, Settings
from genaiops.app.terminal import Terminal
from genaiops.core.errors import ConfigError, GenaiopsError
from genaiops.engines import weights

_ENCODER = "minilm-int8"
_NAMES_OPTION = "--names"
_SECRETS_OPTION = "--secrets"


class EmbeddedServers:
    """Which model servers this start runs. Each keeps its bound port over all of its lives."""

    def __init__(self, settings: Settings, home: Home, terminal: Terminal) -> None:
        self.missing: dict[str, str] = {}
        """Name -> why it is not started."""
        self._home = home
        self._terminal = terminal
        self._key = secrets.token_urlsafe(32)
        self._sockets: dict[str, socket.socket] = {}
        models = settings.embedded.models if settings.runs_embedded else ()
        _check_names(models)
        self._wanted = (*models, GUARD) if models and settings.embedded.guard else models
        names = read_names(settings.guard.names)
        self._secrets = settings.guard.secrets
        self._names = names if names is not None and names.shape == SPACY and GUARD in self._wanted else None

    async def pull(self) -> None:
        """Fetch what is not there. A registry out of reach leaves that model out of this start, and says so."""
        for name in self._wanted:
            try:
                if not self._is_installed(name):
                    await self._pull(name)
            except GenaiopsError as error:
                self.missing[name] = error.message
                self._terminal.say(f"{name} is not started: {error.message}", model=name)
                later = f"genaiops model pull {_weights_of(name)}"
                self._terminal.say(f"    Later: {later}, then start again. {error.remedy or ''}")
                continue
            self._sockets[name] = _bind_loopback(last_ports(self._home).get(name, 0))
        await self._pull_names()
        ports = {name: sock.getsockname()[1] for name, sock in self._sockets.items()}
        write_atomically(self._home.run / PORTS, msgspec.json.encode(ports))

    async def _pull_names(self) -> None:
        """The weights that names are found with. Without them the guard server runs and says so to whoever asks."""
        if self._names is None or self._names.model or self._is_installed(SPACY_WEIGHTS):
            return
        try:
            await self._pull(SPACY_WEIGHTS)
        except GenaiopsError as error:
            self._terminal.say(f"Names are not found: {error.message}")
            later = f"genaiops model pull {SPACY_WEIGHTS}"
            self._terminal.say(f"    Later: {later}, then start again. {error.remedy or ''}")

    @property
    def names(self) -> tuple[str, ...]:
        """What can be started."""
        return tuple(self._sockets)

    def addresses(self) -> Mapping[str, str]:
        """Name -> base URL of its OpenAI-compatible server."""
        return {name: loopback_url(sock.getsockname()[1]) for name, sock in self._sockets.items() if name != GUARD}

    def variables(self) -> Mapping[str, str]:
        """What workers and model servers need in their environment."""
        return {KEY_VARIABLE: self._key}

    def command(self, name: str, options: Embedded) -> Command:
        descriptor = self._sockets[name].fileno()
        return Command(
            module="genaiops.app.model_server",
            arguments=(
                *(name, "--home", str(self._home.path), "--listen", f"fd:{descriptor}", "--key-env", KEY_VARIABLE),
                *("--threads", str(options.model_threads), "--context", str(options.context)),
                *((_NAMES_OPTION, self._names.model or SPACY_WEIGHTS) if name == GUARD and self._names else ()),
                *((_SECRETS_OPTION, self._secrets) if name == GUARD and self._secrets else ()),
            ),
            descriptors=(descriptor,),
            variables=self.variables(),
        )

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()

    def _is_installed(self, name: str) -> bool:
        try:
            weights.locate(_weights_of(name), self._home.path)
        except GenaiopsError:
            return False
        return True

    async def _pull(self, name: str) -> None:
        name = _weights_of(name)
        log = RotatingLog(self._home.logs / "pull.log")
        self._terminal.say(f"Fetching the weights of {weights.find(name).title} ...", model=name)

        def sink(line: bytes) -> None:
            try:
                progress = msgspec.json.decode(line, type=Progress)
            except msgspec.MsgspecError:
                log.write(line)
            else:
                self._terminal.progress(name, progress.phase, progress.done, progress.total)

        command = Command(module="genaiops.app.pulling", arguments=(name, "--home", str(self._home.path)))
        try:
            await run_tool(command, log, sink)
        finally:
            self._terminal.end_progress()
            log.close()


def _weights_of(name: str) -> str:
    return _ENCODER if name == GUARD else name


def loopback_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            if weights.find(name).kind == "names":
                raise weights.UnknownWeights(
                    f"{name!r} is no model that clients call.", remedy="Set guard.names to it."
                )
        except weights.UnknownWeights as error:
            raise ConfigError(
                f"embedded.models: {error.message}", remedy=error.remedy, param="embedded.models"
            ) from error


def _bind_loopback(port: int) -> socket.socket:
    """Bound to that port, or to a free one when somebody else has it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.bind(("127.0.0.1", 0))
    return sock
