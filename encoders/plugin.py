"""What the built-in plugin of encoders offers; imports no encoder."""

from __future__ import annotations

from bench import EncoderSpec, hookimpl

_MUVCOG = "Liu et al., Pretraining Representations of Multi-modal Multi-query E-commerce Search, KDD 2022"
_LSTM = (
    "Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997; "
    "Zhong et al., Personalized Query Suggestions, SIGIR 2020"
)
_TRANSFORMER = "Mustar et al., On the Study of Transformers for Query Suggestion, ACM TOIS 40(1), 2021"
_FLAT = {
    "output_dim": 64,
    "layers": 2,
    "heads": 4,
    "feedforward": 128,
    "max_length": 128,
    "dropout": 0.1,
    "readout": "cls",
}
_GRAPH = {"view_dim": 32, "beta": "mean"}
_PRETRAINING = {
    "steps": 1000,
    "batch_size": 256,
    "learning_rate": 0.005,
    "warmup": 100,
    "schedule": "constant",
    "clip": 5.0,
    "patience": 0,
    "precision": "float32",
    "validate_every": 100,
    "validation_sessions": 1024,
}
_CONTRAST = {
    **_GRAPH,
    "contrast": "across",
    "negatives": "hard",
    "hard_at": 0.2,
    "mask_negatives": True,
    **_PRETRAINING,
}


@hookimpl
def bench_encoders() -> list[EncoderSpec]:
    """The paper's encoders and the controls it lacks."""
    return [
        EncoderSpec("vanilla", "encoders.vanilla:Vanilla", "no session vector: the reference", "the baseline itself"),
        EncoderSpec(
            "lstm",
            "encoders.lstm:LstmEncoder",
            "LSTM over the steps, trained end to end",
            _LSTM,
            {"output_dim": 64, "images": "steps", "image_dim": 32},
        ),
        EncoderSpec(
            "lstm-t",
            "encoders.lstm:LstmText",
            "LSTM over the textual queries only, trained end to end",
            _LSTM,
            {"output_dim": 64},
        ),
        EncoderSpec(
            "lstm-iq",
            "encoders.lstm:LstmPooledImages",
            "LSTM over the textual queries, mean image concatenated; trained end to end",
            f"{_LSTM}; {_MUVCOG}, section 4.5",
            {"output_dim": 64, "image_dim": 32},
        ),
        EncoderSpec(
            "transformer",
            "encoders.transformer:TransformerEncoder",
            "flat transformer over all words and images, trained end to end",
            _TRANSFORMER,
            {**_FLAT, "images": "steps", "image_dim": 32},
        ),
        EncoderSpec(
            "transformer-t",
            "encoders.transformer:TransformerText",
            "flat transformer over the words only, trained end to end",
            _TRANSFORMER,
            _FLAT,
        ),
        EncoderSpec(
            "transformer-iq",
            "encoders.transformer:TransformerPooledImages",
            "flat transformer over the words, mean image concatenated; trained end to end",
            f"{_TRANSFORMER}; {_MUVCOG}, section 4.5",
            {**_FLAT, "image_dim": 32},
        ),
        EncoderSpec(
            "meanpool",
            "encoders.meanpool:MeanPool",
            "control: mean of the words and mean of the images, nothing learnt; frozen",
            "a control of this project",
            frozen=True,
        ),
        EncoderSpec(
            "word2vec",
            "encoders.word2vec:Word2VecFeatures",
            "mean word2vec vector and mean image (Table 4's word2vec+IQ); frozen",
            f"Mikolov et al., Distributed Representations of Words and Phrases, NIPS 2013; {_MUVCOG}, section 4.6",
            {"vectors": "corpus", "window": 5, "epochs": 5},
            frozen=True,
        ),
        EncoderSpec(
            "bert",
            "encoders.bert:BertFeatures",
            "mean word vector of a masked language model and mean image (Table 4's BERT+IQ); frozen",
            f"Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019; {_MUVCOG}, section 4.6",
            {
                "path": "",
                "width": 128,
                "layers": 2,
                "heads": 4,
                "feedforward": 256,
                "max_length": 128,
                "min_count": 2,
                "mask_share": 0.15,
                "steps": 400,
                "batch_size": 64,
                "learning_rate": 0.002,
                "warmup": 40,
                "schedule": "cosine",
                "clip": 1.0,
                "validate_every": 100,
                "validation_sessions": 512,
            },
            frozen=True,
        ),
        EncoderSpec(
            "gat",
            "encoders.muvcog.single_view:Gat",
            "homogeneous session graph under graph attention, contrasted within itself; frozen",
            "Veličković et al., Graph Attention Networks, ICLR 2018; as in Figure 4 of " + _MUVCOG,
            {key: value for key, value in _CONTRAST.items() if key != "beta"},
            frozen=True,
        ),
        EncoderSpec(
            "agv",
            "encoders.muvcog.single_view:Agv",
            "the attentive global view alone, contrasted within itself; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "hlv",
            "encoders.muvcog.single_view:Hlv",
            "the hierarchical local view alone, contrasted within itself; frozen",
            _MUVCOG,
            {key: value for key, value in _CONTRAST.items() if key != "beta"},
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-t",
            "encoders.muvcog.model:MuvcogT",
            "two graph views contrasted, textual queries only; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-m",
            "encoders.muvcog.model:MuvcogM",
            "two graph views contrasted, with image queries; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-plus",
            "encoders.muvcog.plus:MuvcogPlus",
            "MUVCOG's views taught what was clicked and asked next; frozen",
            "a contribution of this project on the graph of " + _MUVCOG,
            {
                **_GRAPH,
                "head_dim": 64,
                "hidden_dim": 0,
                "next_query": 0.5,
                "last_step": False,
                **_PRETRAINING,
                "learning_rate": 0.002,
                "schedule": "cosine",
            },
            frozen=True,
        ),
        EncoderSpec(
            "random",
            "encoders.muvcog.model:Untrained",
            "control: muvcog-m with its initial weights; frozen",
            "a control of this project on the architecture of " + _MUVCOG,
            _GRAPH,
            frozen=True,
        ),
    ]
