"""XGBoost: gradient boosted trees that classify fixed session vectors.

Paper: Chen & Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016
(https://doi.org/10.1145/2939672.2939785); as an intent classifier in Liu et al., KDD 2022, section 4.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.options import BoostedTreesOptions
from bench.contracts import IntentDims, IntentModel
from bench.plugins.options import read_options
from bench.training.context import TrainingContext


class BoostedTrees(IntentModel):
    """An intent classifier of boosted trees with histogram splits, on one thread, so that a seed gives the same trees.

    The paper names no settings: ``depth`` and ``shrinkage`` are the library's defaults. The number of rounds is chosen
    by log loss on the validation split. With vectors of width 0, or with one class, there is nothing to split by, and
    the probabilities are the classes' shares in training.

    Args:
        dims: width of the session vectors, and number of classes.
        given: see :class:`baselines.options.BoostedTreesOptions`.
    """

    def __init__(self, dims: IntentDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(BoostedTreesOptions, given, "xgboost")
        self.rounds, self.depth = options.rounds, options.depth
        self.shrinkage, self.patience = options.shrinkage, options.patience
        self._class_shares = np.full(dims.classes, 1 / max(dims.classes, 1))
        self._classifier: Any = None

    def fit(
        self,
        vectors: NDArray[np.float32],
        labels: NDArray[np.int64],
        valid_vectors: NDArray[np.float32],
        valid_labels: NDArray[np.int64],
        context: TrainingContext,
    ) -> None:
        """Grows trees until the validation loss stops falling, and records the losses of every round.

        Args:
            vectors, labels: (n, dims.session) session vectors and (n,) classes to train on.
            valid_vectors, valid_labels: the same of the validation split; without any, all rounds are trained.
            context: gives the seed and takes the losses.
        """
        self._class_shares = np.bincount(labels, minlength=self.dims.classes) / len(labels)
        if self.dims.session == 0 or self.dims.classes < 2:
            return
        from xgboost import XGBClassifier

        stopping = {"early_stopping_rounds": self.patience} if len(valid_labels) else {}
        self._classifier = XGBClassifier(
            n_estimators=self.rounds,
            max_depth=self.depth,
            learning_rate=self.shrinkage,
            tree_method="hist",
            objective="binary:logistic" if self.dims.classes == 2 else "multi:softprob",
            eval_metric="logloss" if self.dims.classes == 2 else "mlogloss",
            n_jobs=1,
            device="cpu",
            random_state=int(context.generator("xgboost").integers(2**31)),
            **stopping,
        )
        evaluated = [(vectors, labels)] + ([(valid_vectors, valid_labels)] if len(valid_labels) else [])
        self._classifier.fit(vectors, labels, eval_set=evaluated, verbose=False)
        losses = [next(iter(by_metric.values())) for by_metric in self._classifier.evals_result().values()]
        for number in range(len(losses[0])):
            valid = -losses[1][number] if len(losses) > 1 else None  # higher is better, as in every curve
            context.record(epoch=number + 1, train_loss=losses[0][number], valid=valid)

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, classes) class probabilities of session vectors (n, dims.session)."""
        if self._classifier is None:
            return np.tile(self._class_shares, (len(vectors), 1))
        return np.asarray(self._classifier.predict_proba(vectors), dtype=np.float64)
