"""The API over real stores, as the control process composes it, and a client for each role."""

import datetime
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import uvicorn
from litestar import Litestar
from litestar.testing import TestClient

from genaiops import api
from genaiops.app.home import Home
from genaiops.app.memory import loading
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.settings import Embedded, Settings
from genaiops.app.status import status_of
from genaiops.domain import Actor, ApiKey
from genaiops.hub import NewKey

Answer = Any
ROLES = ("admin", "operator", "developer", "viewer")


class OneSession:
    """A console in which one person is logged in with the cookie `session=open`."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def actor(self, cookies: Mapping[str, str], *, secure: bool) -> Actor | None:
        return self._actor if cookies.get("session") == "open" else None

    def key(self, cookies: Mapping[str, str], *, secure: bool) -> ApiKey | None:
        return None

    def csrf_matches(self, cookies: Mapping[str, str], token: str, *, secure: bool) -> bool:
        return token == f"token of {cookies['session']}"

    def end_all(self, actor_id: str) -> int:
        return 0


class Api:
    """Calls as somebody. `call` answers with the status and the decoded body."""

    def __init__(self, client: TestClient[Litestar], key: str | None) -> None:
        self.client = client
        self.key = key

    def send(self, method: str, path: str, **more: Any) -> Answer:
        headers = {**({"authorization": f"Bearer {self.key}"} if self.key else {}), **more.pop("headers", {})}
        return self.client.request(method, f"/api{path}", headers=headers, **more)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        answer = self.send(method, path, **({} if body is None else {"json": body}), **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **parameters: Any) -> Any:
        return self.call("GET", path, params=parameters)

    def refused(self, method: str, path: str, body: Any = None, *, status: int, **more: Any) -> Any:
        """The error that it answers with."""
        answer = self.send(method, path, **({} if body is None else {"json": body}), **more)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "code", "param", "request_id", "remedy"}
        assert error["remedy"] is None or error["message"].endswith(error["remedy"])
        assert error["request_id"] == answer.headers["x-genaiops-request-id"]
        return error


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """What every file of tests begins with a copy of: preparing takes ten times as long as copying."""
    home = Home(tmp_path_factory.mktemp("api") / "home")
    prepare(settings_of(home), {})
    return home


@pytest.fixture(scope="module")
def home(prepared: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An installation of this file alone: some files take rights away, change policies or send whatever comes."""
    path = tmp_path_factory.mktemp("api") / "home"
    shutil.copytree(prepared.path, path)
    return Home(path)


def settings_of(home: Home) -> Settings:
    return Settings(home=str(home.path), embedded=Embedded(enabled=False))


@pytest.fixture(scope="module")
def services(home: Home) -> Iterator[Services]:
    services = Services(settings_of(home))
    services.folding.start()
    services.publisher.publish(anew=True)
    yield services
    services.close(1.0)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient[Litestar]]:
    with loading():  # as the control process does
        app = Litestar(
            [
                api.create(
                    services, status=lambda: status_of(services), sessions=OneSession(services.hub.actors.get("admin"))
                )
            ],
            exception_handlers={**api.EXCEPTION_HANDLERS},
            before_send=[api.add_headers],
            openapi_config=api.openapi_config("1"),
            logging_config=None,
        )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def by_socket(client: TestClient[Litestar], home: Home) -> Iterator[httpx.Client]:
    """The same application behind the unix socket that the gateway workers speak to."""
    config = uvicorn.Config(client.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(home.control_socket))
    listening.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    transport = httpx.HTTPTransport(uds=str(home.control_socket))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=20) as connected:
        yield connected
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="module")
def admin(client: TestClient[Litestar], home: Home) -> Api:
    return Api(client, home.admin_key.read_text().strip())


@pytest.fixture(scope="module")
def people(client: TestClient[Litestar], services: Services, admin: Api) -> Mapping[str, Api]:
    """Role -> somebody with only that role."""
    found = {"admin": admin}
    for role in ROLES[1:]:
        actor = services.hub.actors.create(f"a-{role}", "person", roles=(role,), by="admin")
        key, text = services.hub.keys.create(NewKey(name=role, actor_id=actor.id, scopes=("api",)), by="admin")
        assert key.actor_id == actor.id
        found[role] = Api(client, text)
    return found


@pytest.fixture(scope="module")
def echo(admin: Api) -> str:
    """A target of the model `parrot`."""
    body = {"id": "echo", "provider": "echo", "model": "parrot", "upstream_model": "parrot"}
    return admin.call("POST", "/targets", body, status=201)["id"]


@pytest.fixture
def next_year() -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)).isoformat()
