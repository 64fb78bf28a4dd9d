"""A world of the score's benchmark: generated, served by a sandbox, and judged by a whole night through the CRM's API."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import sandbox.world
from assay import nightly, wiring
from assay.demo import CHOICES
from assay.demo import _settings as settings_of
from assay.progress import Quiet
from db import lease
from db.store import Store
from sandbox import process
from sandbox.world import generate

#: reps' books of the recorded worlds
ACCOUNTS_A_REP = 40


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted in an account."""

    kind: str
    state: str
    potential: float
    minutes: float
    rep: int


@dataclass(frozen=True, slots=True)
class World:
    profile: str
    seed: int
    accounts: int = 1600

    @property
    def reps(self) -> int | None:
        """None: the profile's own number, where what is peculiar about it is its size."""
        return None if self.profile == "tiny" else max(2, round(self.accounts / ACCOUNTS_A_REP))


def generator_hash() -> str:
    """What the worlds are made by; a figure holds for this generator only (rulings 22)."""
    folder = Path(sandbox.world.__file__).parent
    whole = b"".join(path.name.encode() + path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(whole).hexdigest()[:12]


def judge(world: World, folder: Path, replay: int) -> tuple[Store, dict[str, Truth]]:
    """Make the world in `folder`, pull it over HTTP into a database and judge its last night and `replay` nights before."""
    generate(folder / "org", seed=world.seed, accounts=world.accounts, reps=world.reps, profile=world.profile)
    with process.running(folder / "org") as ready:
        settings = settings_of(folder, {name: ready[name] for name in CHOICES["salesforce"]})
        store = wiring.open_store(settings)
        orders = nightly.Orders(settings.scoring.rules(), replay_nights=replay)
        with lease.held(store.engine, nightly.LEASE) as held:
            (outcome,) = nightly.run(wiring.open_crms(settings), store, held, orders, Quiet())
    if outcome.outcome != "done":
        raise RuntimeError(f"{world}: {outcome.outcome}: {outcome.message}")
    return store, truth(folder)


def truth(folder: Path) -> dict[str, Truth]:
    with (folder / "org" / "truth.csv").open() as file:
        return {
            r["account_id"]: Truth(r["kind"], r["state"], float(r["potential"]), float(r["minutes_180d"]), int(r["rep"]))
            for r in csv.DictReader(file)
        }
