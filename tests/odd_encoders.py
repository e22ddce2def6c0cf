"""A third party's encoders that misbehave: they raise, die, or take long."""

from __future__ import annotations

from pathlib import Path

from third_party import install

OFFER = """
    from bench import EncoderSpec, hookimpl

    @hookimpl
    def bench_encoders():
        def offer(name, options=None):
            return EncoderSpec(name.lower(), f"odd_models:{name}", "odd", "ourselves", options or {}, frozen=True)
        return [
            offer("Steady", {"seconds": 0.0}),
            offer("Raises"),
            offer("Dies", {"seconds": 0.0}),
            offer("Sleeps", {"folder": ""}),
        ]
"""

MODELS = '''
    import os
    import time
    from pathlib import Path
    import torch
    from bench.contracts import SessionEncoder

    class Odd(SessionEncoder):
        """One weight, and the number of steps."""
        output_dim = 1
        def __init__(self, dims, seconds=0.0, folder=""):
            super().__init__(dims)
            self.seconds, self.folder = seconds, folder
            self.weight = torch.nn.Parameter(torch.ones(1))
        def forward(self, batch):
            return self.weight * batch.num_steps.float().unsqueeze(1)

    class Steady(Odd):
        """Pretrains for some seconds."""
        def pretrain(self, context):
            time.sleep(self.seconds)

    class Raises(Odd):
        """Raises while it pretrains."""
        def pretrain(self, context):
            raise ArithmeticError("no luck")

    class Dies(Odd):
        """Is killed while it pretrains, as by a machine without memory."""
        def pretrain(self, context):
            time.sleep(self.seconds)
            os.kill(os.getpid(), 9)

    class Sleeps(Odd):
        """Pretrains for a minute, unless there is a file called go."""
        def pretrain(self, context):
            Path(self.folder, "started").write_text(str(os.getpid()))
            for turn in range(600):
                if Path(self.folder, "go").exists():
                    return
                time.sleep(0.1)
'''


def install_odd_encoders(folder: Path) -> Path:
    """Installs ``steady``, ``raises``, ``dies`` and ``sleeps`` into ``folder``."""
    return install(folder, "odd-encoders", {"odd_encoders_plugin": OFFER, "odd_models": MODELS})
