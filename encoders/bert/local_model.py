"""A pretrained model in a local folder, read by transformers: no network, no code from there, nothing unpickled."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.data.csr import offsets_of
from bench.errors import BenchError

_UNTRUSTED = {"trust_remote_code": False}


def load_config(path: str) -> Any:
    """The configuration of the model in a folder.

    Raises:
        BenchError: there is none, here and in the functions below.
    """
    return _from_folder(transformers_library().AutoConfig, path)


def load_weights(path: str) -> dict[str, Tensor]:
    """The weights of the model in a folder, from safetensors."""
    return _from_folder(transformers_library().AutoModel, path, use_safetensors=True).state_dict()


def load_words(path: str, words: list[str]) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    """The tokens of words.

    Returns:
        the padding, unknown, leading and separating token; and the pieces of each word as CSR, offsets (V + 2,) and
        pieces, in the last row those of any other word: the unknown token.
    """
    tokenizer = _from_folder(transformers_library().AutoTokenizer, path)
    special = [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id]
    if None in special:
        raise BenchError("the tokenizer lacks one of [PAD], [UNK], [CLS] and [SEP]", where=path)
    unknown = special[1]
    cut = tokenizer(words, add_special_tokens=False)["input_ids"] if words else []
    lengths = np.fromiter(map(len, cut), np.int64, len(cut))
    pieces = np.fromiter(chain.from_iterable(cut), np.int64, int(lengths.sum()))
    empty = lengths == 0  # nothing of the word is left: it is unknown
    pieces = np.insert(pieces, offsets_of(lengths)[:-1][empty], unknown)
    return special, offsets_of(np.append(lengths + empty, 1)), np.append(pieces, unknown)


def transformers_library() -> Any:
    """The library, imported when it is first needed.

    Raises:
        BenchError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise BenchError("bert needs transformers", where="bert", fix='pip install "session-bench[text]"') from None
    return transformers


def _from_folder(kind: Any, path: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(Path(path).resolve(strict=True), local_files_only=True, **_UNTRUSTED, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise BenchError(
            f"not a pretrained model: {str(error).strip().partition(chr(10))[0]}",
            where=f"option path: {path}",
            fix="a folder with config.json, model.safetensors and a tokenizer",
        ) from None
