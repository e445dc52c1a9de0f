# One training a job. The checkpoint it resumes from lies undeclared in the run's folder, since Snakemake deletes the
# declared outputs of a job that was killed.
GPUS = int(CONFIG["compute"]["device"] == "cuda")  # that a training asks a cluster for


TRAININGS = configuration.with_predecessors(CONFIG, RESULTS.planned)
# Memory and run time that a training asks a cluster for, the same for all of its rule: they are sent as arrays.
TRAIN = plan.largest(RESULTS, [run for run in TRAININGS if run.system not in STAGES_A])
TRAIN_STAGE_A = plan.largest(
    RESULTS, [run for run in TRAININGS if run.system in STAGES_A]
)


rule train:
    input:
        data=dataset_of,
        before=lambda wildcards: map(str, RESULTS.job(run_of(wildcards)).files_before()),
    output:
        weights=f"{RUN}/weights.safetensors",
        curve=f"{RUN}/curve.npz",
        table=f"{RUN}/log.csv",
        record=f"{RUN}/record.json",
    log:
        f"{LOGS}/train/{OF_RUN}.log",
    wildcard_constraints:
        system="|".join(name for name in CONFIG["systems"] if name not in STAGES_A),
    threads: CONFIG["compute"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: attempt * TRAIN["mem_mb"],
        runtime=TRAIN["runtime"],
        gpu=GPUS,
    params:
        fingerprint=lambda wildcards: RESULTS.training_params(run_of(wildcards)),
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
        system="|".join(STAGES_A),
    priority: 1  # stages B of several systems wait for it
    resources:
        mem_mb=lambda wildcards, attempt: attempt * TRAIN_STAGE_A["mem_mb"],
        runtime=TRAIN_STAGE_A["runtime"],
        gpu=GPUS,
