"""A wire that can be cut: a TCP relay between a program under test and a server."""

import socket
import threading
from typing import Self


class Wire:
    """Listens at `port` and relays to the server. After `cut` nothing goes through any more, in either direction, and
    nobody is told: as when a cable is pulled. `mend` ends the connections that hung, and new ones go through."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._open: list[socket.socket] = []
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listener.close()
        self.mend()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._open.clear()
        self._whole.set()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._whole.wait()
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        self._open.append(server)
        back = threading.Thread(target=self._relay, args=(server, client), daemon=True)
        back.start()
        self._relay(client, server)
        back.join()
        client.close()
        server.close()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self._whole.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
