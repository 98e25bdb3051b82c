"""What every test can use: strict mode, and one way to say that something outside is needed.

A test that needs a server, a browser or weights says so with a marker (`needs_browser`, `needs_nginx`, `needs_node`,
`needs_ruby`, `needs_promtool`, `needs_weights("smollm2")`, `needs_postgres`, `needs_redis`), or asks for the fixture
that gives its place (`browser_path`, `nginx_path`, `models_dir`, `postgres_url`, `redis_url`). Where it is missing the
test is skipped, and the summary says what to do about it. With GENAIOPS_TEST_STRICT=1, as in CI, it fails instead.
"""

import gc
import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.examples import examples

# What is imported and collected stays, and the collector would look at all of it again and again: half of the time that
# collecting takes. It is on again before the first test.
gc.disable()

# Each of the many processes that the tests start would else compile all that it imports, every time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs this in the background ignores Ctrl-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEMORY = Path("/dev/shm")
ROOM = 6 << 30


def has_room() -> bool:
    """Whether folders of tests, a gigabyte in all, may lie in memory."""
    try:
        kib = Path("/proc/meminfo").read_text(encoding="ascii").partition("MemAvailable:")[2].split()[0]
        return int(kib) << 10 > ROOM and shutil.disk_usage(MEMORY).free > ROOM
    except (OSError, IndexError):
        return False


# Stores write through to the disk, as they have to, and thousands of tests have some, and waited for it.
# Where the folders are is no part of what they show.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and has_room():
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

# How long an example takes says something of the machine, not of the code.
settings.register_profile(
    "any machine", deadline=None, max_examples=examples(), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

Require = Callable[[bool, str, str], None]


def models_home() -> Path:
    """Where the tests look for pulled weights: a folder laid out like $GENAIOPS_HOME/models."""
    return Path(os.environ.get("GENAIOPS_TEST_MODELS", "~/.cache/genaiops-test/models")).expanduser()


def find_browser(_: str) -> str | None:
    names = (
        os.environ.get("GENAIOPS_TEST_BROWSER", ""),
        "chromium-headless-shell",  # the same engine, without what only a window needs: a fifth less processor time
        *("chromium", "chromium-browser", "google-chrome"),
    )
    return next(filter(None, map(shutil.which, filter(None, names))), None)


def find_nginx(_: str) -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def find_weights(name: str) -> str | None:
    return next((str(path.parent) for path in sorted((models_home() / name).glob("*/manifest.json"))), None)


def find_server(variable: str, port: int) -> str | None:
    """The URL in an environment variable, when something answers there. Tests touch no server that nobody named."""
    url = os.environ.get(variable, "")
    if not url:
        return None
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), timeout=2).close()
    except OSError:
        return None
    return url


class Need(NamedTuple):
    """Something outside the repository: how to find it (None: not there), what it is, how to get it."""

    find: Callable[[str], str | None]
    what: str
    remedy: str


def find_node(_: str) -> str | None:
    from genaiops.engines.scripts import find_node as found

    return found()


NEEDS = {
    "needs_browser": Need(
        find_browser,
        "a Chromium browser",
        "apt-get install chromium-headless-shell, or set GENAIOPS_TEST_BROWSER to its path",
    ),
    "needs_node": Need(find_node, "Node.js", "apt-get install nodejs"),
    "needs_ruby": Need(lambda _: shutil.which("ruby"), "Ruby", "apt-get install ruby"),
    "needs_nginx": Need(find_nginx, "nginx", "apt-get install nginx"),
    "needs_promtool": Need(lambda _: shutil.which("promtool"), "promtool", "apt-get install prometheus"),
    "needs_weights": Need(
        find_weights, "the weights of", "make weights, or set GENAIOPS_TEST_MODELS to a folder of pulled models"
    ),
    "needs_postgres": Need(
        lambda _: find_server("GENAIOPS_TEST_POSTGRES", 5432),
        "a PostgreSQL server",
        "set GENAIOPS_TEST_POSTGRES to the URL of an empty database that may be written to",
    ),
    "needs_redis": Need(
        lambda _: find_server("GENAIOPS_TEST_REDIS", 6379),
        "a Redis server",
        "set GENAIOPS_TEST_REDIS to the URL of an empty database that may be flushed",
    ),
}


def strict() -> bool:
    return os.environ.get("GENAIOPS_TEST_STRICT", "") not in {"", "0"}


def missing(what: str, remedy: str) -> None:
    """Skip the running test, or fail it in strict mode."""
    message = f"needs {what}: {remedy}"
    if strict():
        pytest.fail(f"{message} (GENAIOPS_TEST_STRICT is set, so this is no skip)", pytrace=False)
    pytest.skip(message)


def place(marker: str, argument: str = "") -> str:
    """Where the thing that `marker` needs is. Skips or fails the running test when it is nowhere."""
    need = NEEDS[marker]
    found = need.find(argument)
    if found is None:
        missing(f"{need.what} {argument}".strip(), need.remedy)
    assert found is not None
    return found


FIRST = ("console", "e2e", "app", "cli", "engines")
"""Rooms whose tests take long, by the processes that they start. What is left at the end should be short, so that no
process works alone then (needs --no-loadscope-reorder)."""


SHARING = "console"
"""The room whose files share an installation with a day of calls, and a browser. They go to two processes as two halves
of about the same length: those named in `OTHER_HALF`, and the rest. Those named in `ALONE` need neither."""

OTHER_HALF = frozenset(
    f"test_{name}.py"
    for name in (
        *("access_page", "approvals", "arena", "audit", "caches", "changes", "gateway", "guard_documents"),
        *("guard_policies", "guardrails", "hub", "playground", "queues"),
    )
)
ALONE = frozenset(
    f"test_{name}.py"
    for name in (
        *("arena_select", "charts", "differences", "experiments", "facts", "filters", "format", "picture"),
        *("red_team", "shadows", "templates"),
    )
)


def half(path: str) -> str | None:
    """Which half of `SHARING` a file (or a test in it) belongs to; None when it is handed out by itself."""
    room, _, name = path.partition("::")[0].removeprefix("tests/").partition("/")
    if room != SHARING or name in ALONE:
        return None
    return f"tests/{SHARING}, {'the other' if name in OTHER_HALF else 'one'} half"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """`--dist loadfile`, with two installations of the console and two browsers in all, and not one in each process."""
    return ByRoom(config, log) if config.getoption("dist") == "loadfile" else None


class ByRoom(LoadFileScheduling):
    """Hands out a file at a time, but each half of the room `SHARING` as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        return half(nodeid) or super()._split_scope(nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", metavar="SEED", help="run the files of tests in an order that this word or number gives"
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("shuffle")
    return None if seed is None else f"files in another order: --shuffle={seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    @cache  # of ten thousand tests
    def place_of(path: Path) -> tuple[int, str]:
        inside = path.relative_to(Path(__file__).parent)
        place = FIRST.index(inside.parts[0]) if inside.parts[0] in FIRST else len(FIRST)
        return place, half(f"tests/{inside.as_posix()}") or "~"

    for item in items:
        if (
            half(item.nodeid) is None
            and "/console/" in item.nodeid
            and "installation" in getattr(item, "fixturenames", ())
        ):
            raise pytest.UsageError(
                f"{item.nodeid} uses the installation that others share: take its file out of ALONE"
            )
    seed = config.getoption("shuffle")
    if seed is None:
        items.sort(key=lambda item: place_of(item.path))
        return
    files = sorted({item.path for item in items})
    random.Random(seed).shuffle(files)  # the same in every process, whatever the order in which each collected
    places = {path: place for place, path in enumerate(files)}
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers():
        if mark.name in NEEDS:
            for argument in mark.args or ("",):
                place(mark.name, argument)


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(condition, what, remedy)` for needs that have no marker: skips visibly, or fails in strict mode."""

    def check(condition: bool, what: str, remedy: str) -> None:
        if not condition:
            missing(what, remedy)

    return check


@pytest.fixture(scope="session")
def browser_path() -> str:
    return place("needs_browser")


@pytest.fixture(scope="session")
def nginx_path() -> str:
    return place("needs_nginx")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    return place("needs_postgres")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return place("needs_redis")


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of pulled models; mark the test needs_weights(name) for what has to be in it."""
    return models_home()
