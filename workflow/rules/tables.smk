# Tables, from files alone.
TABLES = ["table1", "differences"]
TABLES += ["table2", "table3", "stage_a"] if OF_PAPER else []


rule table:
    input:
        GATHERED_TABLES,
        baseline=[f"{ROOT}/floor/{configuration.DATASET}.csv"] if OF_PAPER else [],
        # Table 1 counts the images; published descriptions need none drawn
        data=lambda wildcards: (
            [str(RESULTS.description(dataset)) for dataset in RESULTS.datasets]
            if wildcards.table == "table1"
            else []
        ),
    output:
        csv=f"{ROOT}/tables/{{table}}.csv",
        markdown=report(
            f"{ROOT}/tables/{{table}}.md",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "preset": PRESET},
        ),
        latex=f"{ROOT}/tables/{{table}}.tex",
    log:
        f"{LOGS}/{{table}}.log",
    wildcard_constraints:
        table="|".join(TABLES),
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        config=CONFIG,
        source=source_hash("table"),
    shell:
        f"{IDGAN_SC} table {{wildcards.table}} {PLACE} > {{log}} 2>&1"


use rule table as generator_table with:
    input:
        BASELINES,
        GENERATOR_TABLES,
    wildcard_constraints:
        table="|".join(f"table_{name}" for name in GENERATOR_REPORTS) or "none",
    params:
        config=CONFIG,
        source=source_hash("generator_table"),


use rule table as further_table with:
    input:
        GATHERED_TABLES,
        BASELINES,
        GENERATOR_TABLES,
    wildcard_constraints:
        table="table_s",
    params:
        config=CONFIG,
        source=source_hash("further_table"),


use rule table as related_table with:
    input:
        RELATED_TABLES,
    wildcard_constraints:
        table="related",
    params:
        config=CONFIG,
        source=source_hash("related_table"),


use rule table as second_table with:
    input:
        GATHERED_TABLES,
    wildcard_constraints:
        table="levels|effects|conclusions",
    params:
        config=CONFIG,
        source=source_hash("second_table"),


# Those of generators too, where the preset is evidence.
rule tables:
    input:
        expand(
            f"{ROOT}/tables/{{table}}.{{kind}}",
            table=[
                *TABLES,
                *(f"table_{name}" for name in GENERATOR_REPORTS if RESULTS.evidence),
                *(["levels", "effects", "conclusions"] if SECOND else []),
                *(["table_s"] if configuration.further(CONFIG, PRESET) else []),
            ],
            kind=["csv", "md", "tex"],
        ),
    localrule: True
