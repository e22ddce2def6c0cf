"""A world whose every name attacks something: LaTeX, mathtext, HTML, spreadsheets, terminals, files' names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

from third_party import install

from bench.data.corpus import Corpus
from bench.data.writer import CorpusWriter
from bench.testing import corpora

ATTACKS = (
    "$\\frac{",
    "$x_1$ \\input{/etc/passwd}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "% _ & # ~ ^ { }",
    "line\nbreak\r\nand\ttab",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp.exe",
    "../../etc/passwd",
    "{{7*7}} {% raw %} ${1} %s %(x)s {0}",
    "]]> --> </style></svg>",
    "javascript:alert(1)",
    "_unseen",
    "x" * 300,
    "\U0001f600 \ufdfd",
)
NAME = "".join(one[:40] for one in ATTACKS[:12])[:190]
"""Of a corpus, which may have 200 characters."""
ENCODER = "counts"
"""Which has an option of text; names of components are of small letters and digits, its texts are not."""
OPTION = "$\\frac{<script>alert(1)</script>=cmd|' %_&~^{x"

OFFER = f"""
    from bench import EncoderSpec, hookimpl

    @hookimpl
    def bench_encoders():
        text = {" ".join(ATTACKS)!r}
        return [EncoderSpec({ENCODER!r}, "hostile_models:Counts", text, text, {{"text": ""}})]
"""
MODELS = """
    from bench.contracts import SessionEncoder

    class Counts(SessionEncoder):
        def __init__(self, dims, text=""):
            super().__init__(dims)
            self.output_dim = 1
        def forward(self, batch):
            return batch.num_steps.float().unsqueeze(1)
"""


def install_hostile_encoder(folder: Path) -> Path:
    """Installs the encoder :data:`ENCODER` into ``folder``."""
    return install(folder, "hostile-encoders", {"hostile_plugin": OFFER, "hostile_models": MODELS})


def attack(text: str) -> str:
    """A text that attacks and is as unique as ``text``."""
    return f"{ATTACKS[sum(text.encode()) % len(ATTACKS)]}{text}"


class HostileWriter(CorpusWriter):
    """Writes a corpus whose words, ids, categories and what it says of itself are attacks."""

    def __init__(self, folder: Path, **words: Any) -> None:
        texts = {"name": NAME, "licence": ATTACKS[2], "caveats": list(ATTACKS), "source": {"from": ATTACKS[3]}}
        super().__init__(folder, **{**words, **texts})

    def vocabulary(self, words: Any, vectors: Any) -> None:
        super().vocabulary([attack(one) for one in words], vectors)

    def items(self, ids: Any, words: Any, image: Any, category: Any, domain: Any) -> None:
        super().items(*([attack(one) for one in ids], words, image), *map(_attacks, (category, domain)))

    def sessions(self, ids: Any, users: Any, *columns: Any) -> None:
        super().sessions([attack(one) for one in ids], _attacks(users), *columns)

    def queries(self, ids: Any, *columns: Any) -> None:
        super().queries([attack(one) for one in ids], *columns)


def _attacks(texts: list[str | None]) -> list[str | None]:
    return [None if one is None else attack(one) for one in texts]


def hostile_corpus(folder: Path, sessions: int = 60) -> Corpus:
    """A random corpus with such names."""
    with patch.object(corpora, "CorpusWriter", HostileWriter):
        return corpora.random_corpus(folder, sessions)
