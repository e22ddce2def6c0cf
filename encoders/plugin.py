"""What the built-in plugin of encoders offers; imports no encoder."""

from __future__ import annotations

from bench import EncoderSpec, hookimpl

_MUVCOG = "Liu et al., Pretraining Representations of Multi-modal Multi-query E-commerce Search, KDD 2022"
_GRAPH = {"view_dim": 32, "beta": "mean"}
_CONTRAST = {
    **_GRAPH,
    "contrast": "across",
    "negatives": "hard",
    "hard_at": 0.2,
    "mask_negatives": True,
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


@hookimpl
def bench_encoders() -> list[EncoderSpec]:
    """The paper's encoders and the controls it lacks."""
    return [
        EncoderSpec("vanilla", "encoders.vanilla:Vanilla", "no session vector: the reference", "the baseline itself"),
        EncoderSpec(
            "lstm",
            "encoders.lstm:LstmEncoder",
            "LSTM over the steps, trained end to end",
            "Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997; "
            "Zhong et al., Personalized Query Suggestions, SIGIR 2020",
            {"output_dim": 64, "image_dim": 32},
        ),
        EncoderSpec(
            "gat",
            "encoders.single_view:Gat",
            "homogeneous session graph under graph attention, contrasted within itself; frozen",
            "Veličković et al., Graph Attention Networks, ICLR 2018; as in Figure 4 of " + _MUVCOG,
            {key: value for key, value in _CONTRAST.items() if key != "beta"},
            frozen=True,
        ),
        EncoderSpec(
            "agv",
            "encoders.single_view:Agv",
            "the attentive global view alone, contrasted within itself; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "hlv",
            "encoders.single_view:Hlv",
            "the hierarchical local view alone, contrasted within itself; frozen",
            _MUVCOG,
            {key: value for key, value in _CONTRAST.items() if key != "beta"},
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-t",
            "encoders.muvcog:MuvcogT",
            "two graph views contrasted, textual queries only; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "muvcog-m",
            "encoders.muvcog:MuvcogM",
            "two graph views contrasted, with image queries; frozen",
            _MUVCOG,
            _CONTRAST,
            frozen=True,
        ),
        EncoderSpec(
            "random",
            "encoders.muvcog:Untrained",
            "control: muvcog-m with its initial weights; frozen",
            "a control of this project on the architecture of " + _MUVCOG,
            _GRAPH,
            frozen=True,
        ),
    ]
