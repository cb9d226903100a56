"""A service of an operator: takes what the server sends, and behaves as badly as a test wants it to."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Delivery:
    """One request, whether it was taken or not."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content

    def is_genuine(self, secret: str) -> bool:
        """As docs/webhooks.md tells receivers to check it."""
        parts = dict(part.split("=", 1) for part in self.headers["Ringback-Signature"].split(","))
        code = hmac.new(secret.encode(), parts["t"].encode() + b"." + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(code, parts["v1"])


class Receiver:
    """Listens on loopback for as long as its `with`. `answer` gives the status for a request by its number, from 0."""

    def __init__(self, answer: Callable[[int], int] = lambda _number: 204):
        self.deliveries: list[Delivery] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    status = answer(len(receiver.deliveries))
                    receiver.deliveries.append(Delivery(dict(self.headers), body, status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def taken(self) -> list[Delivery]:
        """What was answered with 2xx, in its order."""
        with self._lock:
            return [delivery for delivery in self.deliveries if delivery.status < 300]
