"""A third party's encoder that warns, prints, and may take long: from Python, from C, and from a child process."""

from __future__ import annotations

from pathlib import Path

from third_party import install

OFFER = """
    from bench import EncoderSpec, hookimpl

    @hookimpl
    def bench_encoders():
        options = {"lines": 1, "seconds": 0.0, "folder": ""}
        return [EncoderSpec("noisy", "noisy_models:Noisy", "noisy", "ourselves", options, frozen=True)]
"""

MODELS = '''
    import os
    import subprocess
    import sys
    import time
    import warnings
    from pathlib import Path

    import numpy as np
    import torch
    from bench.contracts import SessionEncoder

    print("imported, says noisy_models")

    class Noisy(SessionEncoder):
        """Says much while it pretrains."""
        output_dim = 1
        def __init__(self, dims, lines=1, seconds=0.0, folder=""):
            super().__init__(dims)
            self.lines, self.seconds, self.folder = lines, seconds, folder
            self.weight = torch.nn.Parameter(torch.ones(1))
        def forward(self, batch):
            return self.weight * batch.num_steps.float().unsqueeze(1)
        def pretrain(self, context):
            for _ in range(3):
                warnings.warn("the weights\\nare one")
            np.log(np.zeros(1))
            warnings.warn("old", DeprecationWarning)
            print("printed")
            print("to standard error", file=sys.stderr)
            os.write(1, b"from below Python\\n")
            subprocess.run(["echo", "from a child"], check=True)
            for number in range(self.lines - 1):
                print("x" * 999)
            if self.folder:
                with Path(self.folder, "began").open("a") as file:
                    file.write(f"{os.getpid()}\\n")
            time.sleep(self.seconds)
'''


def install_noisy_encoder(folder: Path) -> Path:
    """Installs the encoder ``noisy`` into ``folder``."""
    return install(folder, "noisy-encoders", {"noisy_encoders_plugin": OFFER, "noisy_models": MODELS})
