"""Query suggestion (paper, section 4.5): the words of the next keyword query, from the session so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SuggestionDims, SuggestionModel, SuggestionReference, Task, TaskResult
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.errors import BenchError
from bench.metrics.ranking import TiedTop
from bench.metrics.vocabulary import TopWords, mean_vectors, top_words
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.fitting import FittingConfig, fit
from bench.training.session_vectors import SessionVectors
from tasks.examples.batches import epoch_batches
from tasks.examples.suggestion import NextWords, example_queries
from tasks.options import QuerySuggestionOptions

PRIMARY = "ndcg@10"
_TOP = 10
_EVALUATION_BATCH = 256

Scorer = Callable[[NDArray[np.int64]], Tensor]
"""(B, V) scores of the words after these query rows (B,)."""


class QuerySuggestion(Task[SuggestionModel | SuggestionReference]):
    """One example per query that is followed by a keyword query with words; the answer is the set of those words.

    The session is the prefix up to and including the query before; a query's clicks are no input. All words of the
    vocabulary are ranked, relevance is binary. ``avg_sim`` is the cosine of the mean vector of the top 10 words with
    the mean vector of the true words, by the corpus's word vectors. The epoch is chosen by NDCG@10 on the validation
    split. The session vector is all that the model sees, so that with ``vanilla`` it ranks words by how often they are
    asked.

    Args:
        given: see :class:`tasks.options.QuerySuggestionOptions`.
    """

    def __init__(self, **given: Any) -> None:
        options = read_options(QuerySuggestionOptions, given, "suggest")
        self.epochs, self.patience, self.clip = options.epochs, options.patience, options.clip
        self.batches = options.batches

    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        """Query rows of all examples, ascending: the last of each prefix."""
        return example_queries(corpus)

    def run(
        self,
        corpus: Corpus,
        baseline: type[SuggestionModel | SuggestionReference],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains on the training split's examples, stops on validation, scores the test split's."""
        parts = _parts(corpus)
        vocabulary = len(corpus.word_vectors)
        train = parts["train"]
        counts = torch.from_numpy(train.answers.counts(vocabulary)).to(context.device)
        if issubclass(baseline, SuggestionReference):
            reference = baseline(vocabulary, **options)
            reference.prepare(corpus, counts, len(train.queries))
            return _result(corpus, parts["test"], reference.scores, context)
        suggestion = baseline(SuggestionDims(sessions.width, vocabulary), **options)
        model = nn.ModuleList([suggestion, sessions]).to(context.device)
        sessions.standardise(torch.from_numpy(train.queries).to(context.device))
        suggestion.prepare(counts, len(train.queries))
        order = context.generator("training order")
        session = np.asarray(corpus.columns.query_session)[train.queries]

        def sessions_of(queries: Integers) -> Tensor:
            return sessions(torch.from_numpy(queries).to(context.device))

        def scores_of(queries: Integers) -> Tensor:
            return suggestion(sessions_of(queries))

        def epoch_losses(epoch: int) -> Iterator[Tensor]:
            for rows in epoch_batches(session, suggestion.batch_size, self.batches, order):
                words, owner = train.answers.of(rows, context.device)
                yield suggestion.loss(sessions_of(train.queries[rows]), words, owner)

        def validate() -> float:
            ties, _ = _ranked(scores_of, parts["valid"], context)
            return float(ties.metrics()[PRIMARY].mean())

        config = FittingConfig(self.epochs, self.patience, suggestion.learning_rate, clip=self.clip)
        fit(model, epoch_losses, validate, config, context)
        return _result(corpus, parts["test"], scores_of, context)


@dataclass(frozen=True)
class _Part:
    """The examples of a split: query rows (n,) and their answers."""

    queries: NDArray[np.int64]
    answers: NextWords


def _parts(corpus: Corpus) -> dict[str, _Part]:
    parts = {}
    for split in ("train", "valid", "test"):
        queries = example_queries(corpus, split)
        if not len(queries):
            raise BenchError(
                f"no {split} query is followed by a keyword query", where=str(corpus.folder), fix="a larger sample"
            )
        parts[split] = _Part(queries, NextWords.after(corpus, queries))
    return parts


@torch.no_grad()
def _ranked(scores: Scorer, part: _Part, context: TrainingContext) -> tuple[TiedTop, list[TopWords]]:
    """The top words of every example; scores exist for one batch at a time."""
    vectors, tops = context.features.word_vectors, []
    places = np.arange(len(part.queries))
    for rows in np.split(places, range(_EVALUATION_BATCH, len(places), _EVALUATION_BATCH)):
        words, owner = part.answers.of(rows, context.device)
        tops.append(top_words(scores(part.queries[rows]), words, owner, vectors, _TOP))
    return TiedTop.stacked([top.ties for top in tops]), tops


def _result(corpus: Corpus, part: _Part, scorer: Scorer, context: TrainingContext) -> TaskResult:
    ties, tops = _ranked(scorer, part, context)
    vectors = context.features.word_vectors
    words, owner = part.answers.of(np.arange(len(part.queries)), context.device)
    asked = mean_vectors(words, owner, len(part.queries), vectors)  # (n, d)
    similarity = F.cosine_similarity(torch.cat([top.mean_vector for top in tops]), asked).double().cpu().numpy()
    metrics = {**ties.metrics(), "avg_sim": similarity}
    unit = _units_and_users(corpus, part.queries)
    long = pd.concat([unit.assign(metric=name, value=values) for name, values in metrics.items()], ignore_index=True)
    best, scores = (np.concatenate([getattr(top, name) for top in tops]) for name in ("words", "scores"))
    query, place = np.nonzero(best >= 0)
    names = corpus.strings("vocabulary", "word").combine_chunks()
    predictions = pd.DataFrame(
        {
            "unit": unit["unit"].to_numpy()[query],
            "rank": (place + 1).astype(np.int32),
            "word": names.take(best[query, place]).to_pandas(),
            "relevant": _contains(part.answers, query, best[query, place], len(corpus.word_vectors)),
            "score": scores[query, place],
        }
    )
    return TaskResult(long, predictions, pd.DataFrame(context.curve))


def _contains(answers: NextWords, rows: Integers, words: Integers, vocabulary: int) -> NDArray[np.bool_]:
    """Whether each of ``words`` (m,) is one of the answer of its row (m,)."""
    owner = np.repeat(np.arange(len(answers)), np.diff(answers.offsets))
    return np.isin(rows * vocabulary + words, owner * vocabulary + answers.words)


def _units_and_users(corpus: Corpus, queries: Integers) -> pd.DataFrame:
    """``unit`` (query id) and ``user`` (the session's id where the log knows no user) of these query rows."""
    sessions = corpus.columns.query_session[queries]
    users = corpus.strings("sessions", "user").take(sessions).to_pandas()
    session_ids = corpus.strings("sessions", "session_id").take(sessions).to_pandas()
    unit = corpus.strings("queries", "query_id").take(queries).to_pandas().to_numpy()
    return pd.DataFrame({"unit": unit, "user": users.where(users.notna(), session_ids).to_numpy()})
