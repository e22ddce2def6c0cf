"""The serving example, as a process of its own, over loopback: vectors for sessions, one line for anything else."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import environment
from exported import export, small_corpus

import bench

SERVER = Path(__file__).parents[2] / "examples" / "serve" / "server.py"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    return export("meanpool", small_corpus(folder), folder / "model.safetensors")


@pytest.fixture(scope="module")
def port(file: Path) -> Iterator[int]:
    command = [sys.executable, str(SERVER), str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2].removesuffix("/encode\n"))
        process.terminate()


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_a_session_gets_its_vector(file: Path, port: int) -> None:
    session = [{"words": ["w1", "w2"]}, {"words": ["w3"], "image": [0.25] * 12}]
    status, said = ask(port, "POST", "/encode", json.dumps({"session": session}).encode())
    assert status == 200
    expected = bench.ExportedEncoder.read(file).encode([session])[0]
    assert np.abs(np.array(said["vector"]) - expected).max() <= 1e-6
    assert ask(port, "GET", "/card")[1]["encoder"] == "meanpool"


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 200_000, 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[]", 400, "the body is not"),
        (b'{"session": 1}', 400, "the body is not"),
        (b'{"session": [], "more": 1}', 400, "the body is not"),
        (b'{"session": [{"words": "red"}]}', 400, "is not a list"),
        (b'{"session": [{"image": [NaN]}]}', 400, "is not a vector of 12 numbers"),
        (b'{"session": [{"image": [' + b"Infinity," * 11 + b"1]}]}", 400, "not finite"),
        (json.dumps({"session": [{}] * 201}).encode(), 413, "at most 200 steps"),
        (json.dumps({"session": [{"words": ["w"] * 2001}]}).encode(), 413, "2000 words"),
        (b" " * ((1 << 20) + 1), 413, "at most 1048576 bytes"),
    ],
)
def test_hostile_input_is_refused_and_the_server_lives_on(port: int, body: bytes, status: int, line: str) -> None:
    try:
        found, said = ask(port, "POST", "/encode", body)
    except (BrokenPipeError, ConnectionResetError):  # it hung up on a body that is too large before that was sent
        assert status == 413
    else:
        assert (found, line in str(said["error"])) == (status, True), said
    assert ask(port, "POST", "/encode", b'{"session": []}')[0] == 200


def test_a_length_that_lies_is_refused(port: int) -> None:
    for length in ("-1", "9" * 40, "x"):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(f"POST /encode HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            assert connection.recv(64).split()[1] in (b"411", b"413")
    assert ask(port, "POST", "/elsewhere", b"{}")[0] == 404
