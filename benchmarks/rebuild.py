"""CPU seconds of rebuilding every table and figure from what is published, in a fresh clone, and how many are imports.

    python benchmarks/rebuild.py [--preset desk] [REPOSITORY]   # a git repository, `.` by default

Every Python process of the rebuild notes its CPU time as it ends, and the part that passed inside imports.
"""

import argparse
import os
import subprocess
import sys
import tempfile
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

def note():
    used = os.times()
    what = " ".join(sys.argv[1:3]) if "idgan_sc" in sys.argv[0] else "snakemake"
    row = f"{what},{used.user + used.system},{bootstrap._find_and_load.spent[0]}"
    with open(os.path.join(os.environ["REBUILD_NOTES"], str(os.getpid())), "w") as file:
        file.write(row)

atexit.register(note)
"""


def rebuild(repository: Path, preset: str) -> pd.DataFrame:
    """A row a process: what it did, its CPU seconds and those of its imports."""
    with tempfile.TemporaryDirectory(prefix="rebuild-") as name:
        clone, notes, hook = (Path(name) / part for part in ("clone", "notes", "hook"))
        notes.mkdir()
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(NOTE, encoding="utf-8")
        subprocess.run(["git", "clone", "--quiet", repository.absolute(), clone], check=True)
        paths = {"PYTHONPATH": f"{hook}:{clone / 'src'}", "REBUILD_NOTES": str(notes)}
        command = [sys.executable, "-m", "snakemake", "--quiet", "--config", f"preset={preset}", "--"]
        subprocess.run([*command, "figures", "tables"], cwd=clone, env=os.environ | paths, check=True)
        rows = [path.read_text(encoding="utf-8").split(",") for path in sorted(notes.iterdir())]
    return pd.DataFrame(rows, columns=["what", "seconds", "imports"]).astype({"seconds": float, "imports": float})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("repository", nargs="?", default=".", type=Path)
    arguments = parser.parse_args()
    found = rebuild(arguments.repository, arguments.preset)
    print(
        found.assign(beyond=found["seconds"] - found["imports"]).sort_values("beyond").round(1).to_string(index=False)
    )
    total, imports = found["seconds"].sum(), found["imports"].sum()
    print(
        f"{len(found)} processes: {total:.0f} CPU seconds, {imports:.0f} of them imports, {total - imports:.0f} beyond"
    )


if __name__ == "__main__":
    main()
