# Data sets: rendered, or downloaded and checked; then one folder that every process maps. Made where Snakemake runs, since
# a cluster's nodes may have no network.


rule data:
    input:
        given_file,
    output:
        images=f"{ROOT}/data/{{dataset}}/images.npy",
        about=f"{ROOT}/data/{{dataset}}/dataset.json",
    log:
        f"{LOGS}/data/{{dataset}}.log",
    localrule: True
    resources:
        mem_mb=1500,
    params:
        settings=lambda wildcards: what_is_made(wildcards.dataset),
        source=lambda wildcards: images_params(wildcards.dataset),
        command=lambda wildcards: f"data --preset {PRESET} --dataset {wildcards.dataset} --out {ROOT}",
    shell:
        f"{IDGAN_SC} {{params.command}} > {{log}} 2>&1"
