"""`python -m idgan_sc` is `idgan-sc`; within the workflow a copy of its server runs the command (`warm`)."""

import runpy
import sys

from idgan_sc.warm import ask

status = ask(sys.argv[1:])
if status is not None:
    raise SystemExit(status)
runpy.run_module("idgan_sc.cli", run_name="__main__")
