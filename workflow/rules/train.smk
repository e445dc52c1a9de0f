# One training a job. The checkpoint it resumes from lies undeclared in the run's folder, since Snakemake deletes the
# declared outputs of a job that was killed.


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
    threads: 1
    resources:
        mem_mb=2000,
        runtime=1440,
    params:
        fingerprint=lambda wildcards: provenance.expected_fingerprint(
            CONFIG, run_of(wildcards)
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
