"""Writes distributions of plugins, as a third party would install them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent

ENCODER = '''
    """An encoder of ten lines, and what offers it."""
    import torch
    from bench import EncoderSpec, hookimpl

    @hookimpl
    def bench_encoders():
        return [EncoderSpec("counts", "MODULE_model:Counts", "number of steps", "ourselves", {"scale": 1.0})]
'''

MODEL = '''
    import torch
    from bench.contracts import SessionEncoder

    class Counts(SessionEncoder):
        """How many steps a session has."""
        def __init__(self, dims, scale=1.0):
            super().__init__(dims)
            self.output_dim, self.scale = 1, scale
        def forward(self, batch):
            return self.scale * batch.num_steps.float().unsqueeze(1)
'''


def install(folder: Path, distribution: str, modules: dict[str, str], plugin: str | None = None) -> Path:
    """Writes the modules of a distribution into ``folder``; the first one, or ``plugin``, is its entry point."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(dedent(source))
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bench]\ntheirs = {plugin or next(iter(modules))}\n")
    return folder


def install_encoder(folder: Path, distribution: str = "their-encoders", module: str = "their_encoders") -> Path:
    """A working plugin with the encoder ``counts``."""
    sources = {module: ENCODER.replace("MODULE", module), f"{module}_model": MODEL}
    return install(folder, distribution, sources)


def offered(folder: Path) -> list[EntryPoint]:
    """Entry points of all distributions in ``folder``."""
    return [point for found in distributions(path=[str(folder)]) for point in found.entry_points]
