"""The encoder ``bert``: mean of a masked language model's word vectors, beside the mean image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.csr import Integers, expand_ranges
from bench.data.features import Dims
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.pretraining import pretrain
from encoders.bert.local_model import load_config, load_weights, load_words, transformers_library
from encoders.bert.masked_words import MaskedWords
from encoders.bert.tokens import MASK, PAD, SPECIAL_TOKENS, UNKNOWN, WordTokens
from encoders.options import BertOptions
from encoders.word_tables import resize, shaped_by_weights

_VECTOR_SHARE = 2.0  # of the corpus's word vectors in the first word embeddings, next to the random part's
_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"


class BertFeatures(SessionEncoder):
    """Mean of the last layer's vectors of all query words beside the mean image vector (KDD 2022, section 4.6).

    A BERT (Devlin et al., NAACL 2019) over the session as one sequence of its words, a separator after each step, the
    step's kind as the segment; pretrained on the training sessions to predict masked words, without next-sentence
    prediction. Word embeddings start from the corpus's word vectors. Words are whole tokens; one that the training
    sessions hold less than ``min_count`` times is the unknown token. Or, with ``path``, a pretrained model as it is,
    the words being cut into pieces by its own tokenizer; a word's vector is then the mean of its pieces'. The code of
    BERT is that of the library transformers.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.BertOptions`.
    """

    special: Tensor
    pieces: Tensor
    piece_offsets: Tensor

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        self.options = options = read_options(BertOptions, given, "bert")
        self.max_length = options.max_length
        transformers = transformers_library()
        if options.path:
            config = load_config(options.path)
            self.bert = transformers.AutoModel.from_config(config)
            self.max_length = min(options.max_length, config.max_position_embeddings - 2)  # RoBERTa counts from 2
        else:
            config = transformers.BertConfig(
                vocab_size=SPECIAL_TOKENS,
                hidden_size=options.width,
                num_hidden_layers=options.layers,
                num_attention_heads=options.heads,
                intermediate_size=options.feedforward,
                max_position_embeddings=options.max_length,
                hidden_dropout_prob=0.0,  # no word is seen often enough to be learnt by heart
                attention_probs_dropout_prob=0.0,
                pad_token_id=PAD,
            )
            self.bert = transformers.BertModel(config, add_pooling_layer=False)
        self.segments = getattr(config, "type_vocab_size", 0) > 1
        self.output_dim = config.hidden_size + dims.images
        self.register_buffer("special", torch.arange(SPECIAL_TOKENS))  # PAD … MASK
        # pieces of each word of the vocabulary as CSR, and in the last row those of any other word
        self.register_buffer("piece_offsets", torch.tensor([0, 1]))  # (V + 2,)
        self.register_buffer("pieces", torch.tensor([UNKNOWN]))
        shaped_by_weights(self, _EMBEDDINGS, "piece_offsets", "pieces")

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, width + dims.images), each part zero where there are no words, or no images."""
        tokens = self.tokens(batch)
        vectors = self.hidden(tokens)[tokens.word_row]  # (k, width)
        text = vectors.new_zeros(len(batch), vectors.shape[1])
        text = text.index_add(0, tokens.word_session, vectors * tokens.word_share.unsqueeze(1))
        return torch.cat([text, batch.mean_images()], dim=1)

    def tokens(self, batch: SessionBatch) -> WordTokens:
        """The sessions of a batch as rows of tokens."""
        return WordTokens.of(batch, self.special, self.piece_offsets, self.pieces, self.max_length)

    def hidden(self, tokens: WordTokens) -> Tensor:
        """(R, width) last layer's vectors of all rows."""
        hidden = []
        for ids, kinds, is_token in tokens.sequences.blocks(tokens.ids, tokens.kinds, tokens.sequences.is_token):
            segments = {"token_type_ids": kinds} if self.segments else {}
            out = self.bert(input_ids=ids, attention_mask=is_token.long(), **segments)
            hidden.append(out.last_hidden_state.flatten(0, 1))
        return torch.cat(hidden)

    def pretrain(self, context: TrainingContext) -> None:
        """Learns to predict masked words of the training sessions; or reads the model in ``path``."""
        if self.options.path:
            self.bert.load_state_dict(load_weights(self.options.path))
            words = context.corpus.strings("vocabulary", "word").to_pylist()
            special, offsets, pieces = load_words(self.options.path, words)
            self.special[:MASK].copy_(torch.tensor(special))
            self._set_pieces(offsets, pieces)
            return
        counts = self._count_words(context)  # (V,)
        known = counts >= self.options.min_count
        token = np.where(known, known.cumsum() - 1 + SPECIAL_TOKENS, UNKNOWN)  # (V,)
        self._set_pieces(np.arange(len(token) + 2), np.append(token, UNKNOWN))
        resize(self, _EMBEDDINGS, (SPECIAL_TOKENS + int(known.sum()), self.output_dim - self.dims.images))
        self._start_from(context.features.word_vectors[torch.from_numpy(np.flatnonzero(known))], context)
        frequent = float(counts.max(initial=0) / max(counts.sum(), 1))
        model = MaskedWords(self, context, frequent).to(context.device)
        pretrain(model, model, self.options, context)

    def _count_words(self, context: TrainingContext) -> NDArray[np.int64]:
        """(V,) occurrences of each word in the training sessions."""
        columns, sessions = context.corpus.columns, context.training_sessions()
        offsets = columns.query_word_offsets[columns.session_queries]
        index, _ = expand_ranges(offsets[sessions], offsets[sessions + 1])
        return np.bincount(columns.query_words[index], minlength=len(context.corpus.word_vectors))

    def _start_from(self, vectors: Tensor, context: TrainingContext) -> None:
        """Starts the word embeddings from the corpus's word vectors (n, dims.words), turned at random to ``width``.

        Words that are alike then start alike, which saves most of a pretraining from nothing.
        """
        table = self.bert.get_input_embeddings().weight
        draws = context.torch_generator("word embeddings")
        scale = self.bert.config.initializer_range
        with torch.no_grad():
            table.copy_(torch.randn(table.shape, generator=draws) * scale)
            turn = torch.randn(vectors.shape[1], table.shape[1], generator=draws).to(vectors.device)
            turned = vectors @ turn  # (n, width)
            table[SPECIAL_TOKENS:] += turned * (_VECTOR_SHARE * scale / turned.square().mean().sqrt().clamp(min=1e-12))

    def _set_pieces(self, offsets: Integers, pieces: Integers) -> None:
        for name, values in (("piece_offsets", offsets), ("pieces", pieces)):
            resize(self, name, values.shape)
            getattr(self, name).copy_(torch.from_numpy(np.asarray(values, dtype=np.int64)))
