# Codes, once per run; scores, pure functions of the codes; images along the codes.


rule encode:
    input:
        data=dataset_of,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/codes.npz",
    log:
        f"{LOGS}/encode/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    resources:
        mem_mb=2000,
        runtime=encode_minutes,
    params:
        options=run_options,
    shell:
        f"{IDGAN_SC} encode {{params.options}} > {{log}} 2>&1"


rule score:
    input:
        data=dataset_of,
        codes=f"{RUN}/codes.npz",
        curve=f"{RUN}/curve.npz",
    output:
        f"{RUN}/scores.csv",
        f"{RUN}/curve.csv",
        f"{RUN}/association.csv",
    log:
        f"{LOGS}/score/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    resources:
        mem_mb=2000,
        runtime=score_minutes,
    params:
        evaluation=lambda wildcards: configuration.evaluation(
            CONFIG, PRESET, wildcards.dataset
        ),
        source=source_hash("score", SCORES),
        options=run_options,
    shell:
        f"{IDGAN_SC} score {{params.options}} > {{log}} 2>&1"


rule traverse:
    input:
        data=dataset_of,
        weights=f"{RUN}/weights.safetensors",
        codes=f"{RUN}/codes.npz",
    output:
        f"{RUN}/traversal.npz",
        f"{RUN}/networks.json",
    log:
        f"{LOGS}/traverse/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    resources:
        mem_mb=2000,
        runtime=plan.LEAST_EVALUATION,
    params:
        source=source_hash("traverse"),
        options=run_options,
    shell:
        f"{IDGAN_SC} traverse {{params.options}} > {{log}} 2>&1"


GATHERED = there(SCORED_RUNS, *published.GATHERED)


rule gather:
    input:
        [artifact(run, name) for run in GATHERED for name in published.GATHERED],
    output:
        f"{ROOT}/scores.csv",
        f"{ROOT}/curves.csv",
        f"{ROOT}/associations.csv",
    log:
        f"{LOGS}/gather.log",
    localrule: True
    params:
        runs=[str(run) for run in GATHERED],
        source=source_hash("gather"),
        missing=MISSING,
    shell:
        f"{IDGAN_SC} gather {{params.missing}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule floor:
    input:
        f"{ROOT}/data/{{dataset}}/dataset.json",
    output:
        f"{ROOT}/floor/{{dataset}}.csv",
    log:
        f"{LOGS}/floor/{{dataset}}.log",
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        fingerprint=lambda wildcards: published.floor_params(
            CONFIG, PRESET, wildcards.dataset, Path(ROOT)
        ),
        command=lambda wildcards: f"floor --preset {PRESET} --dataset {wildcards.dataset} --out {ROOT}",
    shell:
        f"{IDGAN_SC} {{params.command}} > {{log}} 2>&1"
