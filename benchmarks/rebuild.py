"""CPU seconds of what Snakemake makes in a fresh clone, command by command, and how many are imports.

    python benchmarks/rebuild.py                      # every table and figure of desk, from what is published
    python benchmarks/rebuild.py --preset quick all   # what `make` makes after the installation

Every Python process notes its CPU time as it ends, and the part that passed inside imports.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

NOTE = """
import _frozen_importlib as bootstrap, atexit, os, sys, threading, time

def measured(find_and_load):
    inside, spent = threading.local(), [0.0]
    def wrapped(name, import_):
        if getattr(inside, "deep", False):
            return find_and_load(name, import_)
        inside.deep, began = True, time.thread_time()
        try:
            return find_and_load(name, import_)
        finally:
            inside.deep = False
            spent[0] += time.thread_time() - began
    wrapped.spent = spent
    return wrapped

bootstrap._find_and_load = measured(bootstrap._find_and_load)
spent = bootstrap._find_and_load.spent
os.register_at_fork(after_in_child=lambda: spent.__setitem__(0, 0.0))

def note():
    used = os.times()
    own = "server" if sys.argv[0].endswith("warm.py") else sys.argv[1]
    row = f"{'snakemake' if 'snakemake' in sys.argv[0] else own},{used.user + used.system},{spent[0]}"
    with open(os.path.join(os.environ["REBUILD_NOTES"], str(os.getpid())), "w") as file:
        file.write(row)

atexit.register(note)
"""


def rebuild(repository: Path, preset: str, cores: str, targets: list[str]) -> tuple[pd.DataFrame, float]:
    """A row a process: what it did, its CPU seconds and those of its imports; and the wall time in seconds."""
    with tempfile.TemporaryDirectory(prefix="rebuild-") as name:
        clone, notes, hook = (Path(name) / part for part in ("clone", "notes", "hook"))
        notes.mkdir()
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(NOTE, encoding="utf-8")
        subprocess.run(["git", "clone", "--quiet", repository.absolute(), clone], check=True)
        paths = {"PYTHONPATH": f"{hook}:{clone / 'src'}", "REBUILD_NOTES": str(notes)}
        command = [sys.executable, "-m", "snakemake", "--quiet", "--cores", cores, "--config", f"preset={preset}", "--"]
        began = time.monotonic()
        subprocess.run([*command, *targets], cwd=clone, env=os.environ | paths, check=True)
        wall = time.monotonic() - began
        rows = [path.read_text(encoding="utf-8").split(",") for path in sorted(notes.iterdir())]
    found = pd.DataFrame(rows, columns=["what", "seconds", "imports"])
    return found.astype({"seconds": float, "imports": float}), wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("--cores", default="all")
    parser.add_argument("--repository", default=".", type=Path, help="a git repository, whose last commit is measured")
    parser.add_argument("targets", nargs="*", default=["figures", "tables"])
    arguments = parser.parse_args()
    found, wall = rebuild(arguments.repository, arguments.preset, arguments.cores, arguments.targets)
    found["beyond"] = found["seconds"] - found["imports"]
    kinds = found.groupby("what").agg({"what": "size", "seconds": "sum", "imports": "sum", "beyond": "sum"})
    print(kinds.rename(columns={"what": "processes"}).sort_values("beyond").round(1).to_string())
    total, imports = found["seconds"].sum(), found["imports"].sum()
    print(f"{total:.0f} CPU seconds, {imports:.0f} of them imports, {total - imports:.0f} beyond; {wall:.0f} s elapsed")


if __name__ == "__main__":
    main()
