"""The client. Every call has a connection of its own, so that one client may be used by many threads."""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from genaiops.core.errors import OutsideError, TimedOut, Unauthenticated, Unavailable
from genaiops.sdk._address import KEY_VARIABLE, find_address
from genaiops.sdk._events import Event, read_events
from genaiops.sdk._failures import APPROVAL_HEADER, consent_needed, failure
from genaiops.sdk._witness import HEADER as AUDIT_HEADER
from genaiops.sdk._witness import Witness

Query = Mapping[str, str | int | float | bool | Sequence[str] | None]

_PAGE = 200
_CONSISTENCY = "/api/audit/consistency"


class Answer(msgspec.Struct, frozen=True):
    """A successful answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body decoded, None when it is empty; OutsideError when it is not JSON."""
        if not self.body:
            return None
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise OutsideError(
                f"The answer is not JSON: {self.body[:80]!r}.", remedy="Check what answers at this address."
            ) from error

    @property
    def published(self) -> bool:
        """False: the write is kept, but not every worker had it in force within the server's deadline."""
        return self.headers.get("x-genaiops-published") != "false"


class Stream:
    """The events of an open answer; iterate once. Close it (or leave its `with`) to end it early."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, url: str) -> None:
        self._connection = connection
        self._response = response
        self._url = url
        self.headers = _headers(response)

    def __iter__(self) -> Iterator[Event]:
        """OutsideError when the stream breaks off; TimedOut after the client's timeout of silence."""
        try:
            yield from read_events(self._response)
        except TimeoutError as error:
            raise TimedOut(f"The stream of {self._url} was silent for too long.", remedy="Try again.") from error
        except (http.client.HTTPException, OSError) as error:
            raise OutsideError(f"The stream of {self._url} broke off: {error}.", remedy="Try again.") from error

    def close(self) -> None:
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Client:
    """A client of one installation. `timeout` is seconds of silence; None in `stream` waits for ever. With a `witness`
    it refuses an installation whose audit log no longer fits what was seen of it.

    Errors are those of `genaiops.core.errors` with the server's message; Unavailable when nothing answers.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        home: str | Path | None = None,
        *,
        timeout: float = 30.0,
        witness: Witness | None = None,
    ) -> None:
        self.address = find_address(url, api_key, home)
        self._timeout = timeout
        self._witness = witness
        parts = urlsplit(self.address.url)
        self._host, self._port = parts.hostname or "", parts.port
        self._prefix = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    @property
    def url(self) -> str:
        return self.address.url

    def get(self, path: str, query: Query | None = None) -> Any:
        return self.request("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, query: Query | None = None) -> Any:
        return self.request("POST", path, body, query=query).json()

    def put(self, path: str, body: Any = None) -> Any:
        return self.request("PUT", path, body).json()

    def patch(self, path: str, body: Any = None) -> Any:
        return self.request("PATCH", path, body).json()

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path).json()

    def pages(self, path: str, query: Query | None = None, *, most: int | None = None) -> Iterator[dict[str, Any]]:
        """The items of a list over all of its pages; at most `most` of them."""
        cursor: str | None = None
        left = most
        while left is None or left > 0:
            limit = _PAGE if left is None else min(_PAGE, left)
            page = self.get(path, {**(query or {}), "limit": limit, "cursor": cursor})
            items: list[dict[str, Any]] = page["data"]
            yield from items[:left]
            cursor = page.get("next")
            left = None if left is None else left - len(items)
            if cursor is None:
                return

    def request(self, method: str, path: str, body: Any = None, *, query: Query | None = None) -> Answer:
        """One call; `body` is encoded as JSON. Raises what the server answered as an error."""
        connection, response = self._open(method, path, body, query, self._timeout)
        try:
            answer = Answer(response.status, _headers(response), response.read())
        except TimeoutError as error:
            raise self._timed_out() from error
        except (http.client.HTTPException, OSError) as error:
            raise self._broken(error) from error
        finally:
            connection.close()
        if self._witness is not None and AUDIT_HEADER in answer.headers and not path.startswith(_CONSISTENCY):
            self._witness.look(answer.headers[AUDIT_HEADER], self._consistency)
        return answer

    def _consistency(self, first: int, second: int) -> tuple[Sequence[str], str]:
        found = self.get(_CONSISTENCY, {"first": first, "second": second})
        return found["path"], found["second_root"]

    def stream(
        self, method: str, path: str, body: Any = None, *, query: Query | None = None, timeout: float | None = None
    ) -> Stream:
        """An answer of server-sent events."""
        connection, response = self._open(method, path, body, query, timeout)
        return Stream(connection, response, self.url + path)

    def exchange(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], *, timeout: float
    ) -> Answer:
        """One call with a body as it is. Every status is an answer; an error is raised only where none came."""
        connection, response = self._sent(method, path, data, headers, timeout)
        try:
            return Answer(response.status, _headers(response), response.read())
        except TimeoutError as error:
            raise self._timed_out() from error
        except (http.client.HTTPException, OSError) as error:
            raise self._broken(error) from error
        finally:
            connection.close()

    def _open(
        self, method: str, path: str, body: Any, query: Query | None, timeout: float | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        data = None if body is None else msgspec.json.encode(body)
        headers = {} if data is None else {"content-type": "application/json"}
        connection, response = self._sent(method, _target(path, query), data, headers, timeout)
        try:
            if response.status >= 400:
                raise failure(response.status, _headers(response), response.read())
            if response.status == 202 and response.getheader(APPROVAL_HEADER):
                raise consent_needed(_headers(response), response.read())
        except TimeoutError as error:
            connection.close()
            raise self._timed_out() from error
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise self._broken(error) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _sent(
        self, method: str, target: str, data: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        if self.address.key is None:
            raise Unauthenticated(
                f"There is no key for {self.url}.",
                remedy=f"Give one with --key or {KEY_VARIABLE}; the administrator's is in admin.key of the home.",
                code="no_key",
            )
        own = {"authorization": f"Bearer {self.address.key}", "accept": "application/json, text/event-stream"}
        connection = self._connection(timeout)
        try:
            connection.request(method, self._prefix + target, data, {**own, **headers})
            response = connection.getresponse()
        except TimeoutError as error:
            connection.close()
            raise self._timed_out() from error
        except (ConnectionRefusedError, socket.gaierror) as error:
            connection.close()
            raise Unavailable(
                f"Nothing answers at {self.url}.",
                remedy="Start it with `genaiops up`, or name another address with --url or --home.",
                code="unreachable",
            ) from error
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise self._broken(error) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _timed_out(self) -> TimedOut:
        return TimedOut(
            f"{self.url} did not answer within {self._timeout:g} seconds.", remedy="See genaiops status, or try again."
        )

    def _broken(self, error: Exception) -> OutsideError:
        return OutsideError(f"The connection to {self.url} failed: {error}.", remedy="Try again.", code="broken_off")

    def close(self) -> None:
        """Nothing stays open between calls; here so that a client can be used in a `with`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def path_of(*parts: str) -> str:
    """`path_of("/api/keys", key_id, "rotate")`: the parts after the first quoted; names of things may hold slashes."""
    return "/".join((parts[0], *(quote(part) for part in parts[1:])))


def _target(path: str, query: Query | None) -> str:
    given: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            given += [(name, each) for each in value]
        elif value is not None:
            given.append((name, _text(value)))
    return f"{path}?{urlencode(given)}" if given else path


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
