# The replication as one workflow: data -> trainings -> codes -> scores -> tables and figures.
# config.yaml says what is run; `snakemake --cores 8 all`, `snakemake figures`, `snakemake tables`.
from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


container: "docker://python:3.11"  # unused unless asked for; README says how the environment is made


include: "workflow/rules/common.smk"


wildcard_constraints:
    dataset="|".join(CONFIG["datasets"]),
    system="|".join(CONFIG["systems"]),
    variant="|".join(CONFIG["variants"]),
    seed=r"\d+",


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/pictures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/generator.smk"
include: "workflow/rules/verdict.smk"


onstart:
    wait_for_others()


localrules:
    all,
    tables,
    figures,
    generators,
    runs,


# A sweep in pieces: all that is published of some seeds' runs, as `--config preset=desk seeds=0-4 -- runs`.
rule runs:
    input:
        [
            artifact(run, name)
            for run in of_piece(SCORED_RUNS)
            for name in published.GATHERED
        ],
        [artifact(run, "leakage.csv") for run in of_piece(MEASURED)],
        [artifact(run, "traversal.npz") for run in of_piece(SHOWN)],
        of_runs(of_piece(GENERATORS + READ_GENERATORS), "generator_scores.csv")
        if EVIDENCE
        else [],


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.generators.input if CONFIG["presets"][PRESET]["evidence"] else [],
        rules.claims.output,
        rules.report.output,
