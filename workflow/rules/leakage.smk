# What Figures 5 to 8 leave to the eye, measured: the factors are read off generated images by a network that learned them
# from the data set, on real MNIST by morphometrics.


rule probe:
    input:
        lambda wildcards: f"{ROOT}/data/{configuration.reader_dataset(wildcards.dataset)}/dataset.json",
    output:
        f"{ROOT}/probes/{{dataset}}.safetensors",
    log:
        f"{LOGS}/probe/{{dataset}}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        steps=lambda wildcards: evaluation_of(wildcards)["probe_steps"],
        source=source_hash("probe"),
    shell:
        f"{IDGAN_SC} probe {PLACE} --dataset {{wildcards.dataset}} > {{log}} 2>&1"


rule leakage:
    input:
        data=DATASET_OF,
        probe=f"{ROOT}/probes/{{dataset}}.safetensors",
        weights=f"{RUN}/weights.safetensors",
        codes=f"{RUN}/codes.npz",
    output:
        f"{RUN}/leakage.csv",
        f"{RUN}/panels.npz",
    log:
        f"{LOGS}/leakage/{OF_RUN}.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        anchors=lambda wildcards: evaluation_of(wildcards)["anchors"],
        source=source_hash("leakage"),
        options=RUN_OPTIONS,
    shell:
        f"{IDGAN_SC} leakage {{params.options}} > {{log}} 2>&1"


rule gather_leakage:
    input:
        files_of(WITH_LEAKAGE, "leakage.csv"),
    output:
        f"{ROOT}/leakage.csv",
    log:
        f"{LOGS}/gather_leakage.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        runs=[str(run) for run in WITH_LEAKAGE],
        source=source_hash("gather_leakage"),
    shell:
        f"{IDGAN_SC} gather-leakage {MISSING} {PLACE} > {{log}} 2>&1"
