"""Image files of all sorts become vectors, broken ones are counted, and what comes out goes into a corpus as it is."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from command_line import bench_here
from event_logs import small_log, write_log
from qilin_files import image_ids, small_qilin, write_qilin

from bench.data.corpus import Corpus
from bench.datasets.ingest import ingest

Image = pytest.importorskip("PIL.Image", reason="Pillow (extra images) is missing")
pytest.importorskip("transformers", reason="transformers (extra images) is missing")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ResNet with random weights in safetensors, and how its pictures are prepared."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("model") / "resnet"
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    transformers.ResNetModel(config).save_pretrained(folder)
    prepared = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return folder


def picture(seed: int = 0, size: tuple[int, int] = (48, 40)) -> Any:
    """Two coloured halves, so that a turn shows."""
    colours = np.random.default_rng(seed).integers(0, 255, (2, 3))
    pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    pixels[: size[1] // 2], pixels[size[1] // 2 :] = colours
    return Image.fromarray(pixels)


def vectors_of(file: Path) -> dict[str, np.ndarray]:
    return {row["image_id"]: np.array(row["vector"], np.float32) for row in pq.read_table(file).to_pylist()}


def made(folder: Path, to: Path, model: Path | str, *options: object) -> dict[str, np.ndarray]:
    ran = bench_here("data", "images", folder, "--to", to, "--model", model, "--device", "cpu", *options)
    assert ran.code == 0, ran.err
    return vectors_of(to)


def test_pictures_of_all_sorts_have_vectors(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "deep" / "er").mkdir(parents=True)
    whole = picture()
    whole.save(folder / "plain.png")
    whole.save(folder / "deep" / "UPPER.JPG", quality=95)
    whole.save(folder / "deep" / "er" / "lossless.webp", lossless=True)
    whole.convert("L").save(folder / "grey.png")
    whole.convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "palette.gif")
    whole.save(folder / "noending", format="PNG")
    clear = whole.convert("RGBA")
    clear.putalpha(0)
    clear.save(folder / "clear.png")
    Image.new("RGB", whole.size, "white").save(folder / "white.png")
    Image.fromarray(np.asarray(whole.convert("L")).astype(np.uint16) * 257).save(folder / "sixteen.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to show it
    whole.rotate(90, expand=True).save(folder / "turned.png", exif=exif)
    found = made(folder, tmp_path / "vectors.parquet", model)
    assert list(found) == sorted(found)
    assert {"plain.png", "deep/UPPER.JPG", "deep/er/lossless.webp", "noending"} <= set(found)
    assert {vector.shape for vector in found.values()} == {(16,)}
    for vector in found.values():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=2e-3)

    def alike(one: str, other: str) -> float:
        return float(np.abs(found[one] - found[other]).max())

    assert alike("plain.png", "deep/er/lossless.webp") == 0
    assert alike("plain.png", "noending") == 0
    assert alike("plain.png", "turned.png") < 2e-3, "it is turned upright"
    assert alike("plain.png", "palette.gif") < 2e-3
    assert alike("grey.png", "sixteen.png") < 2e-3
    assert alike("clear.png", "white.png") == 0, "what is transparent is white"
    assert alike("plain.png", "white.png") > 0.01
    assert alike("plain.png", "grey.png") > 0.001


def test_broken_files_are_counted_and_stop_nothing(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        picture(number, (200, 160)).save(folder / f"{number}.jpg")
    whole = (folder / "0.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("no picture")
    (folder / "notes.txt").write_text("read me")
    (folder / ".hidden.png").write_bytes(whole)
    Image.new("1", (12_000, 12_000)).save(folder / "bomb.png")
    noise = bytearray(whole)
    random.Random(0).shuffle(noise)
    (folder / "noise.jpg").write_bytes(whole[:2] + bytes(noise))
    to = tmp_path / "vectors.parquet"
    ran = bench_here("data", "images", folder, "--to", to, "--model", model, "--batch", 2, "--json")
    rows = {(row["what"], row["name"]): row["value"] for row in ran.rows}
    assert rows["read", "files"] == 10
    assert rows["kept", "vectors"] == 5
    assert rows["skipped", "files of other endings"] == 2
    assert rows["dropped", "empty files"] == 1
    assert rows["dropped", "pictures of too many pixels"] == 1
    assert sum(value for (what, _), value in rows.items() if what == "dropped") == 5
    assert set(vectors_of(to)) == {f"{number}.jpg" for number in range(5)}
    said = bench_here("data", "images", folder, "--to", to, "--model", model).out
    assert "left out: empty files (1), such as 'empty.png'" in said


def test_neither_the_batch_nor_the_run_changes_a_vector(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(7):
        picture(number).save(folder / f"{number}.png")
    one = made(folder, tmp_path / "one.parquet", model, "--batch", 1)
    all_at_once = made(folder, tmp_path / "all.parquet", model, "--batch", 7)
    for name, vector in one.items():
        np.testing.assert_allclose(vector, all_at_once[name], atol=1e-3)
    again = made(folder, tmp_path / "again.parquet", model, "--batch", 7)
    assert all((again[name] == all_at_once[name]).all() for name in again)


def test_bytes_keep_the_direction(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(3).save(folder / "a.png")
    exact = made(folder, tmp_path / "exact.parquet", model)["a.png"]
    coarse = made(folder, tmp_path / "coarse.parquet", model, "--dtype", "int8")["a.png"]
    assert np.abs(coarse).max() == 127
    assert exact @ coarse / np.linalg.norm(coarse) > 0.999


def test_weights_may_be_random_by_a_seed(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture().save(folder / "a.png")
    found = [
        made(folder, tmp_path / f"{number}.parquet", model, "--untrained", "--seed", seed)["a.png"]
        for number, seed in enumerate((1, 1, 2))
    ]
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()
    ran = bench_here("data", "images", folder, "--to", tmp_path / "x.parquet", "--model", model, "--untrained")
    assert "the weights are random (seed 0)" in ran.out


def test_a_model_of_texts_and_pictures_gives_its_picture_features(tmp_path: Path) -> None:
    import transformers

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**small, "vocab_size": 50}, vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )  # fmt: skip
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture().save(folder / "a.png")
    assert made(folder, tmp_path / "v.parquet", tmp_path / "clip")["a.png"].shape == (12,)


def test_weights_with_gaps_are_refused(tmp_path: Path, model: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "gaps"
    other.mkdir()
    for file in model.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    weights = load_file(other / "model.safetensors")
    del weights["encoder.stages.0.layers.0.layer.0.convolution.weight"]
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "pictures").mkdir()
    picture().save(tmp_path / "pictures" / "a.png")
    ran = bench_here("data", "images", tmp_path / "pictures", "--to", tmp_path / "v.parquet", "--model", other)
    assert "1 of its weights are missing" in ran.error


def test_nothing_is_unpickled_and_nothing_downloaded_unasked(tmp_path: Path, model: Path) -> None:
    folder, pickled = tmp_path / "pictures", tmp_path / "pickled"
    folder.mkdir()
    picture().save(folder / "a.png")
    pickled.mkdir()
    (pickled / "config.json").write_bytes((model / "config.json").read_bytes())
    (pickled / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    for name in (pickled, "somebody/nothing-of-this-name"):
        ran = bench_here("data", "images", folder, "--to", tmp_path / "v.parquet", "--model", name)
        assert "no such model here" in ran.error
    assert "--download" in ran.error
    assert not (tmp_path / "v.parquet").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dtype", "float64"), "'float64' is not float16 or int8"),
        (("--ids", "name"), "'name' is not path or stem"),
        (("--ids", "stem"), "1 ids are those of two files, such as 'a'"),
    ],
)
def test_what_cannot_be_is_said_before_a_model_is_loaded(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    picture().save(tmp_path / "a.png")
    picture().save(tmp_path / "a.jpg")
    ran = bench_here("data", "images", tmp_path, "--to", tmp_path / "v.parquet", "--model", "nowhere", *options)
    assert said in ran.error


def test_no_picture_at_all_leaves_no_file(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_text("nothing")
    ran = bench_here("data", "images", folder, "--to", tmp_path / "v.parquet", "--model", model)
    assert ran.code == 2
    assert "no file is a picture: files that are no picture (1)" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_vectors_go_straight_into_a_log(tmp_path: Path, model: Path, kind: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(1, 5):
        picture(number).save(folder / f"p{number}.png")
    log = small_log()
    del log["images"]
    write_log(tmp_path / "log", log, "parquet")
    found = made(folder, tmp_path / "log" / "images.parquet", model, "--ids", "stem", "--dtype", kind)
    ingest(tmp_path / "log", tmp_path / "corpus")
    expected = found["p1"] / (127 if kind == "int8" else 1)
    np.testing.assert_allclose(Corpus(tmp_path / "corpus").image_vectors[0], expected, atol=1e-6)


def test_vectors_of_a_folder_are_those_that_qilin_names(tmp_path: Path, model: Path) -> None:
    for number, name in enumerate(image_ids()):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(file)
    made(tmp_path / "pictures", tmp_path / "vectors.parquet", model)
    source = write_qilin(tmp_path / "files", small_qilin())
    ran = bench_here(
        "data", "fetch", "qilin", "--from", source, "--to", tmp_path / "corpus", "--set",
        f"vectors={tmp_path / 'vectors.parquet'}",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert Corpus(tmp_path / "corpus").info.counts["images"] == len(image_ids()) // 2
