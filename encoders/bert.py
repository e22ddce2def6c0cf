"""Text features of Table 4, second row: word vectors of a masked language model, pooled, beside the pooled images."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.data.features import Dims
from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.pretraining import Moment, PretrainingConfig, pretrain
from encoders.loaded_shapes import resize, shaped_by_weights
from encoders.sequences import TokenSequences, merged_by_step

PAD, UNKNOWN, LEADING, SEPARATOR, MASK = range(5)
_SPECIAL = 5
_SPREAD = 2.0  # of the word vectors in the first word embeddings, next to the random part's
_UNTRUSTED = {"trust_remote_code": False}
_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"


class BertFeatures(SessionEncoder):
    """Mean of the last layer's vectors of all query words beside the mean image vector (KDD 2022, section 4.6).

    A BERT (Devlin et al., NAACL 2019) over the session as one sequence of its words, a separator after each step, the
    step's kind as the segment; pretrained on the training sessions to tell masked words, without next-sentence
    prediction. Word embeddings start from the corpus's word vectors. Words are whole tokens; one that the training
    sessions hold less than ``min_count`` times is the unknown token. Or, with ``path``, a pretrained model as it is,
    the words being cut into pieces by its own tokenizer; a word's vector is then the mean of its pieces'. The code of
    BERT is that of the library transformers.

    Args:
        dims: widths of word and image vectors.
        path: folder of a local pretrained model with safetensors weights and a fast tokenizer; empty to pretrain one.
            The options of architecture and training then have no effect.
        width: of the last layer's vectors.
        layers: of attention and feed-forward.
        heads: of each attention.
        feedforward: hidden width of the feed-forward part.
        max_length: tokens of a sequence; the latest are kept.
        min_count: see above.
        mask_share: of the words that are to be told: 8 of 10 of them are masked, 1 is replaced, 1 is left.
        steps, batch_size, learning_rate, warmup, schedule, clip, validate_every, validation_sessions:
            see :class:`bench.training.pretraining.PretrainingConfig`; accuracy is that of the told words.
    """

    special: Tensor
    pieces: Tensor
    piece_offsets: Tensor

    def __init__(
        self,
        dims: Dims,
        path: str = "",
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 256,
        max_length: int = 128,
        min_count: int = 2,
        mask_share: float = 0.15,
        steps: int = 400,
        batch_size: int = 64,
        learning_rate: float = 0.002,
        warmup: int = 40,
        schedule: str = "cosine",
        clip: float = 1.0,
        validate_every: int = 100,
        validation_sessions: int = 512,
    ) -> None:
        super().__init__(dims)
        self.path, self.min_count, self.mask_share = path, min_count, mask_share
        self.config = PretrainingConfig(
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warmup=warmup,
            schedule=schedule,
            clip=clip,
            validate_every=validate_every,
            validation_sessions=validation_sessions,
        )
        transformers = _transformers()
        if path:
            config = _from_folder(transformers.AutoConfig, path)
            self.bert = transformers.AutoModel.from_config(config)
            max_length = min(max_length, config.max_position_embeddings - 2)  # RoBERTa counts positions from 2
        else:
            config = transformers.BertConfig(
                vocab_size=_SPECIAL,
                hidden_size=width,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                intermediate_size=feedforward,
                max_position_embeddings=max_length,
                hidden_dropout_prob=0.0,  # no word is seen often enough to be learnt by heart
                attention_probs_dropout_prob=0.0,
                pad_token_id=PAD,
            )
            self.bert = transformers.BertModel(config, add_pooling_layer=False)
        self.max_length = max_length
        self.segments = getattr(config, "type_vocab_size", 0) > 1
        self.output_dim = config.hidden_size + dims.images
        self.register_buffer("special", torch.arange(_SPECIAL))  # PAD … MASK
        # pieces of each word of the vocabulary as CSR, and in the last row those of any other word
        self.register_buffer("piece_offsets", torch.tensor([0, 1]))  # (V + 2,)
        self.register_buffer("pieces", torch.tensor([UNKNOWN]))
        shaped_by_weights(self, _EMBEDDINGS, "piece_offsets", "pieces")

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, width + dims.images), each part zero where there are no words, or no images."""
        tokens = _Tokens.of(self, batch)
        vectors = self.hidden(tokens)[tokens.word_row]  # (k, width)
        text = vectors.new_zeros(len(batch), vectors.shape[1])
        text = text.index_add(0, tokens.word_session, vectors * tokens.word_share.unsqueeze(1))
        return torch.cat([text, batch.mean_images()], dim=1)

    def hidden(self, tokens: _Tokens) -> Tensor:
        """(R, width) last layer's vectors of all rows."""
        found = []
        for ids, kinds, is_token in tokens.sequences.blocks(tokens.ids, tokens.kinds, tokens.sequences.is_token):
            segments = {"token_type_ids": kinds} if self.segments else {}
            out = self.bert(input_ids=ids, attention_mask=is_token.long(), **segments)
            found.append(out.last_hidden_state.flatten(0, 1))
        return torch.cat(found)

    def pretrain(self, context: TrainingContext) -> None:
        """Learns to tell masked words of the training sessions; or reads the model in ``path``."""
        if self.path:
            self._read(context)
            return
        columns, sessions = context.corpus.columns, context.training_sessions()
        offsets = columns.query_word_offsets[columns.session_queries]
        index, _ = expand_ranges(offsets[sessions], offsets[sessions + 1])
        counts = np.bincount(columns.query_words[index], minlength=len(context.corpus.word_vectors))
        known = counts >= self.min_count
        token = np.where(known, known.cumsum() - 1 + _SPECIAL, UNKNOWN)  # (V,)
        self._take_pieces(np.arange(len(token) + 2), np.append(token, UNKNOWN))
        resize(self, _EMBEDDINGS, (_SPECIAL + int(known.sum()), self.output_dim - self.dims.images))
        self._start_from(context.features.word_vectors[torch.from_numpy(np.flatnonzero(known))], context)
        frequent = float(counts.max(initial=0) / max(counts.sum(), 1))
        model = _MaskedWords(self, context, frequent).to(context.device)
        pretrain(model, model, self.config, context)

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
            spread = vectors @ turn  # (n, width)
            table[_SPECIAL:] += spread * (_SPREAD * scale / spread.square().mean().sqrt().clamp(min=1e-12))

    def _take_pieces(self, offsets: Integers, pieces: Integers) -> None:
        for name, values in (("piece_offsets", offsets), ("pieces", pieces)):
            resize(self, name, values.shape)
            getattr(self, name).copy_(torch.from_numpy(np.asarray(values, dtype=np.int64)))

    def _read(self, context: TrainingContext) -> None:
        """Weights, and the pieces of the corpus's words, from ``path``."""
        transformers = _transformers()
        found = _from_folder(transformers.AutoModel, self.path, use_safetensors=True)  # nothing is unpickled
        self.bert.load_state_dict(found.state_dict())
        tokenizer = _from_folder(transformers.AutoTokenizer, self.path)
        special = [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id]
        if None in special:
            raise BenchError("the tokenizer lacks one of [PAD], [UNK], [CLS] and [SEP]", where=self.path)
        self.special[:MASK].copy_(torch.tensor(special))
        words = context.corpus.strings("vocabulary", "word").to_pylist()
        cut = tokenizer(words, add_special_tokens=False)["input_ids"] if words else []
        lengths = np.fromiter(map(len, cut), np.int64, len(cut))
        pieces = np.fromiter(chain.from_iterable(cut), np.int64, int(lengths.sum()))
        empty = lengths == 0  # nothing of the word is left: it is unknown
        pieces = np.insert(pieces, offsets_of(lengths)[:-1][empty], special[UNKNOWN])
        self._take_pieces(offsets_of(np.append(lengths + empty, 1)), np.append(pieces, special[UNKNOWN]))


class _Tokens:
    """The sessions of a batch as rows of tokens.

    Attributes:
        sequences: where they stand.
        ids, kinds: (R,) token and kind of step.
        word_row, word_session: (k,) row and session of each kept piece of a word.
        word_share: (k,) its part of the mean over the session's words.
    """

    def __init__(self, sequences: TokenSequences, ids: Tensor, kinds: Tensor, is_word: Tensor, share: Tensor) -> None:
        self.sequences, self.ids, self.kinds = sequences, ids, kinds
        self.word_row, self.word_session = sequences.row[is_word], sequences.session[is_word]
        share = share[is_word]
        words = share.new_zeros(len(sequences.first)).index_add(0, self.word_session, share)
        self.word_share = share / words[self.word_session]

    @classmethod
    def of(cls, encoder: BertFeatures, batch: SessionBatch) -> _Tokens:
        """Looks the words up, adds separators and leading tokens."""
        offsets, special = encoder.piece_offsets, encoder.special
        word = batch.words.clamp(max=len(offsets) - 2)
        count = offsets[word + 1] - offsets[word]  # (W,) pieces
        owner = torch.repeat_interleave(torch.arange(len(word), device=batch.device), count)  # (pieces,)
        within = torch.arange(len(owner), device=batch.device) - (count.cumsum(0) - count)[owner]
        piece, piece_step = encoder.pieces[offsets[word][owner] + within], batch.word_step[owner]

        steps = torch.arange(len(batch.step_kind), device=batch.device)
        places = torch.cat(merged_by_step([piece_step, steps], len(steps)))
        order = torch.empty_like(places)
        order[places] = torch.arange(len(places), device=batch.device)
        step = torch.cat([piece_step, steps])[order]  # (n,)
        token = torch.cat([piece, special[SEPARATOR].expand(len(steps))])[order]
        share = torch.cat([1 / count[owner], count.new_zeros(len(steps))])[order]  # 0 for separators

        sequences = TokenSequences.of(batch.step_session[step], len(batch), encoder.max_length)
        token, step, share = (values[sequences.kept] for values in (token, step, share))
        ids = special[PAD].repeat(len(sequences.is_token))
        ids[sequences.row] = token
        ids[sequences.first] = special[LEADING]
        kinds = torch.zeros_like(ids)
        kinds[sequences.row] = batch.step_kind[step]
        return cls(sequences, ids, kinds, share > 0, share)


class _MaskedWords(nn.Module):
    """The pretraining: a head that tells the masked words, thrown away afterwards.

    Args:
        encoder: with its vocabulary.
        context: of the pretraining.
        frequent: share of the most frequent word among all words.
    """

    def __init__(self, encoder: BertFeatures, context: TrainingContext, frequent: float) -> None:
        super().__init__()
        self.encoder, self._context, self._frequent = encoder, context, frequent
        tokens, width = encoder.bert.get_input_embeddings().weight.shape
        self.transform, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(tokens))
        draws = context.torch_generator("masked words head")
        nn.init.xavier_uniform_(self.transform.weight, generator=draws)
        nn.init.zeros_(self.transform.bias)

    def loss(self, rows: NDArray[np.int64], moment: Moment, draws: torch.Generator) -> Tensor:
        """See :class:`bench.training.pretraining.Objective`: cross-entropy of the told words."""
        logits, words = self.told(rows, draws)
        return F.cross_entropy(logits, words) if len(words) else logits.sum()

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """See :class:`bench.training.pretraining.Objective`: share of the words told right."""
        logits, words = self.told(rows, draws)
        return float((logits.argmax(1) == words).double().mean()) if len(words) else 0.0

    def plateau(self, batch: int) -> float:
        """See :class:`bench.training.pretraining.Objective`: twice what always saying the most frequent word tells."""
        return 2 * self._frequent

    def told(self, rows: NDArray[np.int64], draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Logits (m, tokens) of the words that were to be told in these sessions, and the words (m,)."""
        encoder = self.encoder
        tokens = _Tokens.of(encoder, self._context.sessions(rows))
        device = tokens.ids.device
        words = tokens.ids[tokens.word_row]  # (k,)
        chance = torch.rand(2, len(words), generator=draws).to(device)
        other = torch.randint(_SPECIAL, max(len(self.bias), _SPECIAL + 1), (len(words),), generator=draws).to(device)
        asked = (chance[0] < encoder.mask_share) & (words >= _SPECIAL)
        shown = torch.where(chance[1] < 0.8, MASK, torch.where(chance[1] < 0.9, other, words))
        tokens.ids[tokens.word_row[asked]] = shown[asked].clamp(max=len(self.bias) - 1)
        hidden = encoder.hidden(tokens)[tokens.word_row[asked]]  # (m, width)
        table = encoder.bert.get_input_embeddings().weight
        return F.linear(self.norm(F.gelu(self.transform(hidden))), table, self.bias), words[asked]


def _from_folder(kind: Any, path: str, **options: Any) -> Any:
    """What transformers reads from a folder, without the network and without running code that lies there."""
    try:
        return kind.from_pretrained(Path(path).resolve(strict=True), local_files_only=True, **_UNTRUSTED, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise BenchError(
            f"not a pretrained model: {str(error).strip().partition(chr(10))[0]}",
            where=f"option path: {path}",
            fix="a folder with config.json, model.safetensors and a tokenizer",
        ) from None


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise BenchError("bert needs transformers", where="bert", fix='pip install "session-bench[text]"') from None
    return transformers
