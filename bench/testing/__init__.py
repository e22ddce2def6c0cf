"""What authors of plugins test their components with. Needs pytest, which ``session-bench`` itself does not."""

from __future__ import annotations

import pytest

# so that a failed check shows the values
pytest.register_assert_rewrite("bench.testing.baselines", "bench.testing.encoders")
