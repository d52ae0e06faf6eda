import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from benchmark.datasets.storage import prepared_tensors, written_whole


def test_built_once(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "tensors.pt"
    first = prepared_tensors(path, lambda: {"x": torch.arange(5)})
    second = prepared_tensors(path, lambda: pytest.fail("built twice"))
    assert first["x"].tolist() == second["x"].tolist() == [0, 1, 2, 3, 4]


def test_an_error_while_building_leaves_no_file(tmp_path: Path) -> None:
    def build() -> dict[str, torch.Tensor]:
        raise ValueError("bad input")

    with pytest.raises(ValueError, match="bad input"):
        prepared_tensors(tmp_path / "tensors.pt", build)
    assert not list(tmp_path.glob("*.pt"))


def test_a_process_killed_while_writing_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "tensors.pt"
    killed = textwrap.dedent(f"""
        import os, pathlib, signal
        from benchmark.datasets.storage import written_whole
        with written_whole(pathlib.Path({str(path)!r})) as temporary:
            temporary.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", killed], check=False, env=environment)
    assert done.returncode < 0
    assert list(tmp_path.iterdir()), "the half-written file should be there under another name"
    assert not path.exists()
    assert prepared_tensors(path, lambda: {"x": torch.ones(2)})["x"].sum() == 2


def test_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "tensors.pt"
    path.write_bytes(b"not a tensor")
    with pytest.raises(ValueError, match=f"{path} is damaged: delete it"):
        prepared_tensors(path, dict)


def test_written_whole_replaces_or_keeps(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    with written_whole(path) as temporary:
        temporary.write_text("new")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "new"
