"""An encoder in one safetensors file: weights, options, vocabulary with word vectors, and its model card.

The file names an encoder of an installed plugin, never a module to import, and nothing in it is unpickled. Its checksum
says that it is whole; it does not say who wrote it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.serving.sessions import Session, session_batch
from bench.training.checkpoint import load_checkpoint, named, part, save_checkpoint

FORMAT, VERSION = "session-bench encoder", 1
_WEIGHTS, _WORDS, _LETTERS, _VECTORS = "encoder", "vocabulary.ends", "vocabulary.letters", "word_vectors"
ELSEWHERE = "path"
"""The option of an encoder whose model stands in a folder elsewhere: such a one does not fit into a file."""
_WIDEST = 65_536  # of an input vector; a file that says more lies
_KEYS = {"format": str, "version": int, "encoder": str, "options": dict, "dims": dict, "card": dict}


class ExportedEncoder(SessionEncoder):
    """A frozen encoder with all that it needs to encode sessions of words and image vectors.

    Args:
        encoder: the pretrained encoder.
        name: of its plugin's spec.
        options: all of them.
        vocabulary: V distinct words.
        word_vectors: (V, dims.words) float32.
        card: what is known of it: :mod:`bench.serving.card`.
    """

    word_vectors: Tensor

    def __init__(
        self,
        encoder: SessionEncoder,
        name: str,
        options: dict[str, Any],
        vocabulary: Sequence[str],
        word_vectors: Tensor,
        card: dict[str, Any],
    ) -> None:
        super().__init__(encoder.dims)
        self.encoder, self.output_dim = encoder, encoder.output_dim
        self.name, self.options, self.card = name, options, card
        self.vocabulary = tuple(vocabulary)
        self.rows = {word: row for row, word in enumerate(self.vocabulary)}
        self.register_buffer("word_vectors", word_vectors)
        self.eval().requires_grad_(False)

    @staticmethod
    def read(file: str | Path) -> ExportedEncoder:
        """The encoder in a file of ``bench export``: :func:`read_encoder_file`."""
        return read_encoder_file(file)

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        return self.encoder(batch)

    def batch(self, sessions: Sequence[Session]) -> SessionBatch:
        """Sessions as lists of steps, as what an encoder sees.

        Raises:
            BenchError: something is not a session.
        """
        return session_batch(sessions, self.rows, self.word_vectors, self.dims.images)

    def encode(self, sessions: Sequence[Session]) -> NDArray[np.float32]:
        """(B, output_dim) vectors of sessions such as ``[[{"words": ["red", "lipstick"]}, {"image": [0.1, …]}]]``.

        Raises:
            BenchError: something is not a session.
        """
        with torch.inference_mode():
            vectors: NDArray[np.float32] = self.encoder(self.batch(sessions)).cpu().numpy()
        return vectors


def write_encoder_file(encoder: ExportedEncoder, file: Path) -> None:
    """Writes an encoder; an earlier file is replaced when all is on disk."""
    words = [word.encode() for word in encoder.vocabulary]
    tensors = {
        **named(_WEIGHTS, encoder.encoder.state_dict()),
        _WORDS: torch.from_numpy(np.cumsum([len(word) for word in words], dtype=np.int64)),
        _LETTERS: torch.from_numpy(np.frombuffer(b"".join(words), dtype=np.uint8).copy()),
        _VECTORS: encoder.word_vectors,
    }
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "encoder": encoder.name,
        "options": encoder.options,
        "dims": {"words": encoder.dims.words, "images": encoder.dims.images},
        "card": encoder.card,
    }
    save_checkpoint(file, tensors, facts)


def read_encoder_file(file: str | Path) -> ExportedEncoder:
    """The encoder in a file of ``bench export``; needs neither a store nor a corpus.

    Raises:
        BenchError: no such file, not whole, of another version, or of an encoder that is not installed.
    """
    file = Path(file)
    if not file.is_file():
        raise BenchError("there is no such file", where=str(file), fix="bench export ENCODER --to FILE makes one")
    try:
        tensors, facts = load_checkpoint(file)
    except BenchError as error:
        fix = "bench export writes one; a file that only holds weights is not enough"
        raise BenchError(f"not an exported encoder ({error.what})", where=str(file), fix=fix) from None
    _check_facts(facts, str(file))
    dims = Dims(facts["dims"]["words"], facts["dims"]["images"])
    vocabulary, vectors = _vocabulary(tensors, dims, str(file))
    encoder = _built(facts["encoder"], facts["options"], dims, part(_WEIGHTS, tensors), str(file))
    return ExportedEncoder(encoder, facts["encoder"], facts["options"], vocabulary, vectors, facts["card"])


def _check_facts(facts: Any, where: str) -> None:
    """Looks whether the metadata is of this format, key by key."""
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise BenchError("not an exported encoder", where=where, fix="bench export writes one")
    if facts.get("version") != VERSION:
        fix = "export the encoder again, or install the version of session-bench that wrote the file"
        raise BenchError(f"format version {facts.get('version')!r} is not {VERSION}", where=where, fix=fix)
    for key, kind in _KEYS.items():
        if not isinstance(facts.get(key), kind):
            raise BenchError(f"its metadata has no {key} that could be one", where=where, fix="export it again")
    dims = facts["dims"]
    if set(dims) != {"words", "images"} or not all(type(d) is int and 0 < d <= _WIDEST for d in dims.values()):
        raise BenchError("its dims are no widths of vectors", where=where, fix="export it again")


def _vocabulary(tensors: dict[str, Tensor], dims: Dims, where: str) -> tuple[list[str], Tensor]:
    """The V words, and their vectors (V, dims.words)."""
    try:
        ends, letters, vectors = tensors[_WORDS], tensors[_LETTERS], tensors[_VECTORS]
        starts = torch.cat([ends.new_zeros(1), ends]).tolist()
        text = letters.numpy().tobytes()
        words = [text[start:end].decode() for start, end in pairwise(starts)]
        whole = ends.dtype == torch.int64 and ends.dim() == 1 and starts == sorted(starts) and starts[-1] == len(text)
        if not whole or len(set(words)) < len(words) or vectors.dtype != torch.float32:
            raise ValueError
        if vectors.shape != (len(words), dims.words):
            raise ValueError
    except (KeyError, ValueError, RuntimeError, TypeError):
        raise BenchError("its vocabulary and word vectors do not fit", where=where, fix="export it again") from None
    return words, vectors


def _built(name: str, options: dict[str, Any], dims: Dims, weights: dict[str, Tensor], where: str) -> SessionEncoder:
    """The encoder with its weights. It is laid out without memory first, so that no option can ask for too much."""
    spec = registry().get("encoder", name)
    if options.get(ELSEWHERE):
        raise BenchError(f"its option {ELSEWHERE!r} reads a folder of the machine", where=where, fix="do not trust it")
    try:
        spec.check(options, where)
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch says that nothing is copied there: so it is meant
            spec.load()(dims, **options).load_state_dict(weights)
        encoder: SessionEncoder = spec.load()(dims, **options)
        encoder.load_state_dict(weights)
    except BenchError:
        raise
    except Exception as error:  # whatever a plugin's constructor makes of a file that lies
        what = f"{name} cannot be built from it: {type(error).__name__}: {str(error)[:200]}"
        raise BenchError(what, where=where, fix="its plugin has changed since, or the file lies") from None
    return encoder.eval()
