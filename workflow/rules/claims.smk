# Verdicts on the paper's claims, and the sensitivity study.


rule claims:
    input:
        GATHERED_TABLES,
        LEAKAGE_TABLE,
        associations=f"{ROOT}/associations.csv",
        generators=(GENERATOR_TABLES if RESULTS.evidence else []),
        baseline=f"{ROOT}/floor/{configuration.DATASET}.csv",
    output:
        table=f"{ROOT}/claims.csv",
        checks=f"{ROOT}/checks.csv",
        readings=f"{ROOT}/readings.csv",
        exploratory=expand(f"{ROOT}/exploratory.{{kind}}", kind=["csv", "md"]),
        sensitivity=expand(f"{ROOT}/verdict_sensitivity.{{kind}}", kind=["csv", "md"]),
        page=report(
            f"{ROOT}/claims.md",
            caption="../report/claims.rst",
            category="Claims",
            labels={"preset": PRESET},
        ),
        errata=f"{ROOT}/errata.csv",
        errata_page=f"{ROOT}/errata.md",
    log:
        f"{LOGS}/claims.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        config=CONFIG,
        source=source_hash("claims"),
    shell:
        f"{IDGAN_SC} claims {PLACE} > {{log}} 2>&1"


rule sensitivity:
    input:
        files_of(
            configuration.sensitivity_runs(CONFIG, PRESET, configuration.DATASET),
            *SCORE_FILES,
        ),
        main=f"{ROOT}/scores.csv",
    output:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=["specification", "main_effects"],
            kind=["png", "pdf", "csv", "md"],
        ),
        expand(
            f"{ROOT}/sensitivity/{{table}}.csv",
            table=["scores", "curves", "associations", "verdicts"],
        ),
        f"{ROOT}/sensitivity/verdicts.md",
    log:
        f"{LOGS}/sensitivity.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        config=CONFIG,
        source=source_hash("sensitivity"),
    shell:
        f"{IDGAN_SC} sensitivity {PLACE} > {{log}} 2>&1"
