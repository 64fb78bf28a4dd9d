"""`assay schema export`: our fields as files that the vendors' own tools take."""

from pathlib import Path

from assay.settings import ConfigError
from connectors.vendors import VENDORS


def files() -> dict[str, str]:
    """Path -> text, of all vendors."""
    return {path: text for vendor in VENDORS.values() for path, text in vendor.export().items()}


def write(folder: Path) -> list[Path]:
    """Write all files; raises `ConfigError` for a folder that holds something else. The paths."""
    texts = files()
    if folder.exists() and not _is_ours(folder, next(iter(texts), "")):
        raise ConfigError([f"{folder} exists and is not an exported project. Fix: choose a new or empty folder"])
    written = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _is_ours(folder: Path, first: str) -> bool:
    """Whether a folder is empty, or holds the first file of an earlier export."""
    return folder.is_dir() and (not any(folder.iterdir()) or (folder / first).is_file())
