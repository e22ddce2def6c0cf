"""The notebook runs from top to bottom, shows what it says it shows, and is committed without outputs."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FILE = Path(__file__).parents[2] / "docs" / "first-look.ipynb"


def test_it_is_committed_without_outputs() -> None:
    notebook = nbformat.read(FILE, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None, "outputs go stale, and differ from machine to machine"


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path: Path) -> None:
    notebook = nbformat.read(FILE, as_version=4)
    manager = AsyncKernelManager()
    manager.kernel_spec.argv[0] = sys.executable  # this environment, whatever kernels the machine has
    client = NotebookClient(notebook, km=manager, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises where a cell does
    html = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    assert "simulated" in html[0]
    assert "best-prefix" in html[0], "the table has its ceilings"
    assert "too few seeds to say" in html[1]
    assert "nDCG@5" in html[2]
    assert "product-turns" in html[2]
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert last.outputs[0].data["text/plain"].startswith("torch.Size([")
