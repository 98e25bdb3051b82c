"""A way back for who has lost every administrator's key: a new one, made by who may write the data directory."""

import contextlib
from pathlib import Path

import msgspec

from genaiops.app import config, stores
from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import ApiKey
from genaiops.engines.records_sql import open_records
from genaiops.hub import ADMIN, Hub, NewKey, administers

ACTOR = "recovery"
"""Who the change is by: there was no key to tell a person from."""


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` cannot be read again. `file`: where it was kept, None when a key that works is kept there."""

    key: ApiKey
    secret: str
    file: Path | None


def recover(home: str | None, *, file: str | None = None, name: str = "recovered") -> Recovered:
    """A new key of the scopes `calls` and `api` for the first administrator, whether the installation runs or not.

    It is written to admin.key too, unless the key in there works. NotFound when the home holds no installation.
    """
    settings = config.read({"home": home}, file=file).settings
    place = Home(settings.home)
    url = stores.records_url(settings, place)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite://")).exists():
        raise NotFound(
            f"There are no records in {place.path}.",
            remedy="Name the data directory with --home or GENAIOPS_HOME.",
            param="home",
        )
    with contextlib.closing(open_records(url, busy_seconds=5.0)) as records:
        hub = Hub(records)
        people = sorted((actor for actor in hub.actors.list() if administers(actor)), key=lambda a: a.id != ADMIN)
        if not people:
            raise Conflict("No person here has the role admin.", remedy="Restore records.db from a backup.")
        kept_works = _works(hub, place.admin_key)
        new = NewKey(name=name, actor_id=people[0].id, environment_id="dev", scopes=("calls", "api"))
        key, secret = hub.keys.create(new, by=ACTOR)
        with records.write(ACTOR) as unit:
            unit.note("recover", "keys", key.id, {"actor": key.actor_id})
    if not kept_works:
        write_atomically(place.admin_key, f"{secret}\n".encode())
    return Recovered(key=key, secret=secret, file=None if kept_works else place.admin_key)


def _works(hub: Hub, file: Path) -> bool:
    try:
        key, actor = hub.keys.authenticate(file.read_text(encoding="ascii").strip(), address="127.0.0.1")
    except (OSError, UnicodeDecodeError, UsageError):
        return False
    return "api" in key.scopes and administers(actor)
