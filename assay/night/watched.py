"""A run that has lost its lease ends at its next step, and not only where it would write."""

from typing import TYPE_CHECKING

from db.lease import Lease

if TYPE_CHECKING:
    from assay.nightly import Tell


class Watched:
    """Passes on to another Tell, and raises `LeaseLost` there once the heartbeat has lost the lease."""

    def __init__(self, tell: "Tell", lease: Lease) -> None:
        self.tell, self.lease = tell, lease

    def step(self, name: str) -> None:
        self.lease.check()
        self.tell.step(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        self.lease.check()
        self.tell.rows(stream, rows, calls)
