"""How often a mined negative shares a product with its anchor: `python mined.py RUNS`, with the folder of results.

Writes mined.csv beside itself, a row for each pretraining: means over all steps of its curve, and the last accuracy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

rows = []
for record in sorted(Path(sys.argv[1], "encoders").glob("*/encoder.json")):
    config = json.loads(record.read_text())["config"]
    curve = pd.read_parquet(record.with_name("curve.parquet"))
    if config["corpus"]["dataset"] == "fashioniq" and "negatives_sharing_product" in curve:
        rows.append(
            {
                "encoder": config["encoder"]["name"],
                "seed": config["seed"],
                "negatives_sharing_product": round(curve["negatives_sharing_product"].mean(), 5),
                "steps_with_hard_negatives": round(curve["hard_negatives"].mean(), 3),
                "held_out_accuracy": round(curve["valid_accuracy"].iloc[-1], 4),
            }
        )
frame = pd.DataFrame(rows).sort_values(["encoder", "seed"])
frame.to_csv(Path(__file__).with_name("mined.csv"), index=False)
print(frame.groupby("encoder").mean(numeric_only=True).drop(columns="seed"))
