"""Where the files of a data set are looked for, and where they are put."""

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.storage.download import download
from benchmark.storage.files import content_checksum, exclusive, sha256_of
from benchmark.storage.formats import Kind, kind_by_name, problem_of
from benchmark.storage.leftovers import discard


class NotDownloadedError(FileNotFoundError):
    """A file that could be fetched, and must not be now."""


@dataclass(frozen=True)
class Locations:
    """The user's own folder of data, which is only read, and a cache, which may be deleted.

    Without ``may_download`` what would be fetched raises ``NotDownloadedError``.
    """

    root: Path | None
    cache: Path
    may_download: bool = True

    def __post_init__(self) -> None:
        if self.root is not None and self.cache.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(
                f"cache_dir {self.cache} lies inside datasets_root {self.root}, which is never "
                "written to: choose a cache_dir outside it"
            )

    def fetch(
        self,
        folder: str,
        name: str,
        url: str | None = None,
        sha256: str | None = None,
        kind: Kind | None = None,
    ) -> Path:
        """The path of file ``name``, plain or gzipped, of the data set kept in ``folder``.

        It is looked for in ``root/folder``, ``root`` and ``cache/folder``, then fetched from
        ``url`` into ``cache/folder``. A file in the cache that cannot be of ``kind`` (None: that
        of its name) is discarded. Raises FileNotFoundError when it cannot be had and ValueError
        when its checksum is not ``sha256``.
        """
        if self.root is not None and not self.root.is_dir():
            raise FileNotFoundError(
                f"datasets_root {self.root} is no folder: correct datasets_root or DATASETS_ROOT"
            )
        found = self.find(folder, name, kind)
        if found is None:
            if url is None:
                home = self.root or self.cache
                raise FileNotFoundError(
                    f"{name} is in none of {', '.join(map(str, self._folders(folder)))}: put it at "
                    f"{home / folder / name} or set datasets_root to the folder that holds it"
                )
            if not self.may_download:
                raise NotDownloadedError(f"{name} is not there yet and would be fetched from {url}")
            zipped = urlsplit(url).path.endswith(".gz") and not name.endswith(".gz")
            target = self.cache / folder / (f"{name}.gz" if zipped else name)
            with exclusive(target):
                found = self.find(folder, name, kind)  # another process may have fetched it
                if found is None:
                    download(url, target, sha256, kind)
                    return target
        if sha256 is not None and (digest := sha256_of(found)) != sha256:
            remedy = f"delete {found}" if self.owns(found) else "replace the file"
            raise ValueError(
                f"{found} has sha256 {digest} but {sha256} is expected: {remedy}, or set "
                "dataset.sha256=null to take it as it is"
            )
        return found

    def find(self, folder: str, name: str, kind: Kind | None = None) -> Path | None:
        """Like ``fetch``, but None where the file is in none of the folders."""
        for place in self._folders(folder):
            for path in (place / name, place / f"{name}.gz"):
                if path.is_file() and not self._discarded(path, kind):
                    return path
        return None

    def owns(self, path: Path) -> bool:
        """Whether a file lies in the cache, where it can be had again."""
        return path.is_relative_to(self.cache)

    def _discarded(self, path: Path, kind: Kind | None) -> bool:
        """Remove a wrong file, such as a web page, that an earlier run left in the cache."""
        if not self.owns(path):
            return False
        problem = problem_of(path, kind or kind_by_name(path))
        if problem is None:
            try:
                content_checksum(path, self.cache)  # reads to the end, once
                return False
            except ValueError:
                problem = "is not whole"
        print(f"{path} {problem}: it is discarded", file=sys.stderr, flush=True)
        discard(path)
        return True

    def _folders(self, folder: str) -> list[Path]:
        own = [] if self.root is None else [self.root / folder, self.root]
        return [*own, self.cache / folder]
