"""Keyed hashes of texts that are compared and not kept; pure."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

CACHED = 200_000

Text = Sequence[str]


class Keyed:
    """Keyed 63-bit hashes of normalised texts; the text is not kept beyond a bounded cache (docs/adr/0006)."""

    def __init__(self, key: bytes, normal: Callable[[str], str] | None = None) -> None:
        self.key, self.normal = key, normal or normalised
        self._known: dict[str, int | None] = {"": None}

    def column(self, texts: Text) -> list[int | None]:
        hashes = self._known
        if len(hashes) > CACHED:
            hashes.clear()
            hashes[""] = None
        for text in set(texts) - hashes.keys():
            hashes[text] = self._hash(text)
        return [hashes[t] for t in texts]

    def _hash(self, text: str) -> int | None:
        plain = self.normal(text)
        if not plain:
            return None
        return int.from_bytes(blake2b(plain.encode(), key=self.key, digest_size=8).digest()) >> 1


def normalised(subject: str) -> str:
    """Without case, spare spaces and any Re: or Fwd: in front."""
    plain = " ".join(subject.lower().split())
    while plain.startswith(("re:", "fw:", "fwd:", "aw:", "wg:")):
        plain = plain.partition(":")[2].strip()
    return plain


def address(text: str) -> str:
    """Return an e-mail address as all systems would spell it."""
    return text.strip().lower()
