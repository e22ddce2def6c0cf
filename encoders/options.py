"""The options of the built-in encoders. Imports no torch: they are listed, and checked, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from bench.errors import BenchError
from bench.plugins.constraints import Above, AtLeast, AtMost, Below, Between
from bench.training.pretraining_config import BatchSize, Clip, LearningRate, PretrainingConfig, Schedule, Steps

Width = Annotated[int, Between(1, 100_000)]
Count = Annotated[int, Between(1, 10_000)]
Length = Annotated[int, Between(2, 100_000)]


@dataclass(frozen=True)
class LstmOptions:
    """Options of ``lstm``.

    Attributes:
        output_dim: of the hidden state; 64 as MUVCOG's two views together.
        images: ``steps``: images are parts of their steps; ``pooled``: their mean is concatenated to the hidden state
            (KDD 2022, section 4.5); ``none``: the textual queries alone.
        image_dim: width of the projected image; with ``pooled``, 0 concatenates the mean as it is.
    """

    output_dim: Width = 64
    images: Literal["steps", "pooled", "none"] = "steps"
    image_dim: Annotated[int, Between(0, 100_000)] = 32

    def __post_init__(self) -> None:
        if self.images == "steps" and not self.image_dim:
            raise BenchError("image_dim must be at least 1 with images=steps, not 0", where="options of lstm")


@dataclass(frozen=True)
class TransformerOptions:
    """Options of ``transformer``.

    Attributes:
        output_dim: width of the tokens and of the session's vector.
        layers: of attention and feed-forward.
        heads: of each attention.
        feedforward: hidden width of the feed-forward part.
        max_length: tokens of a sequence, the leading one included; the latest are kept.
        dropout: after attention and feed-forward, in training.
        readout: ``cls``, the leading token's vector, or ``mean`` of all tokens' vectors.
        images: ``steps``: an image is a token of its step; ``pooled``: their mean is concatenated to the session's
            vector (KDD 2022, section 4.5); ``none``: the textual queries alone.
        image_dim: width of the projected mean image with ``pooled``; 0 concatenates it as it is.
    """

    output_dim: Width = 64
    layers: Count = 2
    heads: Count = 4
    feedforward: Width = 128
    max_length: Length = 128
    dropout: Annotated[float, AtLeast(0), Below(1)] = 0.1
    readout: Literal["cls", "mean"] = "cls"
    images: Literal["steps", "pooled", "none"] = "steps"
    image_dim: Annotated[int, Between(0, 100_000)] = 32

    def __post_init__(self) -> None:
        _divides(self.heads, self.output_dim, "options of transformer")


@dataclass(frozen=True)
class MeanPoolOptions:
    """Options of ``meanpool``.

    Attributes:
        width: of the session's vector, 64 as MUVCOG's two views together: so many principal components, fitted on
            training sessions, where the means are wider; 0 leaves the means as they are.
    """

    width: Annotated[int, Between(0, 100_000)] = 64


@dataclass(frozen=True)
class Word2VecOptions:
    """Options of ``word2vec``.

    Attributes:
        vectors: ``corpus``: its own, trained all the same where they are all zero; ``train``: from the words of the
            training sessions. A word that these never hold has a zero vector.
        window: words on either side that are predicted, when training.
        epochs: passes over the sessions, when training.
    """

    vectors: Literal["corpus", "train"] = "corpus"
    window: Count = 5
    epochs: Count = 5


@dataclass(frozen=True)
class _BertModelOptions:
    """Options of the model of ``bert``.

    Attributes:
        path: folder of a local pretrained model with safetensors weights and a fast tokenizer; empty to pretrain one.
            The options of architecture and training then have no effect.
        width: of the last layer's vectors.
        layers: of attention and feed-forward.
        heads: of each attention.
        feedforward: hidden width of the feed-forward part.
        max_length: tokens of a sequence; the latest are kept.
        min_count: words that the training sessions hold less often are unknown.
        mask_share: of the words that are predicted: 8 of 10 of them are masked, 1 is replaced, 1 is left.
    """

    path: str = ""
    width: Width = 128
    layers: Count = 2
    heads: Count = 4
    feedforward: Width = 256
    max_length: Length = 128
    min_count: Count = 2
    mask_share: Annotated[float, Above(0), AtMost(1)] = 0.15


@dataclass(frozen=True)
class BertOptions(PretrainingConfig, _BertModelOptions):
    """Options of ``bert``."""

    steps: Steps = 400
    batch_size: BatchSize = 64
    learning_rate: LearningRate = 0.002
    warmup: Annotated[int, Between(0, 1_000_000_000)] = 40
    schedule: Schedule = "cosine"
    clip: Clip = 1.0
    validation_sessions: Annotated[int, Between(0, 1_000_000_000)] = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            _divides(self.heads, self.width, "options of bert")


@dataclass(frozen=True)
class GraphOptions:
    """Options of the views of a session graph.

    Attributes:
        view_dim: width of one view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
    """

    view_dim: Width = 32
    beta: Literal["mean", "sum"] = "mean"


@dataclass(frozen=True)
class _ContrastOptions:
    """Options of the contrast of equation 9.

    Attributes:
        views: ``agv+hlv``, both views of the paper; or one of them, or ``gat``, graph attention without types, alone.
        images: ``nodes`` of the graph; or ``none``: image queries are removed, in pretraining and afterwards.
        contrast: each view of an anchor is compared with the next view of positive and negative (``across``, equation
            9), or with the same (``within``, as in the released code); with one view both are the same.
        score: of a pair of session vectors: ``mlp`` on their concatenation, as in the paper; or ``cosine`` of a linear
            projection of each, times a learnt inverse temperature. All else is the same with both.
        mlp_hidden: hidden layers of ``score=mlp``. The paper's "three layers with [64, 32, 1] neurons" can count the 64
            inputs, two vectors of 32, which leaves one hidden layer of 32 (``1``, as in the released code), or not,
            which makes two, of 64 and 32 (``2``). With ``score=cosine`` it is refused.
        negatives: ``hard``: the session of the batch that scores highest among those that share no clicked item with
            the anchor; ``hard-unshared``: among those that share no product, clicked or searched from, which its image
            identifies, so that without images it is ``hard``; or ``random`` for Figure 5, none with a shared click.
        steps_of: whose steps a session holds in pretraining: its ``own``; or those of ``strangers``, exchanged with
            other sessions, kind by kind, as in the control ``shuffled``.
        hard_at: held-out accuracy from which on negatives are hard, random ones until then and whenever it falls
            below. A discriminator that knows nothing yet picks its hardest negatives blindly, and stays at chance; 0 is
            the letter of the paper.
        mask_negatives: negatives too lose a random step. By the letter of the paper (false) positives are masked and
            negatives are whole, so that the loss falls for telling masked sessions from whole ones, comparing nothing.
    """

    views: Literal["agv+hlv", "agv", "hlv", "gat"] = "agv+hlv"
    images: Literal["nodes", "none"] = "nodes"
    contrast: Literal["across", "within"] = "across"
    score: Literal["mlp", "cosine"] = "mlp"
    mlp_hidden: Annotated[int, Between(1, 2)] = 1
    negatives: Literal["hard", "hard-unshared", "random"] = "hard"
    steps_of: Literal["own", "strangers"] = "own"
    hard_at: Annotated[float, Between(0, 1)] = 0.2
    mask_negatives: bool = True


@dataclass(frozen=True)
class MuvcogOptions(PretrainingConfig, _ContrastOptions, GraphOptions):
    """Options of ``muvcog-m`` and of its variants."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.score != "mlp" and self.mlp_hidden != 1:
            raise BenchError(
                f"mlp_hidden={self.mlp_hidden} is of score=mlp, and score={self.score} has no hidden layer",
                where="options of muvcog",
                fix="leave one of the two out",
            )


@dataclass(frozen=True)
class _NextActionOptions:
    """Options of ``muvcog-plus`` beside those of its graph: what its vector holds, and its objective.

    Attributes:
        graph: whether the views of the graph are a part of the session's vector.
        means_dim: width of the linear map of typed means, past the graph, that is a part of it; 0 leaves it out.
        aim: whether the projection of these parts into the space of items stands beside them: what the session is
            after, of width ``head_dim``.
        head_dim: width of the space in which prefixes and items are compared.
        hidden_dim: width of the hidden layer of the projections into it; 0 makes them linear.
        next_query: weight of the loss on the next query's words.
        last_step: whether the last step is encoded once more alone.
        clicks: whose clicks, and next queries, are targets: those of all ``training`` sessions; or only of those in the
            ``downstream`` sample, the labels that an encoder trained end to end has too. Validation likewise.
    """

    graph: bool = True
    means_dim: Annotated[int, Between(0, 100_000)] = 64
    aim: bool = True
    head_dim: Width = 64
    hidden_dim: Annotated[int, Between(0, 100_000)] = 0
    next_query: Annotated[float, AtLeast(0)] = 0.5
    last_step: bool = False
    clicks: Literal["training", "downstream"] = "training"


@dataclass(frozen=True)
class MuvcogPlusOptions(PretrainingConfig, _NextActionOptions, GraphOptions):
    """Options of ``muvcog-plus``."""

    learning_rate: LearningRate = 0.002
    schedule: Schedule = "cosine"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.graph and not self.means_dim:
            raise BenchError(
                "graph=false and means_dim=0 leave nothing to encode",
                where="options of muvcog-plus",
                fix="leave one of the two out",
            )
        if not self.graph and self.last_step:
            raise BenchError("last_step is of the graph, which graph=false leaves out", where="options of muvcog-plus")


def _divides(heads: int, width: int, where: str) -> None:
    if width % heads:
        raise BenchError(f"heads must divide the width, and {heads} does not divide {width}", where=where)
