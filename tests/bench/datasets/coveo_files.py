"""A small log in the layout of Coveo's data challenge: three CSVs, vectors and lists as Python prints them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]

START = 1_550_000_000_000  # ms
PRODUCTS, SHOWN, WIDTH = 24, 6, 50


def vector(*seed: int) -> list[float]:
    """The same numbers for the same seed, as they are written."""
    return [round(float(x), 6) for x in np.random.default_rng(seed).normal(size=WIDTH)]


def sku(number: int) -> str:
    return f"sku{number:03d}"


def products() -> Rows:
    """Two dozen products; the first has no description, the last no image and no category."""
    return [
        {
            "product_sku_hash": sku(number),
            "description_vector": vector(1, number) if number else "",
            "category_hash": f"a{number % 2}/b{number % 4}/c{number % 8}" if number < PRODUCTS - 1 else "",
            "image_vector": vector(2, number) if number < PRODUCTS - 1 else "",
            "price_bucket": number % 10,
        }
        for number in range(PRODUCTS)
    ]


def searches(sessions: int) -> Rows:
    """Three searches a session, one of six products clicked; every seventh search had no result."""
    rows: Rows = []
    for number in range(3 * sessions):
        session, place = divmod(number, 3)
        shown = [sku((number * 5 + 3 * rank) % PRODUCTS) for rank in range(SHOWN)]
        empty = number % 7 == 6
        rows.append(
            {
                "session_id_hash": f"session{session:06d}",
                "query_vector": vector(3, number % 30),
                "clicked_skus_hash": "" if empty else [shown[number % SHOWN]],
                "product_skus_hash": "" if empty else shown,
                "server_timestamp_epoch_ms": START + session * 60_000 + place * 20_000,
            }
        )
    return rows


def browsing(sessions: int) -> Rows:
    """A page view and the detail view of a product in each session, and one in a session without a search."""
    rows: Rows = []
    for session in range(sessions + 1):
        event = {"session_id_hash": f"session{session:06d}", "hashed_url": f"url{session}"}
        time = START + session * 60_000 + 30_000
        empty = {"event_type": "pageview", "product_action": "", "product_sku_hash": ""}
        viewed = {"event_type": "event_product", "product_action": "detail", "product_sku_hash": sku(session % 24)}
        rows += [{**event, **kind, "server_timestamp_epoch_ms": time} for kind in (empty, viewed)]
    return rows


def small_coveo() -> dict[str, Rows]:
    """Thirty sessions."""
    return {"search_train": searches(30), "browsing_train": browsing(30), "sku_to_content": products()}


def write_coveo(folder: Path, tables: dict[str, Rows]) -> Path:
    """Writes each table as a CSV; values are what ``str`` makes of them, as in the released files."""
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return folder
