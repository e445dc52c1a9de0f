# Codes, once per run; scores, pure functions of the codes; the baseline that learned nothing; all scores in one table.
SCORED = there(
    [run for run in RESULTS.planned if configuration.scored(CONFIG, run.dataset)],
    *GATHERED,
)


rule encode:
    input:
        data=DATASET_OF,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/codes.npz",
    log:
        f"{LOGS}/encode/{OF_RUN}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: attempt
        * plan.encode_minutes(CONFIG, run_of(wildcards)),
    params:
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} encode {{params.options}} > {{log}} 2>&1"


rule score:
    input:
        data=DATASET_OF,
        codes=f"{RUN}/codes.npz",
        curve=f"{RUN}/curve.npz",
    output:
        f"{RUN}/scores.csv",
        f"{RUN}/curve.csv",
        f"{RUN}/association.csv",
    log:
        f"{LOGS}/score/{OF_RUN}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: attempt
        * plan.score_minutes(CONFIG, run_of(wildcards)),
    params:
        evaluation=evaluation_of,
        source=source_hash(
            "score",
            {
                name
                for data in RESULTS.datasets
                for name in RESULTS.evaluation(data)["metrics"]
            },
        ),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} score {{params.options}} > {{log}} 2>&1"


rule gather:
    input:
        files_of(SCORED, *GATHERED),
    output:
        f"{ROOT}/scores.csv",
        f"{ROOT}/curves.csv",
        f"{ROOT}/associations.csv",
    log:
        f"{LOGS}/gather.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        runs=[str(run) for run in SCORED],
        source=source_hash("gather"),
    shell:
        f"{IDGAN_SC} gather {MISSING} {PLACE} > {{log}} 2>&1"


rule baseline:
    input:
        # published scores are copied: they need no images
        lambda wildcards: (
            RESULTS.published_baseline(wildcards.dataset)
            or f"{ROOT}/data/{wildcards.dataset}/dataset.json"
        ),
    output:
        f"{ROOT}/floor/{{dataset}}.csv",
    log:
        f"{LOGS}/baseline/{{dataset}}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        fingerprint=lambda wildcards: RESULTS.baseline_params(wildcards.dataset),
    shell:
        f"{IDGAN_SC} baseline {PLACE} --dataset {{wildcards.dataset}} > {{log}} 2>&1"
