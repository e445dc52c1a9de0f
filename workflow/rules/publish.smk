# What git keeps of finished runs, their model cards, and finished runs once more against their recorded hashes.
from idgan_sc.records.published import CARD, WEIGHTS


rule card:
    input:
        scores=f"{RUN}/scores.csv",
        of_generator=lambda wildcards: (
            f"{RUN}/generator_scores.csv"
            if run_of(wildcards) in BY_MATCHING + BY_READER + RELATED_GANS
            else []
        ),
        data=DATASET_OF,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/{CARD}",
        f"{RUN}/{WEIGHTS}",
    log:
        f"{LOGS}/card/{OF_RUN}.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        source=source_hash("card"),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} card {{params.options}} > {{log}} 2>&1"


# The only target that writes outside of the preset's results: it publishes what is finished, and trains nothing. It has
# no output, so that it runs whenever it is asked for. A preset that is no evidence publishes nothing: desk stands for it.
rule publish:
    input:
        # cards and weights of the runs finished here whose weights are published: nothing is trained for them
        [
            f"{ROOT}/{run.path}/{name}"
            for run in configuration.runs_with_weights(CONFIG, PRESET)
            if RESULTS.evidence
            and RESULTS.finished_here(run)
            and (RESULTS.images(run.dataset) / "dataset.json").exists()
            for name in (CARD, WEIGHTS)
        ],
    log:
        f"{LOGS}/publish.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        preset=PRESET if RESULTS.evidence else "desk",
    shell:
        f"{IDGAN_SC} publish --preset {{params.preset}} 2>&1 | tee {{log}}"


# `snakemake verify`, `--config sample=3` or `sample=all`.
rule verify:
    log:
        f"{LOGS}/verify.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        sample=("--all" if OPTIONS.sample == "all" else f"--sample {OPTIONS.sample}"),
    shell:
        f"{IDGAN_SC} verify {PLACE} {{params.sample}} 2>&1 | tee {{log}}"
