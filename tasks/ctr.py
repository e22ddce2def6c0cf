"""Personalised click prediction (paper, section 4.2): rank what a query showed, given user, query and session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickCorpus, ClickDims, ClickModel, ClickReference, Task, TaskResult
from bench.data.clicks import rankable_queries
from bench.data.corpus import Corpus
from bench.data.truth import unsealed
from bench.errors import BenchError
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.fitting import FittingConfig, fit
from bench.training.session_vectors import JoinedClickModel, SessionVectors
from tasks.examples.batches import epoch_batches
from tasks.examples.click import ClickExamples, TrainingCandidates, example_queries
from tasks.examples.click_evaluation import ClickEvaluation, metrics_of
from tasks.examples.click_result import click_result
from tasks.examples.labels import labelled_sessions
from tasks.options import ClickPredictionOptions

PRIMARY = "ndcg@10"


class ClickPrediction(Task[ClickModel | ClickReference]):
    """One example per query with at least one clicked and one unclicked shown item; candidates are the shown items.

    The session is the prefix up to and including the query. Training draws one clicked and ``negatives`` unclicked
    items of each query anew in every epoch; evaluation ranks all shown items. The epoch is chosen by NDCG@10 on the
    validation split.

    Args:
        given: see :class:`tasks.options.ClickPredictionOptions`.
    """

    def __init__(self, **given: Any) -> None:
        options = read_options(ClickPredictionOptions, given, "ctr")
        self.epochs, self.patience, self.clip = options.epochs, options.patience, options.clip
        self.negatives, self.min_user_sessions = options.negatives, options.min_user_sessions
        self.labels, self.batches = options.labels, options.batches

    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        """Query rows of all examples, ascending."""
        return example_queries(corpus)

    def run(
        self,
        corpus: Corpus,
        baseline: type[ClickModel | ClickReference],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains on the training split's examples, stops on validation, scores the test split's."""
        labelled = labelled_sessions(corpus, self.labels, context.generator("labels"))
        split = {name: rankable_queries(corpus, sessions) for name, sessions in labelled.items()}
        split["test"] = example_queries(corpus, "test")
        for name, rows in split.items():
            if not len(rows):
                raise BenchError(
                    f"no {name} query has a clicked and an unclicked item",
                    where=str(corpus.folder),
                    fix="a larger sample",
                )
        examples = ClickExamples(corpus, context.features, self.min_user_sessions, labelled["train"])
        dims = ClickDims(context.features.dims, examples.num_users)
        data = ClickCorpus(corpus, context.features, split["train"], context.pretrained, context.scratch)
        if issubclass(baseline, ClickReference):
            reference = baseline(dims, **options)
            with unsealed():
                reference.prepare(data)
            scored = ClickEvaluation(examples, split["test"]).scored(reference.scores)
            return click_result(corpus, split["test"], scored, context)
        click_model = baseline(dims, **options)
        sessions.standardise(torch.from_numpy(split["train"]).to(context.device))
        model = JoinedClickModel(click_model, sessions, context.torch_generator("joining layer")).to(context.device)
        click_model.prepare(data)

        valid = ClickEvaluation(examples, split["valid"])
        training = TrainingCandidates(corpus, split["train"], self.negatives)
        order = context.generator("training order")
        session = np.asarray(corpus.columns.query_session)[split["train"]]

        def epoch_losses(epoch: int) -> Iterator[Tensor]:
            dealt = training.deal(order)
            for rows in epoch_batches(session, click_model.batch_size, self.batches, order):
                batch = examples.batch(split["train"][rows], dealt(rows))
                loss = click_model.loss(model(batch), batch.clicks, batch.shown)
                auxiliary = click_model.auxiliary_loss(batch)
                yield loss if auxiliary is None else loss + auxiliary

        def validate() -> float:
            return float(metrics_of(valid.scored_by(model))[PRIMARY].mean())

        config = FittingConfig(self.epochs, self.patience, click_model.learning_rate, clip=self.clip)
        fit(model, epoch_losses, validate, config, context)
        scored = ClickEvaluation(examples, split["test"]).scored_by(model)
        return click_result(corpus, split["test"], scored, context)
