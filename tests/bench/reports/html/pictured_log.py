"""A small event log whose items have image files, drawn here, and files among them that nobody would want decoded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

ITEMS, SESSIONS, SHOWN = 24, 90, 6
COLOURS = ("red", "green", "blue", "orange", "purple", "grey")
SHAPES = ("circle", "square", "bar", "cross")


def write_pictured_log(folder: Path) -> Path:
    """Queries, impressions, clicks, items and image vectors of sessions of a keyword and an image query."""
    numbers = np.random.default_rng(0)
    folder.mkdir()
    names = [f"{COLOURS[item % 6]} {SHAPES[item // 6]}" for item in range(ITEMS)]
    vectors = numbers.normal(size=(ITEMS, 8)).astype(np.float32)
    shown = np.argsort(numbers.random((2 * SESSIONS, ITEMS)), axis=1)[:, :SHOWN]
    wanted = shown[np.arange(2 * SESSIONS), numbers.integers(0, SHOWN, 2 * SESSIONS)]
    queries = [f"q{row:03}" for row in range(2 * SESSIONS)]
    images = [f"shapes/i{item}" for item in range(ITEMS)]
    session = np.arange(2 * SESSIONS) // 2
    tables = {
        "queries": {
            "query_id": queries,
            "session_id": [f"s{one:02}" for one in session],
            "user": [f"u{one % 30}" for one in session],
            "time": (1_600_000_000 + 7200 * session + 60 * (np.arange(2 * SESSIONS) % 2)).tolist(),
            "kind": ["keyword", "product"] * SESSIONS,
            "text": [names[item] for item in wanted],
            "image": [images[item] if row % 2 else None for row, item in enumerate(wanted)],
        },
        "impressions": {
            "query_id": np.repeat(queries, SHOWN).tolist(),
            "item_id": [f"i{item}" for item in shown.ravel()],
            "rank": list(range(1, SHOWN + 1)) * (2 * SESSIONS),
        },
        "clicks": {"query_id": queries, "item_id": [f"i{item}" for item in wanted]},
        "items": {"item_id": [f"i{item}" for item in range(ITEMS)], "title": names, "image": images},
        "images": {"image_id": images, "vector": vectors.tolist()},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def draw_pictures(folder: Path) -> Path:
    """``shapes/iN.png`` for most items. Of the others one is a script, one text, one a bomb, one a link to outside."""
    shapes = folder / "shapes"
    shapes.mkdir(parents=True)
    for item in range(4, ITEMS):
        picture = Image.new("RGB", (300, 200), "white")
        draw, colour = ImageDraw.Draw(picture), COLOURS[item % 6]
        kind = SHAPES[item // 6]
        if kind == "circle":
            draw.ellipse((70, 20, 230, 180), fill=colour)
        elif kind == "square":
            draw.rectangle((70, 20, 230, 180), fill=colour)
        else:
            draw.rectangle((30, 80, 270, 120), fill=colour)
            if kind == "cross":
                draw.rectangle((130, 10, 170, 190), fill=colour)
        picture.save(shapes / f"i{item}.png")
    secret = folder.with_name("secret.png")
    Image.new("RGB", (9, 9), "black").save(secret)
    (shapes / "i0.png").symlink_to(secret)
    (shapes / "i1.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (shapes / "i2.png").write_bytes(_bomb(50_000))
    (shapes / "i3.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    return folder


def _bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it has ``side`` times ``side`` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
