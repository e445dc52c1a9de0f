# The systems beside the paper's (`related` in config.yaml), scored as Table 3 scores the paper's. Not part of `all`.
RELATED_SHOWN = there(configuration.related_generators(CONFIG, PRESET), "traversal.npz")


rule gather_related:
    input:
        files_of(RELATED, *GATHERED),
        files_of(RELATED_GANS, "generator_scores.csv"),
    output:
        RELATED_TABLES,
    log:
        f"{LOGS}/gather_related.log",
    localrule: True
    params:
        runs=[str(run) for run in RELATED],
        source=source_hash("gather_related"),
    shell:
        f"{IDGAN_SC} gather-related {MISSING} {PLACE} > {{log}} 2>&1"


rule related:
    input:
        (
            expand(f"{ROOT}/tables/related.{{kind}}", kind=["csv", "md", "tex"])
            if RELATED
            else []
        ),
        files_of(RELATED_SHOWN, "traversal.npz"),
    localrule: True


# A sweep in pieces, as `runs`: `--config preset=desk system=vae -- related_runs`.
rule related_runs:
    input:
        files_of(OPTIONS.of_piece(RELATED), *GATHERED),
        files_of(OPTIONS.of_piece(RELATED_GANS), "generator_scores.csv"),
        files_of(OPTIONS.of_piece(RELATED_SHOWN), "traversal.npz"),
    localrule: True
