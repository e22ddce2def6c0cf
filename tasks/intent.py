"""Intent classification (paper, section 4.6): which category a completed session was about, from its frozen vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bench.contracts import IntentDims, IntentModel, Task, TaskResult
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.schema import SPLITS
from bench.errors import BenchError
from bench.metrics.classification import PROBABILITY, metrics_of_predictions
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.session_vectors import SessionVectors
from tasks.examples.intent import Intents
from tasks.options import IntentOptions


class IntentClassification(Task[IntentModel]):
    """One example per downstream session with a click; the label is the category that was clicked most in it.

    The session vector is that of the whole session. Clicks label and are no input. With ``vanilla`` there is no vector:
    the model knows how frequent the classes are, the natural reference. A class that training lacks gets probability 0
    and is always missed where the test split has it.

    Metrics are macro averages over the test split (:mod:`bench.metrics.classification`); ``accuracy``, the share of
    sessions classified correctly, is the only one with a value per session. Table 4 of the paper has "average Accuracy
    per class", which is ``acc``.

    Args:
        given: see :class:`tasks.options.IntentOptions`. Sessions with as many clicks in two categories are of the one
            with the smaller code.
    """

    def __init__(self, **given: Any) -> None:
        self.label = read_options(IntentOptions, given, "intent").label

    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        """The last query row of each example's session, ascending."""
        return Intents.of(corpus, self.label).queries

    def run(
        self,
        corpus: Corpus,
        baseline: type[IntentModel],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains on the training split's sessions, stops on validation, scores the test split's."""
        if sessions.trained:
            raise BenchError("intent models take frozen session vectors only", fix="choose a frozen encoder")
        intents = Intents.of(corpus, self.label)
        split = corpus.columns.session_split[intents.sessions]
        rows = {name: np.flatnonzero(split == code) for code, name in enumerate(SPLITS)}
        for name in ("train", "test"):
            if not len(rows[name]):
                raise BenchError(f"no {name} session has a click", where=str(corpus.folder), fix="a larger sample")
        queries = torch.from_numpy(intents.queries).to(context.device)
        sessions.standardise(queries[torch.from_numpy(rows["train"])])
        vectors = sessions(queries).cpu().numpy()

        trained = np.unique(intents.labels[rows["train"]])  # classes that can be learnt
        learnable = np.flatnonzero(np.isin(intents.labels[rows["valid"]], trained))
        train, valid = rows["train"], rows["valid"][learnable]
        model = baseline(IntentDims(sessions.width, len(trained)), **options)
        model.fit(
            vectors[train],
            np.searchsorted(trained, intents.labels[train]),
            vectors[valid],
            np.searchsorted(trained, intents.labels[valid]),
            context,
        )
        probabilities = np.zeros((len(rows["test"]), len(intents.names)))
        probabilities[:, trained] = model.probabilities(vectors[rows["test"]])
        return _result(corpus, intents, rows["test"], probabilities, context)


def _result(
    corpus: Corpus, intents: Intents, rows: Integers, probabilities: NDArray[np.float64], context: TrainingContext
) -> TaskResult:
    sessions, labels = intents.sessions[rows], intents.labels[rows]
    predicted = np.where(np.isnan(probabilities), -np.inf, probabilities).argmax(1)  # ties: the smallest code
    session_ids = corpus.strings("sessions", "session_id").take(sessions).to_pandas()
    users = corpus.strings("sessions", "user").take(sessions).to_pandas()
    unit = pd.DataFrame({"unit": session_ids, "user": users.where(users.notna(), session_ids).to_numpy()})
    scores = unit.assign(metric="accuracy", value=(predicted == labels).astype(np.float64))
    columns = pd.DataFrame(probabilities, columns=[f"{PROBABILITY}{name}" for name in intents.names])
    predictions = pd.concat([unit.assign(label=labels, predicted=predicted), columns], axis=1)
    return TaskResult(scores, predictions, pd.DataFrame(context.curve), metrics_of_predictions(predictions))
