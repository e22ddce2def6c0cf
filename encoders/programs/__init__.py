"""The built-in encoders once more, for one session and in operations that ``torch.export`` and ONNX can trace.

The encoders themselves sort, count and loop in ways that depend on the numbers in a batch, and on CPUs they run
compiled loops; neither can be traced. What stands here computes the same, densely, and is compared with them by tests.
:mod:`bench.serving.programs` looks for ``program_of`` in the module ``programs`` of an encoder's package, so that a
third party's encoders may have programs as well.
"""

from __future__ import annotations

from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.errors import BenchError
from encoders.meanpool import MeanPool
from encoders.muvcog.model import Muvcog
from encoders.muvcog.plus import MuvcogPlus
from encoders.programs.graph import GraphProgram
from encoders.programs.means import MeansProgram
from encoders.programs.plus import PlusProgram
from encoders.word2vec import Word2VecFeatures


def program_of(encoder: SessionEncoder, word_vectors: Tensor) -> nn.Module:
    """A module that gives the vector (d,) of one session, from what
    :func:`bench.serving.programs.program_inputs` makes of it.

    Args:
        encoder: with its weights.
        word_vectors: (V, dims.words).

    Raises:
        BenchError: there is none for this encoder, and why.
    """
    if isinstance(encoder, MeanPool):
        return MeansProgram(
            word_vectors, split_kinds=True, centre=_buffer(encoder, "centre"), axes=_buffer(encoder, "axes")
        )
    if isinstance(encoder, Word2VecFeatures):
        return MeansProgram(encoder.vectors if len(encoder.vectors) else word_vectors, split_kinds=False)
    if isinstance(encoder, Muvcog):
        views = dict(encoder.encoders.items())
        if "gat" in views:
            raise BenchError("PyTorch Geometric's attention lists edges, whose number no traced program can foresee")
        return GraphProgram(word_vectors, encoder.sources, list(views.values()), encoder.options.images == "nodes")
    if isinstance(encoder, MuvcogPlus):
        if encoder.options.last_step:
            raise BenchError("last_step=true encodes a session twice, for which there is no program")
        return PlusProgram(encoder, word_vectors)
    raise BenchError(f"there is no program for {type(encoder).__name__}: its tokens are cut and laid out by numbers")


def _buffer(encoder: MeanPool, name: str) -> Tensor | None:
    return getattr(encoder, name) if encoder.reduced else None
