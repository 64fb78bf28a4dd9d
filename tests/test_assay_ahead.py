"""Reading ahead changes when pages are fetched, never which."""

from collections.abc import Iterator

import pytest

from assay.night.pull import ahead


def test_pages_come_in_order_and_complete() -> None:
    assert list(range(100)) == list(ahead(iter(range(100))))


def test_an_error_of_the_source_is_raised_here_after_the_pages_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    seen = []
    with pytest.raises(ValueError, match="torn"):
        for page in ahead(source()):
            seen.append(page)
    assert seen == [1]


def test_the_reader_is_at_most_a_page_ahead_and_ends_with_its_user() -> None:
    """Memory stays bounded, and a run that stops leaves no thread that goes on pulling."""
    fetched = []

    def source() -> Iterator[int]:
        for page in range(1000):
            fetched.append(page)
            yield page

    pages = ahead(source())
    next(pages)
    pages.close()
    assert len(fetched) <= 4
