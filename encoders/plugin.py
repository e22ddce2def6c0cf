"""What the built-in plugin of encoders offers; imports no encoder."""

from __future__ import annotations

from bench import EncoderSpec, hookimpl
from bench.plugins.needs import Need
from encoders.options import (
    BertOptions,
    GraphOptions,
    LstmOptions,
    MeanPoolOptions,
    MuvcogOptions,
    MuvcogPlusOptions,
    TransformerOptions,
    Word2VecOptions,
)

_MUVCOG = "Liu et al., Pretraining Representations of Multi-modal Multi-query E-commerce Search, KDD 2022"
_LSTM = (
    "Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997; "
    "Zhong et al., Personalized Query Suggestions, SIGIR 2020"
)
_TRANSFORMER = "Mustar et al., On the Study of Transformers for Query Suggestion, ACM TOIS 40(1), 2021"


_BOTH = {"views": "agv+hlv"}


@hookimpl
def bench_encoders() -> list[EncoderSpec]:
    """The paper's encoders and the controls it lacks."""
    return [
        EncoderSpec("vanilla", "encoders.controls:Vanilla", "no session vector: the reference", "the baseline itself"),
        EncoderSpec(
            "lstm",
            "encoders.lstm:LstmEncoder",
            "LSTM over the steps, trained end to end",
            _LSTM,
            options=LstmOptions,
        ),
        EncoderSpec(
            "lstm-t",
            "encoders.lstm:LstmEncoder",
            "LSTM over the textual queries only, trained end to end",
            _LSTM,
            options=LstmOptions,
            pinned={"images": "none", "image_dim": 0},
        ),
        EncoderSpec(
            "lstm-iq",
            "encoders.lstm:LstmEncoder",
            "LSTM over the textual queries, mean image concatenated; trained end to end",
            f"{_LSTM}; {_MUVCOG}, section 4.5",
            options=LstmOptions,
            pinned={"images": "pooled"},
        ),
        EncoderSpec(
            "transformer",
            "encoders.transformer:TransformerEncoder",
            "flat transformer over all words and images, trained end to end",
            _TRANSFORMER,
            options=TransformerOptions,
        ),
        EncoderSpec(
            "transformer-t",
            "encoders.transformer:TransformerEncoder",
            "flat transformer over the words only, trained end to end",
            _TRANSFORMER,
            options=TransformerOptions,
            pinned={"images": "none", "image_dim": 0},
        ),
        EncoderSpec(
            "transformer-iq",
            "encoders.transformer:TransformerEncoder",
            "flat transformer over the words, mean image concatenated; trained end to end",
            f"{_TRANSFORMER}; {_MUVCOG}, section 4.5",
            options=TransformerOptions,
            pinned={"images": "pooled"},
        ),
        EncoderSpec(
            "meanpool",
            "encoders.meanpool:MeanPool",
            "control: means of keyword words, product words and images, as principal components; frozen",
            "a control of this project",
            options=MeanPoolOptions,
            frozen=True,
        ),
        EncoderSpec(
            "word2vec",
            "encoders.word2vec:Word2VecFeatures",
            "mean word2vec vector and mean image (Table 4's word2vec+IQ); frozen",
            f"Mikolov et al., Distributed Representations of Words and Phrases, NIPS 2013; {_MUVCOG}, section 4.6",
            options=Word2VecOptions,
            frozen=True,
        ),
        EncoderSpec(
            "bert",
            "encoders.bert.model:BertFeatures",
            "mean word vector of a masked language model and mean image (Table 4's BERT+IQ); frozen",
            f"Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019; {_MUVCOG}, section 4.6",
            options=BertOptions,
            frozen=True,
        ),
        EncoderSpec(
            "gat",
            "encoders.muvcog.model:Muvcog",
            "homogeneous session graph under graph attention, contrasted within itself; frozen",
            "Veličković et al., Graph Attention Networks, ICLR 2018; as in Figure 4 of " + _MUVCOG,
            options=MuvcogOptions,
            pinned={"views": "gat", "beta": "mean"},
            frozen=True,
        ),
        EncoderSpec(
            "agv",
            "encoders.muvcog.model:Muvcog",
            "the attentive global view alone, contrasted within itself; frozen",
            _MUVCOG,
            options=MuvcogOptions,
            pinned={"views": "agv"},
            frozen=True,
        ),
        EncoderSpec(
            "hlv",
            "encoders.muvcog.model:Muvcog",
            "the hierarchical local view alone, contrasted within itself; frozen",
            _MUVCOG,
            options=MuvcogOptions,
            pinned={"views": "hlv", "beta": "mean"},
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-t",
            "encoders.muvcog.model:Muvcog",
            "two graph views contrasted, textual queries only; frozen",
            _MUVCOG,
            options=MuvcogOptions,
            pinned={**_BOTH, "images": "none"},
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-m",
            "encoders.muvcog.model:Muvcog",
            "two graph views contrasted, with image queries; frozen",
            _MUVCOG,
            options=MuvcogOptions,
            pinned={**_BOTH, "images": "nodes"},
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-plus",
            "encoders.muvcog.plus:MuvcogPlus",
            "MUVCOG's views and typed means, taught what was clicked and asked next; frozen",
            "a contribution of this project on the graph of " + _MUVCOG,
            options=MuvcogPlusOptions,
            needs=(
                Need("training clicks", {"clicks": "training"}),
                Need("downstream training clicks", {"clicks": "downstream"}),
            ),
            frozen=True,
        ),
        EncoderSpec(
            "shuffled",
            "encoders.muvcog.model:Muvcog",
            "control: muvcog-m pretrained on sessions whose steps are those of strangers; frozen",
            "a control of this project on the method of " + _MUVCOG,
            options=MuvcogOptions,
            pinned={**_BOTH, "images": "nodes", "steps_of": "strangers"},
            frozen=True,
        ),
        EncoderSpec(
            "random",
            "encoders.muvcog.model:Untrained",
            "control: muvcog-m with its initial weights; frozen",
            "a control of this project on the architecture of " + _MUVCOG,
            options=GraphOptions,
            frozen=True,
        ),
    ]
