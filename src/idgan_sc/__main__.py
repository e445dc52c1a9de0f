"""`python -m idgan_sc` is `idgan-sc`."""

import runpy

runpy.run_module("idgan_sc.cli", run_name="__main__")
