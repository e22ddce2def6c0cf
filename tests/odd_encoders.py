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
            *map(offer, ["Mute", "Exits", "Quits", "Interrupts", "Eats", "Nan", "Wide", "Narrow", "Whole", "Lists"]),
            offer("Forks", {"folder": ""}),
            offer("Floods", {"folder": ""}),
        ]
"""

MODELS = '''
    import os
    import subprocess
    import sys
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
        """Pretrains for ten minutes, unless there is a file called go: longer than any test waits."""
        def pretrain(self, context):
            Path(self.folder, "started").write_text(str(os.getpid()))
            for turn in range(6_000):
                if Path(self.folder, "go").exists():
                    return
                time.sleep(0.1)

    class MuteError(Exception):
        def __str__(self):
            raise SystemExit(3)

    class Mute(Odd):
        """Raises what cannot say what it is."""
        def pretrain(self, context):
            raise MuteError

    class Exits(Odd):
        """Ends the process, as a script does."""
        def pretrain(self, context):
            sys.exit(3)

    class Quits(Odd):
        """Ends the process at once."""
        def pretrain(self, context):
            os._exit(3)

    class Interrupts(Odd):
        """Does as if somebody had pressed Ctrl-C."""
        def pretrain(self, context):
            raise KeyboardInterrupt

    class Eats(Odd):
        """Takes memory until somebody ends it, 4 GB at most."""
        def pretrain(self, context):
            eaten = []
            for turn in range(80):
                eaten.append(b"x" * 50_000_000)
                time.sleep(0.05)

    class Nan(Odd):
        """Its vectors are no numbers."""
        def forward(self, batch):
            return super().forward(batch) * float("nan")

    class Wide(Odd):
        """Its vectors are wider than it says."""
        def forward(self, batch):
            return super().forward(batch).repeat(1, 2)

    class Narrow(Odd):
        """One vector for all sessions, which numpy and torch would broadcast."""
        output_dim = 3
        def forward(self, batch):
            return super().forward(batch)[:1]

    class Whole(Odd):
        """Whole numbers."""
        def forward(self, batch):
            return super().forward(batch).long()

    class Lists(Odd):
        """No tensor, and a warning that no file can hold."""
        def forward(self, batch):
            import warnings
            warnings.warn("half \\ud800 of a pair \\x1b[2J")
            return super().forward(batch).tolist()

    class Floods(Odd):
        """Prints 150 MB, by Python, below it and from a process of its own, and warns of 3,000 things."""
        def pretrain(self, context):
            import warnings
            Path(self.folder, "flooding").touch()
            line = "\x1b[2J" + "f" * 999_990
            for turn in range(50):
                print(line)
                os.write(2, line.encode())
            subprocess.run([sys.executable, "-c", "for turn in range(50): print('c' * 1_000_000)"], check=True)
            for turn in range(3_000):
                warnings.warn(f"{turn} " + "w" * 1_000)

    class Forks(Odd):
        """Starts a process that outlives the job."""
        def pretrain(self, context):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path(self.folder, "child").write_text(str(child.pid))
'''


def install_odd_encoders(folder: Path) -> Path:
    """Installs ``steady``, ``raises``, ``dies`` and ``sleeps`` into ``folder``."""
    return install(folder, "odd-encoders", {"odd_encoders_plugin": OFFER, "odd_models": MODELS})
