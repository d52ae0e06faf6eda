import errno
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.storage import formats, prepared
from benchmark.storage.prepared import Piece, prepared_pieces, prepared_tensors


def three_rows() -> Iterator[Piece]:
    yield {"id": np.array([7, 8]), "row": np.array([[1, 2], [3, 4]], np.float32)}
    yield {"id": np.array([9]), "row": np.array([[5, 6]], np.float32)}
    yield {"count": np.array([3])}


def test_pieces_stand_end_to_end(tmp_path: Path) -> None:
    columns = prepared_pieces(tmp_path / "stream", three_rows)
    assert columns["id"].dtype == torch.int64
    assert columns["id"].tolist() == [7, 8, 9]
    assert columns["row"].dtype == torch.float32
    assert columns["row"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert columns["count"].tolist() == [3]


def test_tensors_of_any_shape_come_back_as_they_were(tmp_path: Path) -> None:
    tensors = {
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "none": torch.zeros(0, 4),
        "narrow": torch.zeros(4, 0),
        "flags": torch.tensor([True, False]),
        "transposed": torch.arange(6).reshape(2, 3).T,
    }
    for _ in ("made", "kept"):
        found = prepared_tensors(tmp_path / "tensors", lambda: tensors)
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert found[name].dtype == tensor.dtype
            assert torch.equal(found[name], tensor)


def test_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared_pieces(tmp_path / "stream", three_rows)
    again = prepared_pieces(tmp_path / "stream", lambda: pytest.fail("made twice"))
    assert again["id"].tolist() == [7, 8, 9]
    assert capsys.readouterr().err == ""


def test_writing_to_a_column_changes_no_file(tmp_path: Path) -> None:
    prepared_pieces(tmp_path / "stream", three_rows)["id"].zero_()
    assert prepared_pieces(tmp_path / "stream", three_rows)["id"].tolist() == [7, 8, 9]


def test_an_error_while_making_them_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Piece]:
        yield next(three_rows())
        raise ValueError("bad input")

    with pytest.raises(ValueError, match="bad input"):
        prepared_pieces(tmp_path / "stream", broken)
    assert [path.name for path in tmp_path.iterdir()] == ["stream.lock"]
    assert prepared_pieces(tmp_path / "stream", three_rows)["id"].tolist() == [7, 8, 9]


def test_a_process_killed_while_making_them_leaves_nothing_to_load(tmp_path: Path) -> None:
    killed = textwrap.dedent(f"""
        import os, pathlib, signal
        import numpy as np
        from benchmark.storage.prepared import prepared_pieces

        def pieces():
            yield {{"id": np.arange(2)}}
            os.kill(os.getpid(), signal.SIGKILL)

        prepared_pieces(pathlib.Path({str(tmp_path)!r}) / "stream", pieces)
    """)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", killed], check=False, env=environment)
    assert done.returncode < 0
    assert list(tmp_path.glob(".stream.*.tmp"))
    assert prepared_pieces(tmp_path / "stream", three_rows)["id"].tolist() == [7, 8, 9]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stream", "stream.lock"]


def rewrite_shorter(folder: Path) -> None:
    np.save(folder / "id.npy", np.load(folder / "id.npy")[:-1])


def cut(folder: Path) -> None:
    content = (folder / "row.npy").read_bytes()
    (folder / "row.npy").write_bytes(content[:-4])


def flip_a_bit_and_keep_the_times(folder: Path) -> None:
    path = folder / "row.npy"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("<html>")


def rename_another(folder: Path) -> None:
    other = folder.with_name("other")
    prepared_pieces(other, lambda: [{"id": np.array([0])}])
    shutil.rmtree(folder)
    other.rename(folder)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a column is shorter": rewrite_shorter,
    "a file is cut": cut,
    "a bit is flipped": flip_a_bit_and_keep_the_times,
    "an empty file": lambda folder: (folder / "id.npy").write_bytes(b""),
    "a column is missing": lambda folder: (folder / "id.npy").unlink(),
    "a column too many": lambda folder: shutil.copy(folder / "id.npy", folder / "t.npy"),
    "a folder for a column": lambda folder: (
        (folder / "id.npy").unlink(),
        (folder / "id.npy").mkdir(),
    ),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "an empty manifest": lambda folder: (folder / "manifest.json").write_bytes(b""),
    "a foreign manifest": lambda folder: (folder / "manifest.json").write_text("[1]"),
    "no text in the manifest": lambda folder: (folder / "manifest.json").write_bytes(b"\xff\x00"),
    "an empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "a file in its place": replace_by_a_file,
    "another's folder": rename_another,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stream"
    prepared_pieces(folder, three_rows)
    DAMAGES[damage](folder)
    columns = prepared_pieces(folder, three_rows)
    assert columns["id"].tolist() == [7, 8, 9]
    assert columns["row"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert capsys.readouterr().err == f"{folder} is damaged: it is made again\n"
    prepared_pieces(folder, lambda: pytest.fail("made a third time"))


def test_a_large_file_is_read_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stream"
    prepared_pieces(folder, three_rows)
    monkeypatch.setattr(prepared, "ALWAYS_VERIFIED_BYTES", 0)
    now = folder.stat().st_ctime_ns + 2_000_000_000
    monkeypatch.setattr(formats.time, "time_ns", lambda: now)
    prepared_pieces(folder, three_rows)
    with monkeypatch.context() as patched:
        patched.setattr(formats, "open_unpacked", lambda _: pytest.fail("read again"))
        prepared_pieces(folder, three_rows)
    flip_a_bit_and_keep_the_times(folder)
    assert prepared_pieces(folder, three_rows)["row"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_cache_that_cannot_be_written_is_used_as_far_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared_pieces(tmp_path / "stream", three_rows)

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert prepared_pieces(tmp_path / "stream", three_rows)["id"].tolist() == [7, 8, 9]
    message = rf"^{tmp_path} cannot be written to \(Permission denied\): set cache_dir to a folder"
    with pytest.raises(ValueError, match=message):
        prepared_pieces(tmp_path / "other", three_rows)
