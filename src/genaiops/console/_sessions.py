"""Who is logged in. Sessions live in the memory of the control process: when it starts anew, people log in again."""

import hashlib
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.console._undo import Undos
from genaiops.core.clock import now_us
from genaiops.core.errors import Forbidden, GenaiopsError, NotFound
from genaiops.domain import Actor, ApiKey
from genaiops.hub import Hub, require_entrance, require_scope

SESSION_COOKIE = "genaiops_session"
LOGIN_COOKIE = "genaiops_login"
"""Holds the token of the login form, because nobody has a session there yet."""

SESSION_SECONDS = 12 * 3600
_MOST_SESSIONS = 10_000


class Notice(msgspec.Struct, frozen=True):
    """Shown once, on the next page. `secret` is a text to copy that cannot be read again, `undo` the name of what takes
    it back, `link` an address and what it says, `param` the field at fault."""

    text: str
    kind: Literal["ok", "warn", "bad"] = "ok"
    secret: str | None = None
    undo: str | None = None
    link: tuple[str, str] | None = None
    param: str | None = None


class PlaygroundKey(msgspec.Struct, frozen=True):
    key_id: str
    text: str
    environment_id: str
    expires_us: int
    application: str | None = None


class Session(msgspec.Struct, kw_only=True):
    """`key_id` is the key that was pasted: the session ends with it. None: signed in at the identity provider, whose
    `id_token` is for leaving there as well."""

    key_id: str | None
    actor_id: str
    csrf: str
    expires_us: int
    since_us: int = 0
    address: str = ""
    id_token: str = ""
    notices: list[Notice] = []
    undos: Undos = msgspec.field(default_factory=Undos)
    playground: PlaygroundKey | None = None

    def matches(self, token: str) -> bool:
        return hmac.compare_digest(self.csrf.encode(), token.encode())

    def take_notices(self) -> list[Notice]:
        taken, self.notices = self.notices, []
        return taken


class Sessions:
    """By a digest of the cookie's value, so that a dump of the memory is no list of cookies. Any thread may use it."""

    def __init__(self, hub: Hub, clock: Callable[[], int] = now_us) -> None:
        self._hub = hub
        self._clock = clock
        self._lock = threading.Lock()
        self._by_digest: dict[str, Session] = {}

    def begin(
        self, key_id: str | None, actor_id: str, *, not_after_us: int | None, address: str = "", id_token: str = ""
    ) -> str:
        """The value of the cookie. The session ends with the key at the latest."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        expires_us = now + SESSION_SECONDS * 1_000_000
        if not_after_us is not None:
            expires_us = min(expires_us, not_after_us)
        session = Session(
            key_id=key_id,
            actor_id=actor_id,
            csrf=secrets.token_urlsafe(32),
            expires_us=expires_us,
            since_us=now,
            address=address,
            id_token=id_token,
        )
        with self._lock:
            self._drop_expired(now)
            self._by_digest[_digest(token)] = session
        return token

    def find(self, token: str) -> Session | None:
        with self._lock:
            session = self._by_digest.get(_digest(token))
        return session if session is not None and self._clock() < session.expires_us else None

    def who(self, session: Session) -> Actor | None:
        """The actor, while what they signed in with holds and they may read: the key that was pasted (and its
        environment), or groups that give a role. Else the session is over for good."""
        try:
            actor = self._holds(session)
        except GenaiopsError:  # the store cannot say at the moment
            return None
        if actor is None:
            self._drop(lambda each: each is session)
        return actor

    def goes_on(self, session: Session) -> bool:
        """Whether nobody ended it meanwhile."""
        with self._lock:
            there = any(each is session for each in self._by_digest.values())
        return there and self._clock() < session.expires_us and self.who(session) is not None

    def _holds(self, session: Session) -> Actor | None:
        try:
            actor, ends = self._came_with(session)
            require_entrance(actor)
        except (NotFound, Forbidden):
            return None
        return actor if actor.disabled_us is None and all(self._clock() < end for end in ends) else None

    def _came_with(self, session: Session) -> tuple[Actor, Sequence[int]]:
        """Who it is, and when that ends at the latest."""
        if session.key_id is None:
            actor = self._hub.actors.get(session.actor_id)
            return actor, () if actor.identity is not None else (0,)
        key = self._hub.keys.get(session.key_id)
        require_scope(key, "api")
        environment = self._hub.environments.get(key.environment_id)
        ends = (key.revoked_us, key.expires_us, environment.expires_us)
        return self._hub.actors.get(key.actor_id), [end for end in ends if end is not None]

    def actor(self, cookies: Mapping[str, str], *, secure: bool = False) -> Actor | None:
        """Who is logged in by these cookies; None when nobody is. For the REST API."""
        session = self.of_cookies(cookies, secure=secure)
        return None if session is None else self.who(session)

    def key(self, cookies: Mapping[str, str], *, secure: bool = False) -> ApiKey | None:
        """The key that was pasted for the session of these cookies, if one was. For the REST API."""
        session = self.of_cookies(cookies, secure=secure)
        return None if session is None or session.key_id is None else self._hub.keys.get(session.key_id)

    def csrf_matches(self, cookies: Mapping[str, str], token: str, *, secure: bool = False) -> bool:
        session = self.of_cookies(cookies, secure=secure)
        return session is not None and session.matches(token)

    def of_cookies(self, cookies: Mapping[str, str], *, secure: bool) -> Session | None:
        return self.find(cookies.get(cookie_name(SESSION_COOKIE, secure=secure), ""))

    def of(self, actor_id: str) -> Sequence[Session]:
        """Their sessions, the newest first."""
        now = self._clock()
        with self._lock:
            found = [each for each in self._by_digest.values() if each.actor_id == actor_id and now < each.expires_us]
        return sorted(found, key=lambda each: -each.since_us)

    def end_all(self, actor_id: str, *, but: Session | None = None) -> int:
        """How many of theirs ended."""
        return self._drop(lambda each: each.actor_id == actor_id and each is not but)

    def _drop(self, ended: Callable[[Session], bool]) -> int:
        with self._lock:
            kept = {key: each for key, each in self._by_digest.items() if not ended(each)}
            count = len(self._by_digest) - len(kept)
            self._by_digest = kept
        return count

    def end(self, token: str) -> Session | None:
        with self._lock:
            return self._by_digest.pop(_digest(token), None)

    def _drop_expired(self, now: int) -> None:
        self._by_digest = {key: each for key, each in self._by_digest.items() if each.expires_us > now}
        while len(self._by_digest) >= _MOST_SESSIONS:
            del self._by_digest[next(iter(self._by_digest))]


class Attempts:
    """Failed logins: at most `most` in `seconds` from one address."""

    def __init__(self, clock: Callable[[], int], *, most: int = 10, seconds: int = 300) -> None:
        self._clock = clock
        self._most = most
        self._window_us = seconds * 1_000_000
        self._lock = threading.Lock()
        self._failures: dict[str, deque[int]] = {}

    def wait_seconds(self, address: str) -> int:
        """0: may try. Else how long to wait."""
        now = self._clock()
        with self._lock:
            times = self._failures.get(address)
            while times and times[0] <= now - self._window_us:
                times.popleft()
            if not times:
                self._failures.pop(address, None)
                return 0
            return 0 if len(times) < self._most else max(1, (times[0] + self._window_us - now) // 1_000_000)

    def failed(self, address: str) -> None:
        with self._lock:
            if len(self._failures) > _MOST_SESSIONS:
                self._failures.clear()
            self._failures.setdefault(address, deque(maxlen=self._most)).append(self._clock())


def cookie_name(name: str, *, secure: bool) -> str:
    """With `__Host-` where people come by https: browsers keep such a cookie for this very host, and no other one can
    set it."""
    return f"__Host-{name}" if secure else name


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
