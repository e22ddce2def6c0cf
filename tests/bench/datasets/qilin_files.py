"""A small log in the layout of Qilin: Parquet folders ``search_train``, ``search_test`` and ``notes``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]

START = 1_730_000_000_000  # ms
_THINGS = ("连衣裙", "手机壳", "猫粮", "露营帐篷", "咖啡机", "口红")
_COLOURS = ("红色", "蓝色", "白色", "2024新款")
NOTES = len(_THINGS) * len(_COLOURS)
SHOWN = 6

_DETAIL = pa.struct(
    [(name, pa.int64()) for name in ("note_idx", "position", "click", "like", "collect", "comment", "share")]
    + [("page_time", pa.float64()), ("search_timestamp", pa.int64())]
)
SEARCH = pa.schema(
    [
        ("query", pa.string()),
        ("query_from_type", pa.float64()),
        ("recent_clicked_note_idxs", pa.list_(pa.int64())),
        ("search_idx", pa.int64()),
        ("session_idx", pa.int64()),
        ("user_idx", pa.int64()),
        ("search_result_details_with_idx", pa.list_(_DETAIL)),
    ]
)
NOTE = pa.schema(
    [("note_idx", pa.int64()), ("note_title", pa.string()), ("note_content", pa.string())]
    + [(f"taxonomy{level}_id", pa.string()) for level in (1, 2, 3)]
    + [("image_path", pa.list_(pa.string()))]
)


def notes() -> Rows:
    """Two dozen notes, the first without a title, the last without an image and a category."""
    rows: Rows = []
    for number in range(NOTES):
        thing, colour = number % len(_THINGS), number // len(_THINGS)
        rows.append(
            {
                "note_idx": number,
                "note_title": f"{_COLOURS[colour]}{_THINGS[thing]} DIY" if number else None,
                "note_content": f"分享{_THINGS[thing]}",
                "taxonomy1_id": f"t{thing % 3}" if number < NOTES - 1 else "nan",
                "taxonomy2_id": f"t{thing}",
                "taxonomy3_id": None,
                "image_path": [f"image/{number}_0.jpg", f"image/{number}_1.jpg"] if number < NOTES - 1 else [],
            }
        )
    return rows


def searches(sessions: int, first: int = 0) -> Rows:
    """Sessions of three searches each, a user for every two sessions; of six notes shown, one is clicked."""
    rows: Rows = []
    for number in range(3 * sessions):
        session, place = first + number // 3, number % 3
        search = 3 * first + number
        thing = (session + place // 2) % len(_THINGS)
        time = START + session * 3_600_000 + place * 60_000
        shown = [
            {
                "note_idx": (thing + len(_THINGS) * (rank % 4) + rank // 4) % NOTES,
                "position": rank,
                "click": int(rank == search % SHOWN),
                "like": 0,
                "collect": 0,
                "comment": 0,
                "share": 0,
                "page_time": float("nan") if rank else 3.5,
                "search_timestamp": time + rank,
            }
            for rank in range(SHOWN)
        ]
        text = _THINGS[thing] if place == 0 else f"{_COLOURS[search % 4]}{_THINGS[thing]}"
        rows.append(
            {
                "query": text,
                "query_from_type": None if number % 5 == 0 else float(number % 4),
                "recent_clicked_note_idxs": [search % NOTES, (search + 1) % NOTES],
                "search_idx": search,
                "session_idx": session,
                "user_idx": session // 2,
                "search_result_details_with_idx": shown,
            }
        )
    return rows


def small_qilin() -> dict[str, Rows]:
    """Sixteen sessions for training and four for the test."""
    return {"search_train": searches(16), "search_test": searches(4, first=16), "notes": notes()}


def write_qilin(folder: Path, tables: dict[str, Rows], parts: int = 1) -> Path:
    """Writes each table as a folder of parts, named as the hub names them."""
    for name, rows in tables.items():
        (folder / name).mkdir(parents=True)
        for part in range(parts):
            table = pa.Table.from_pylist(rows[part::parts], schema=NOTE if name == "notes" else SEARCH)
            pq.write_table(table, folder / name / f"train-{part:05d}-of-{parts:05d}.parquet")
    return folder


def write_vectors(file: Path, ids: list[str], width: int = 8, key: str = "image_id") -> Path:
    """Vectors of images, the same for an id."""
    vectors = [np.random.default_rng(len(name) + sum(name.encode())).normal(size=width).tolist() for name in ids]
    pq.write_table(pa.table({key: ids, "vector": pa.array(vectors, pa.list_(pa.float32()))}), file)
    return file


def image_ids() -> list[str]:
    """The paths of all images of :func:`notes`."""
    return [path for row in notes() for path in row["image_path"]]
