# What generators make: images along the codes; images matched with true ones, or their factors read by a network, scored.


rule traverse:
    input:
        data=DATASET_OF,
        weights=f"{RUN}/weights.safetensors",
        codes=f"{RUN}/codes.npz",
    output:
        f"{RUN}/traversal.npz",
        f"{RUN}/networks.json",
    log:
        f"{LOGS}/traverse/{OF_RUN}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=plan.LEAST_EVALUATION,
    params:
        source=source_hash("traverse"),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} traverse {{params.options}} > {{log}} 2>&1"


rule match:
    input:
        data=DATASET_OF,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/match.npz",
        f"{RUN}/generator_scores.csv",
        f"{RUN}/pair_labels.csv",
    log:
        f"{LOGS}/match/{OF_RUN}.log",
    wildcard_constraints:
        dataset="|".join(configuration.MATCHED),
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        sizes=RESULTS.generated,
        source=source_hash("match", TABLE3_METRICS),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} match {{params.options}} > {{log}} 2>&1"


rule read_generator:
    input:
        data=DATASET_OF,
        probe=f"{ROOT}/probes/{{dataset}}.safetensors",
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/generator_scores.csv",
    log:
        f"{LOGS}/read_generator/{OF_RUN}.log",
    wildcard_constraints:
        dataset="|".join(configuration.LABELLED),
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        sizes=RESULTS.generated,
        evaluation=evaluation_of,
        source=source_hash("read_generator", TABLE3_METRICS),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} read-generator {{params.options}} > {{log}} 2>&1"


rule gather_generators:
    input:
        scores=files_of(BY_MATCHING + BY_READER, "generator_scores.csv"),
        pairs=files_of(BY_MATCHING, "pair_labels.csv"),
    output:
        f"{ROOT}/generator_scores.csv",
        [f"{ROOT}/pair_labels.csv"] if BY_MATCHING else [],
    log:
        f"{LOGS}/gather_generators.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        runs=[str(run) for run in BY_MATCHING + BY_READER],
        source=source_hash("gather_generators"),
    shell:
        f"{IDGAN_SC} gather-generators {MISSING} {PLACE} > {{log}} 2>&1"


rule generators:
    input:
        expand(
            f"{ROOT}/tables/table_{{name}}.{{kind}}",
            name=GENERATOR_REPORTS,
            kind=["csv", "md", "tex"],
        ),
        expand(
            f"{ROOT}/figures/figure_{{name}}.{{kind}}",
            name=GENERATOR_REPORTS,
            kind=["png", "pdf", "csv", "md"],
        ),
    localrule: True
