"""Models that turn pictures into vectors, read by transformers: nothing is unpickled, no code comes from a model.

It is the library of the extra ``text`` already. torchvision, and timm with it, have compiled parts that must match the
build of torch: the registry's do not load beside a torch for CPUs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNTRUSTED = {"trust_remote_code": False}
_SIZE = 224
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures: for a model that does not say how its pictures are prepared."""


@dataclass(frozen=True)
class ImageModel:
    """A model with the preparation that its pictures need.

    Attributes:
        network: the model, evaluating, on its device.
        processor: transformers' image processor; None for a model that has none.
        size: of the square that pictures are squeezed to without a processor.
        device: the name of the model's device.
        notes: how it was read where it could be read in several ways.
    """

    network: Any
    processor: Any
    size: int
    device: str
    notes: tuple[str, ...] = ()

    @torch.inference_mode()
    def vectors(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """Vectors (n, d) of pictures of mode RGB.

        Those of a model of texts and pictures are its picture features; of any other the mean of its last layer over
        all places, since weights of classifiers come without those of a pooling layer.
        """
        pixels = self._pixels(pictures).to(self.device)  # (n, 3, h, w)
        if hasattr(self.network, "get_image_features"):
            found = self.network.get_image_features(pixel_values=pixels)
            vectors = getattr(found, "pooler_output", found)  # (n, d)
        else:
            last = self.network(pixel_values=pixels).last_hidden_state  # (n, d, h, w) or (n, places, d)
            vectors = last.mean(dim=(2, 3)) if last.ndim == 4 else last.mean(dim=1)  # (n, d)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)

    def _pixels(self, pictures: Sequence[Any]) -> torch.Tensor:
        if self.processor is not None:
            pixels: torch.Tensor = self.processor(images=list(pictures), return_tensors="pt")["pixel_values"]
            return pixels
        small = np.stack([np.asarray(picture.resize((self.size, self.size))) for picture in pictures])
        scaled = (torch.from_numpy(small).float() / 255 - torch.tensor(_MEAN)) / torch.tensor(_DEVIATION)
        return scaled.permute(0, 3, 1, 2)  # (n, 3, h, w)


def load_model(name: str, *, download: bool, untrained: bool, seed: int, device: str) -> ImageModel:
    """The model of a folder, or of a name.

    Args:
        name: a folder with ``config.json`` and ``*.safetensors``, as ``save_pretrained`` writes them; a name on the
            hub; or, for random weights, a kind of model that transformers knows, such as ``resnet``.
        download: fetch a name's files where they are not on this machine.
        untrained: take random weights: a control, and what tests run on.
        seed: of the random weights.
        device: ``cpu`` or ``cuda``.

    Raises:
        BenchError: transformers is missing; there is no such model; its weights are not on this machine, not
            safetensors or not complete.
    """
    transformers = _library()
    folder = Path(name)
    where: str | Path = folder.resolve() if folder.is_dir() else name
    reach = {"local_files_only": folder.is_dir() or not download, **_UNTRUSTED}
    notes = []
    with _refused(name, download):
        is_kind = untrained and not folder.is_dir() and name in transformers.CONFIG_MAPPING
        config = (
            transformers.AutoConfig.for_model(name)
            if is_kind
            else transformers.AutoConfig.from_pretrained(where, **reach)
        )
        if untrained:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = transformers.AutoModel.from_config(config, **_UNTRUSTED)
            notes.append(f"the weights are random (seed {seed}): a control, not a model of pictures")
        else:
            network, loading = transformers.AutoModel.from_pretrained(
                where, use_safetensors=True, output_loading_info=True, **reach
            )
            _check_complete(name, loading)
    processor = None if is_kind else _processor(transformers, where, reach)
    vision = getattr(config, "vision_config", config)
    size = getattr(vision, "image_size", None)
    if processor is None:
        notes.append("the model does not say how pictures are prepared: squeezed to a square, ImageNet's mean")
    return ImageModel(
        network.eval().to(device), processor, size if isinstance(size, int) else _SIZE, device, tuple(notes)
    )


def _check_complete(name: str, loading: dict[str, Any]) -> None:
    """Refuses weights that are not all there: transformers fills gaps with random ones."""
    missing = sorted(key for key in loading["missing_keys"] if "pooler" not in key)  # pooling layers are not asked
    wrong = sorted(map(str, loading["mismatched_keys"]))
    if missing or wrong:
        what = f"{len(missing) + len(wrong)} of its weights are missing or have another shape, such as "
        raise BenchError(what + (missing or wrong)[0], where=name, fix="give the model's own weights")


def _processor(transformers: Any, where: str | Path, reach: dict[str, bool]) -> Any:
    """The image processor that comes with a model; None where it has none."""
    try:
        return transformers.AutoImageProcessor.from_pretrained(where, backend="pil", **reach)
    except (OSError, ValueError, KeyError, TypeError, ImportError):
        return None


@contextmanager
def _refused(name: str, download: bool) -> Iterator[None]:
    """Turns what transformers raises about a model into one line."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        fix = "a folder with config.json and model.safetensors"
        if not download and not Path(name).is_dir():  # transformers says that it could not connect: it was told not to
            raise BenchError(
                "no such model here", where=name, fix=f"{fix}, or a name on the hub with --download"
            ) from None
        said = str(error).strip().partition("\n")[0]
        raise BenchError(f"no such model here: {said}", where=name, fix=fix) from None


def _library() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        transformers: Any = import_module("transformers")
    except ImportError:
        raise BenchError("images need transformers", fix='pip install "session-bench[images]"') from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
