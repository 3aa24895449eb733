"""`python -m bench.run`: every scenario in one run, as a table, JSON and a chart."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import report, scenarios
from bench.parts import bench
from bench.peers import peers
from bench.postgres import beside_sqlite, old_snapshot, two_nodes


def main() -> None:
    known = {
        **scenarios.ALL,
        "postgres": beside_sqlite,
        "twonodes": two_nodes,
        "snapshot": old_snapshot,
        "peers": peers,
    }
    options = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small counts; says little about speed")
    options.add_argument("--only", default=",".join(known), help=f"some of: {','.join(known)}")
    options.add_argument("--out", type=Path, default=Path("bench/results"))
    given = options.parse_args()
    names = given.only.split(",")
    if unknown := set(names) - set(known):
        options.error(f"no scenario {min(unknown)!r}")
    sizes = scenarios.QUICK if given.quick else scenarios.FULL
    lines: list[scenarios.Line] = []
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as made:
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            lines += known[name](made, sizes)
    report.table(lines)
    report.write(lines, given.out, "quick" if given.quick else "full")


if __name__ == "__main__":
    main()
