"""The tokens of sessions: pieces of words, a separator after each step, a leading token."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.data.batch import SessionBatch
from encoders.sequences import TokenSequences, merged_by_step

PAD, UNKNOWN, LEADING, SEPARATOR, MASK = range(5)
SPECIAL_TOKENS = 5
"""Tokens that are no words; those of words follow."""


class WordTokens:
    """The sessions of a batch as rows of tokens.

    Attributes:
        sequences: the rows.
        ids, kinds: (R,) token and kind of step.
        word_row, word_session: (k,) row and session of each kept piece of a word.
        word_share: (k,) its part of the mean over the session's words.
    """

    def __init__(self, sequences: TokenSequences, ids: Tensor, kinds: Tensor, share: Tensor) -> None:
        self.sequences, self.ids, self.kinds = sequences, ids, kinds
        is_word = share > 0
        self.word_row, self.word_session = sequences.row[is_word], sequences.session[is_word]
        share = share[is_word]
        words = share.new_zeros(len(sequences.first)).index_add(0, self.word_session, share)
        self.word_share = share / words[self.word_session]

    @classmethod
    def of(
        cls, batch: SessionBatch, special: Tensor, piece_offsets: Tensor, pieces: Tensor, max_length: int
    ) -> WordTokens:
        """Looks the words up, adds separators and leading tokens.

        Args:
            batch: B sessions.
            special: (5,) the tokens PAD … MASK.
            piece_offsets, pieces: (V + 2,) and (pieces,), the tokens of each word as CSR.
            max_length: tokens of a sequence; the latest are kept.
        """
        word = batch.words.clamp(max=len(piece_offsets) - 2)
        count = piece_offsets[word + 1] - piece_offsets[word]  # (W,) pieces
        owner = torch.repeat_interleave(torch.arange(len(word), device=batch.device), count)  # (pieces,)
        within = torch.arange(len(owner), device=batch.device) - (count.cumsum(0) - count)[owner]
        piece, piece_step = pieces[piece_offsets[word][owner] + within], batch.word_step[owner]

        steps = torch.arange(len(batch.step_kind), device=batch.device)
        position = torch.cat(merged_by_step([piece_step, steps], len(steps)))
        order = torch.empty_like(position)
        order[position] = torch.arange(len(position), device=batch.device)
        step = torch.cat([piece_step, steps])[order]  # (n,)
        token = torch.cat([piece, special[SEPARATOR].expand(len(steps))])[order]
        share = torch.cat([1 / count[owner], count.new_zeros(len(steps))])[order]  # 0 for separators

        sequences = TokenSequences.of(batch.step_session[step], len(batch), max_length)
        token, step, share = (values[sequences.kept] for values in (token, step, share))
        ids = special[PAD].repeat(len(sequences.is_token))
        ids[sequences.row] = token
        ids[sequences.first] = special[LEADING]
        kinds = torch.zeros_like(ids)
        kinds[sequences.row] = batch.step_kind[step]
        return cls(sequences, ids, kinds, share)
