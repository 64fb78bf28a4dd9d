"""A world of the score's benchmark: generated, served by a sandbox, and judged by a whole night through the CRM's API."""

import csv
import hashlib
import random
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sandbox.world
import scoring
from assay import nightly, wiring
from assay.commands import demo
from assay.night.options import RunOptions
from assay.night.progress import Quiet
from db import lease
from db.engine import open_database
from db.store import Store
from sandbox import process
from sandbox.world import PROFILES, generate, names, plan
from sandbox.world.dossier import dossier
from sandbox.world.timeline import length

#: reps' books of the recorded worlds
ACCOUNTS_A_REP = 40
#: where the firm's size is what is peculiar about it
SIZES = {"tiny": 40}


@dataclass(frozen=True, slots=True)
class World:
    profile: str
    seed: int
    accounts: int

    @property
    def reps(self) -> int | None:
        return None if self.profile in SIZES else max(2, round(self.accounts / ACCOUNTS_A_REP))


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted in an account."""

    kind: str
    state: str
    potential: float
    rep: int
    logged: float = 0.0  #: selling minutes of the window that somebody logged


def code_hash(package: str) -> str:
    """Names the code that made the worlds, or judged them; a figure holds for this code only."""
    folder = Path({"worlds": sandbox.world.__file__, "score": scoring.__file__}[package]).parent
    content = b"".join(
        path.relative_to(folder).as_posix().encode() + path.read_bytes() for path in sorted(folder.rglob("*.py"))
    )
    return hashlib.sha256(content).hexdigest()[:12]


@contextmanager
def world_folder(world: World, replay: int, keep: Path | None) -> Iterator[Path]:
    """Where a world is judged: a temporary folder, or one in `keep` that later runs of the same code find again."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="assay-world-") as folder:
            yield Path(folder)
        return
    name = f"{world.profile}-{world.seed}-{world.accounts}-{replay}-{code_hash('worlds')}-{code_hash('score')}"
    (keep / name).mkdir(parents=True, exist_ok=True)
    yield keep / name


def judge(world: World, folder: Path, replay: int) -> tuple[Store, dict[str, Truth]]:
    """Make the world in `folder`, pull it over HTTP into a database, judge its last night and `replay` nights before.

    A folder in which that was done already is used as it is.
    """
    finished = folder / "judged"
    if finished.exists():
        return Store(open_database(f"sqlite:///{folder}/assay.db")), truth(world, folder)
    generate(folder / "org", seed=world.seed, accounts=world.accounts, reps=world.reps, profile=world.profile)
    with process.running(folder / "org") as crms:
        settings = demo.configure(folder, {"salesforce": crms["salesforce"]})
        store = wiring.open_store(settings)
        orders = RunOptions(settings.scoring.rules(), replay_nights=replay)
        (crm,) = wiring.open_crms(settings)
        with closing(crm), lease.held(store.engine, lease.NIGHT) as nightly_lease:
            (outcome,) = nightly.run([crm], store, nightly_lease, orders, Quiet())
    if outcome.outcome != "done":
        raise RuntimeError(f"{world}: {outcome.outcome}: {outcome.message}")
    finished.touch()
    return store, truth(world, folder)


def truth(world: World, folder: Path) -> dict[str, Truth]:
    minutes = logged_minutes(world)
    with (folder / "org" / "truth.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {
        r["account_id"]: Truth(r["kind"], r["state"], float(r["potential"]), int(r["rep"]), logged)
        for r, logged in zip(rows, minutes, strict=True)
    }


def logged_minutes(world: World, window: int = 180) -> list[float]:
    """Minutes of all our people that were entered, account by account: the same draws as `generate`, never written."""
    shape = PROFILES[world.profile]
    rng = random.Random(f"{world.seed}/{world.accounts}/{world.reps}/{world.profile}")
    team = plan.reps(rng, world.reps or max(2, round(world.accounts / shape.reps_per_accounts)), shape)
    firm = plan.books(rng, team, world.accounts, shape)
    for _ in team:
        names.person(rng)
    numbers = [rep.number for rep in team]
    minutes = []
    for account in firm:
        entries = [e for e in dossier(rng, account, numbers, shape).entries if e.touch.ago <= window]
        meetings = [length(e.touch) * (1 + (e.colleague is not None)) for e in entries if e.touch.kind == "meeting"]
        minutes.append(sum(meetings) + sum(e.touch.minutes for e in entries if e.touch.kind != "meeting"))
    return minutes
