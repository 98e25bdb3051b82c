"""What is shared between machines (data directories), as far as a gateway worker and the tools need it: their counters,
and who this machine is."""

from collections.abc import Awaitable, Callable

from genaiops.app import stores
from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.core.errors import ConfigError, StoreError
from genaiops.engines.counters_mmap import MmapCounters, open_counters


def open_local(settings: Settings, home: Home) -> MmapCounters:
    """This machine's counters, for a process that looks, publishes and recovers."""
    return open_counters(stores.counters_path(settings, home), column=None, shared=stores.shares_counters(settings))


def open_worker(settings: Settings, home: Home, column: int) -> tuple[MmapCounters, Callable[[], Awaitable[None]]]:
    """A worker's counters, and how to close its way to the other machines."""
    path = stores.counters_path(settings, home)
    if not stores.shares_counters(settings):
        return open_counters(path, column=column), _nothing
    check_installed()
    from genaiops.engines.counters_redis import RedisLender, place_of

    lender = RedisLender(place_of(settings.stores.counters), machine_id(home))
    return open_counters(path, column=column, shared=True, lender=lender), lender.aclose


async def _nothing() -> None:
    return


def check_installed() -> None:
    """ConfigError when the client of the store is not there."""
    try:
        import redis  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ConfigError(
            "stores.counters names a Redis server, which needs the package redis, and it is not installed.",
            remedy="Install genaiops[redis].",
            param="stores.counters",
        ) from error


def machine_id(home: Home) -> str:
    """Who this data directory is among the machines. StoreError before it was registered."""
    try:
        return home.machine.read_text().strip()
    except OSError as error:
        raise StoreError(
            f"{home.machine} cannot be read, which says who this machine is: {error.strerror}.",
            remedy="Start genaiops again: the preparation writes it.",
            code="machine_unknown",
        ) from error
