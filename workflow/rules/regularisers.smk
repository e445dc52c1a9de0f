# What each pair regulariser prefers on true images, without a GAN. Not part of `all`: 228 short trainings.


# The rows are undeclared, beside the preset's other results: Snakemake deletes the outputs of a job that was killed.
rule regularisers:
    input:
        f"{ROOT}/data/{configuration.DATASET}/dataset.json",
    output:
        expand(f"{ROOT}/tables/regularisers.{{kind}}", kind=["csv", "md"]),
        expand(
            f"{ROOT}/figures/regularisers.{{kind}}", kind=["png", "pdf", "csv", "md"]
        ),
    log:
        f"{LOGS}/regularisers.log",
    conda:
        "../envs/idgan_sc.yaml"
    resources:
        mem_mb=2000,
        runtime=600,
    params:
        study=CONFIG["regularisers"],
        source=RESULTS.regularisers_source,
        shown=source_hash("regularisers_shown", ("gan", "dsprites")),
    shell:
        f"{IDGAN_SC} regularisers {PLACE} > {{log}} 2>&1"
