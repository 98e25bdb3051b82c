"""Sign-ins at the identity provider that are under way: each once, for ten minutes, in the browser that began it."""

import hmac
import secrets
import threading
from collections.abc import Callable

import msgspec

from genaiops.ports.sign_in import Attempt

ATTEMPT_COOKIE = "genaiops_sign_in"
"""Which browser began a sign-in. `Lax`, because people come back from another site."""

ATTEMPT_SECONDS = 600
_MOST = 10_000


class UnderWay(msgspec.Struct, frozen=True):
    """`place`: the page that was wanted."""

    attempt: Attempt
    place: str
    browser: str
    expires_us: int


class SignIns:
    """Any thread may use it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_state: dict[str, UnderWay] = {}

    def begun(self, attempt: Attempt, place: str) -> str:
        """The value of the cookie that the browser has to bring back."""
        now, browser = self._clock(), secrets.token_urlsafe(32)
        with self._lock:
            self._by_state = {state: each for state, each in self._by_state.items() if now < each.expires_us}
            while len(self._by_state) >= _MOST:
                del self._by_state[next(iter(self._by_state))]
            expires_us = now + ATTEMPT_SECONDS * 1_000_000
            self._by_state[attempt.state] = UnderWay(attempt, place, browser, expires_us)
        return browser

    def take(self, state: str, browser: str) -> UnderWay | None:
        """The one with that state, once; None when this browser did not begin it, or too long ago."""
        with self._lock:
            found = self._by_state.get(state)
            if found is None or not hmac.compare_digest(found.browser.encode(), browser.encode()):
                return None
            del self._by_state[state]
        return found if self._clock() < found.expires_us else None
