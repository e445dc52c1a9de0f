# One training a job. The checkpoint it resumes from lies undeclared in the run's folder, since Snakemake deletes the
# declared outputs of a job that was killed.
GPUS = int(CONFIG["compute"]["device"] == "cuda")  # that a training asks a cluster for
STAGES_A = sorted(configuration.continued_systems(CONFIG))

TRAININGS = configuration.with_predecessors(
    CONFIG, [*RESULTS.planned, *configuration.related(CONFIG, PRESET)]
)
# Memory and run time that a training asks a cluster for, the same for all of its rule: they are sent as arrays.
TRAIN = plan.largest(RESULTS, [run for run in TRAININGS if run.system not in STAGES_A])
TRAIN_STAGE_A = plan.largest(
    RESULTS, [run for run in TRAININGS if run.system in STAGES_A]
)


rule train:
    input:
        data=DATASET_OF,
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
    conda:
        "../envs/idgan_sc.yaml"
    threads: CONFIG["compute"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: attempt * TRAIN["mem_mb"],
        runtime=TRAIN["runtime"],
        gpu=GPUS,
    params:
        fingerprint=lambda wildcards: RESULTS.training_params(run_of(wildcards)),
        options=RUN_OPTIONS,
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


# With `compute.stack`, seeds of an arm are one job of a rule of their own. It has no wildcards, so that Snakemake prefers
# it to those above, which train all other runs.
for GROUP in plan.together(RESULTS, TRAININGS):
    FIRST = GROUP[0]
    ARM = FIRST.dataset, FIRST.system, FIRST.variant
    SPAN = f"{FIRST.seed}_to_{GROUP[-1].seed}"
    JOBS = [RESULTS.job(run) for run in GROUP]
    SEEDS = ",".join(str(run.seed) for run in GROUP)
    FILES = ["weights.safetensors", "curve.npz", "log.csv", "record.json"]
    FILES += ["state.safetensors"] if FIRST.system in STAGES_A else []
    NEEDED = plan.resources(RESULTS, FIRST, len(GROUP))

    rule:
        name:
            "_".join(["train", *ARM, SPAN])
        input:
            data=str(RESULTS.images(FIRST.dataset) / "dataset.json"),
            before=[str(path) for job in JOBS for path in job.files_before()],
        output:
            [str(job.folder / name) for job in JOBS for name in FILES],
        log:
            str(Path(LOGS, "train", *ARM, f"{SPAN}.log")),
        priority: int(FIRST.system in STAGES_A)
        threads: CONFIG["compute"]["threads"]
        resources:
            mem_mb=NEEDED["mem_mb"],
            runtime=NEEDED["runtime"],
            gpu=GPUS,
        params:
            fingerprint=[RESULTS.training_params(run) for run in GROUP],
            options=(
                f"{PLACE} --dataset {FIRST.dataset} --system {FIRST.system} "
                f"--variant {FIRST.variant} --seeds {SEEDS}"
            ),
        shell:
            f"{IDGAN_SC} train {{params.options}} > {{log}} 2>&1"
