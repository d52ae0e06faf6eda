import io
from zipfile import ZipFile

import pytest

from benchmark.datasets.archive import fetch_member
from benchmark.datasets.locations import Locations
from tests.datasets.file_server import serving


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


NESTED = {"set/set/a.csv": "events", "set/b.npy": "rows", "__MACOSX/set/._a.csv": "shadow"}


def test_unpacked_once_without_its_folders(locations: Locations) -> None:
    with serving(zipped(NESTED)) as server:
        paths = [fetch_member(locations, "set", name, server.url) for name in ("a.csv", "b.npy")]
        again = fetch_member(locations, "set", "a.csv", server.url)
    assert [path.read_text() for path in paths] == ["events", "rows"]
    assert again == paths[0] == locations.cache / "set" / "a.csv"
    assert len(server.ranges) == 1
    assert not list(locations.cache.rglob("._*"))


def test_loose_file_needs_no_archive(locations: Locations) -> None:
    assert locations.root is not None
    loose = locations.root / "a.csv"
    loose.write_text("events")
    assert fetch_member(locations, "set", "a.csv", "http://127.0.0.1:9/unused.zip") == loose
    with pytest.raises(FileNotFoundError, match=r"put it at .*/set/b.npy"):
        fetch_member(locations, "set", "b.npy", None)


def test_archive_in_the_users_folder(locations: Locations) -> None:
    assert locations.root is not None
    (locations.root / "set.zip").write_bytes(zipped(NESTED))
    path = fetch_member(locations, "set", "a.csv", "http://127.0.0.1:9/set.zip")
    assert path == locations.cache / "set" / "a.csv"
    with pytest.raises(ValueError, match=r"set.zip has sha256 .* but 00 is expected"):
        fetch_member(locations, "set", "c.csv", "http://127.0.0.1:9/set.zip", sha256="00")


def test_archive_that_does_not_hold_it_or_is_cut_off(locations: Locations) -> None:
    assert locations.root is not None
    archive = locations.root / "set.zip"
    archive.write_bytes(zipped(NESTED))
    with pytest.raises(ValueError, match=f"{archive} holds no file c.csv: get the archive"):
        fetch_member(locations, "set", "c.csv", "http://127.0.0.1:9/set.zip")
    archive.write_bytes(zipped(NESTED)[:-30])
    with pytest.raises(ValueError, match=f"{archive} is not a whole zip archive"):
        fetch_member(locations, "other", "c.csv", "http://127.0.0.1:9/set.zip")
