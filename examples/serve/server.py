"""A minimal server of an exported encoder, with nothing beyond Python's standard library and session-bench.

    python examples/serve/server.py model.safetensors --port 8000

POST /encode with ``{"session": [{"words": ["red", "lipstick"]}, {"image": [0.1, …]}]}`` answers ``{"vector": […]}``;
GET /card answers with the model card. What is not a session is answered with 400 and one line, what is too large with
413. It is an example: put what your house has for TLS, authentication and rate limits in front of it.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

import bench

LARGEST = 1 << 20  # bytes of a request
MOST_STEPS, MOST_WORDS = 200, 2_000  # of a session
PATIENCE = 10.0  # seconds for a client to send what it announced


class RefusedError(Exception):
    """A request that gets no vector: status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def session_of(body: bytes) -> list[Any]:
    """The session in the body of a request.

    Raises:
        RefusedError: the body is not as it should be, or the session too long.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(found, dict) or set(found) != {"session"} or not isinstance(found["session"], list):
        raise RefusedError(400, 'the body is not {"session": [steps]}')
    session: list[Any] = found["session"]
    words = [step["words"] for step in session if isinstance(step, dict) and isinstance(step.get("words"), list)]
    if len(session) > MOST_STEPS or sum(map(len, words)) > MOST_WORDS:
        raise RefusedError(413, f"a session has at most {MOST_STEPS} steps and {MOST_WORDS} words")
    return session


class Handler(BaseHTTPRequestHandler):
    """Answers for :attr:`encoder`, which :func:`serve` sets."""

    encoder: bench.ExportedEncoder
    timeout = PATIENCE

    def do_GET(self) -> None:
        """The model card."""
        if self.path == "/card":
            self._answer(200, self.encoder.card)
        else:
            self._answer(404, {"error": "POST /encode or GET /card"})

    def do_POST(self) -> None:
        """The vector of a session."""
        try:
            if self.path != "/encode":
                raise RefusedError(404, "POST /encode or GET /card")
            self._answer(200, {"vector": self.encoder.encode([session_of(self._body())])[0].tolist()})
        except RefusedError as refused:
            self._answer(refused.status, {"error": str(refused)})
        except bench.BenchError as error:
            self._answer(400, {"error": str(error)})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise RefusedError(411, "Content-Length says how long the body is")
        if len(length) > 10 or int(length) > LARGEST:
            raise RefusedError(413, f"a request has at most {LARGEST} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RefusedError(400, "the body is shorter than it says")
        return body

    def _answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status != 200:  # what is left of a refused body is not the next request
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """Says nothing: what users search for belongs into no log by default."""


def serve(encoder: bench.ExportedEncoder, port: int) -> ThreadingHTTPServer:
    """A server on the loopback interface; ``serve_forever`` starts it. With port 0 the system chooses one."""
    torch.set_num_threads(1)  # requests come side by side; within one there is nothing to share
    return ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"encoder": encoder}))


def main() -> None:
    """Reads the command line and serves until it is stopped."""
    parser = argparse.ArgumentParser(description="Serves an exported encoder on the loopback interface.")
    parser.add_argument("file", help="a file of bench export")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    server = serve(bench.ExportedEncoder.read(given.file), given.port)
    print(f"http://127.0.0.1:{server.server_address[1]}/encode", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
