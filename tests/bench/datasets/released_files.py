"""Small files in the form in which two datasets were published."""

from __future__ import annotations

import json
from pathlib import Path

from bench.datasets.fashioniq.files import CATEGORIES

MMSESSION_IMAGE = ",".join(str(value % 256 - 128) for value in range(512))
MMSESSION_OTHER = ",".join(["7"] * 512)
MMSESSION = {
    "session.csv": "session_id\tquery_id\tsplit\n"
    "u_1\tq1,101,q3\ttrain\n2\t102,q1\ttest\ns3\tq4\ttrain\ns4\tgone\ttrain\n",
    "query2.csv": "query_id\tword_id\tquery_type\timage_emb\n"
    "q1\t[0, 2]\tkeyword_query\t\n"
    f"101\t[1]\tgoods_query\t{MMSESSION_IMAGE}\n"
    "q3\t[]\tgoods_query\t\n"
    f"102\t(2,)\tgoods_query\t{MMSESSION_IMAGE}\n"
    f'q4\t"[1, 9, 9]"\tmystery\t{MMSESSION_OTHER}\n'
    "q5\t[0]\tkeyword_query\tnan\n",
    "word.csv": "word_id\tembedding\n0\t[0.5, -1.0, 0.25]\n2\t0.1,0.2,0.3\n1\t(1e-3, 0, 4)\n",
    "session_click.csv": "session_id\titem_id\nu_1\ti9\nu_1\t77\nu_1\ti9\n2\t77\nnobody\ti1\n",
}
"""The authors' pretraining files of MUVCOG, with what is odd about them."""


def write_mmsession(folder: Path) -> Path:
    """The files as a category's folder."""
    folder.mkdir(parents=True)
    for name, text in MMSESSION.items():
        (folder / name).write_text(text)
    return folder


TURN = ["http://x/1.jpg", ["Is a V-neck,", "it's RED!"], "A1"]


def write_fashioniq(root: Path) -> Path:
    """Files of the same form: five products in each category and part, one session of two turns each."""
    for folder in ("data", "attr", "image_splits"):
        (root / folder).mkdir(parents=True)
    for category in CATEGORIES:
        for part in ("train", "val"):
            record = {"target": ["http://x/3.jpg", "A3"], "reference": [TURN, ["http://x/2.jpg", [], "A2"]]}
            (root / "data" / f"{category}.{part}.json").write_text(json.dumps([record]))
            (root / "image_splits" / f"split.{category}.{part}.json").write_text(json.dumps(["A1", "A2", "A4", "A5"]))
    attributes = {"A1": [["dress"], [" Long Sleeve\n"], [""], [], [], ["red"]] * 2, "A2": [[], [], [], [], [], [""]]}
    (root / "attr" / "asin2attr.all.train.new.json").write_text(json.dumps(attributes))
    (root / "attr" / "asin2attr.all.val.new.json").write_text(json.dumps({"A1": [["other"]], "A3": [["red"]]}))
    return root
