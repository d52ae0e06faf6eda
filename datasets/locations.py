"""Where the files of a data set are looked for, and where they are put."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.download import download
from benchmark.datasets.storage import exclusive, sha256_of


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
        self, folder: str, name: str, url: str | None = None, sha256: str | None = None
    ) -> Path:
        """The path of file ``name``, plain or gzipped, of the data set kept in ``folder``.

        It is looked for in ``root/folder``, ``root`` and ``cache/folder``, then fetched from
        ``url`` into ``cache/folder``. Raises FileNotFoundError when it cannot be had and
        ValueError when its checksum is not ``sha256``.
        """
        if self.root is not None and not self.root.is_dir():
            raise FileNotFoundError(
                f"datasets_root {self.root} is no folder: correct datasets_root or DATASETS_ROOT"
            )
        found = self.find(folder, name)
        if found is None:
            if url is None:
                home = self.root or self.cache
                raise FileNotFoundError(
                    f"{name} is in none of {', '.join(map(str, self._folders(folder)))}: put it at "
                    f"{home / folder / name} or set datasets_root to the folder that holds it"
                )
            if not self.may_download:
                raise NotDownloadedError(f"{name} is not there yet and would be fetched from {url}")
            target = self.cache / folder / url.rsplit("/", 1)[-1]
            with exclusive(target.with_name(target.name + ".lock")):
                found = self.find(folder, name)  # another process may have fetched it meanwhile
                if found is None:
                    download(url, target, sha256)
                    return target
        if sha256 is not None and (digest := sha256_of(found)) != sha256:
            raise ValueError(
                f"{found} has sha256 {digest} but {sha256} is expected: replace the file, or set "
                "dataset.sha256=null to take it as it is"
            )
        return found

    def find(self, folder: str, name: str) -> Path | None:
        """Like ``fetch``, but None where the file is in none of the folders."""
        candidates = (
            place / file for place in self._folders(folder) for file in (name, f"{name}.gz")
        )
        return next((path for path in candidates if path.is_file()), None)

    def _folders(self, folder: str) -> list[Path]:
        own = [] if self.root is None else [self.root / folder, self.root]
        return [*own, self.cache / folder]
