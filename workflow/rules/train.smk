# One training a job. The checkpoint it resumes from lies undeclared in the run's folder, since Snakemake deletes the
# declared outputs of a job that was killed.
TRAIN, TRAIN_STAGE_A = asked_for(stage_a=False), asked_for(stage_a=True)


rule train:
    input:
        data=dataset_of,
        before=predecessor_files,
    output:
        weights=f"{RUN}/weights.safetensors",
        curve=f"{RUN}/curve.npz",
        table=f"{RUN}/log.csv",
        record=f"{RUN}/record.json",
    log:
        f"{LOGS}/train/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    wildcard_constraints:
        system="|".join(name for name in CONFIG["systems"] if name not in STARTS),
    threads: CONFIG["compute"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: attempt * TRAIN["mem_mb"],
        runtime=TRAIN["runtime"],
        gpu=GPUS,
    params:
        fingerprint=lambda wildcards: published.training_params(
            CONFIG, run_of(wildcards), Path(ROOT)
        ),
        options=run_options,
    shell:
        f"{IDGAN_SC} train {{params.options}} > {{log}} 2>&1"


use rule train as train_stage_a with:
    output:
        weights=f"{RUN}/weights.safetensors",
        curve=f"{RUN}/curve.npz",
        table=f"{RUN}/log.csv",
        record=f"{RUN}/record.json",
        state=f"{RUN}/state.safetensors",
    wildcard_constraints:
        system="|".join(STARTS),
    priority: 1  # stages B of several systems wait for it
    resources:
        mem_mb=lambda wildcards, attempt: attempt * TRAIN_STAGE_A["mem_mb"],
        runtime=TRAIN_STAGE_A["runtime"],
        gpu=GPUS,
