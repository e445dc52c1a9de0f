# Data sets: rendered, or downloaded and checked; then one folder that every process maps. Made where Snakemake runs, since
# a cluster's nodes may have no network.


rule data:
    input:
        # the data set's own file, where the configuration names one
        lambda wildcards: RESULTS.dataset_settings(wildcards.dataset)["file"] or [],
    output:
        images=f"{ROOT}/data/{{dataset}}/images.npy",
        about=f"{ROOT}/data/{{dataset}}/dataset.json",
    log:
        f"{LOGS}/data/{{dataset}}.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=1500,
    params:
        settings=lambda wildcards: RESULTS.drawn_by(wildcards.dataset),
        source=lambda wildcards: RESULTS.images_params(wildcards.dataset),
    shell:
        f"{IDGAN_SC} data {PLACE} --dataset {{wildcards.dataset}} > {{log}} 2>&1"
