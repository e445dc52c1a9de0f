# Finished runs once more, against their recorded hashes: `snakemake verify`, `--config sample=3` or `sample=all`.


rule verify:
    log:
        f"{LOGS}/verify.log",
    localrule: True
    params:
        sample="--all" if SAMPLE == "all" else f"--sample {SAMPLE}",
    shell:
        f"{IDGAN_SC} verify --preset {PRESET} --out {ROOT} {{params.sample}} 2>&1 | tee {{log}}"
