# Tables and figures, from files alone.
TABLES = ["table1", "table2", "table3", "stage_a", "differences"]
DRAWN = ("traversal.npz", "networks.json")  # of the run that Figures 1, 2 and 4 show
SHOWN_FIRST = there([shown("idgan_sc")], *DRAWN)
FIGURES = ["figure1", "figure2", "figure3", "figure4"] if SHOWN_FIRST else ["figure3"]


rule table:
    input:
        scores=f"{ROOT}/scores.csv",
        curves=f"{ROOT}/curves.csv",
        floor=f"{ROOT}/floor/dsprites.csv",
        data=expand(f"{ROOT}/data/{{dataset}}/dataset.json", dataset=DATASETS),
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
    params:
        config=CONFIG,
        source=source_hash("table"),
    shell:
        f"{IDGAN_SC} table {{wildcards.table}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule figure:
    input:
        scores=f"{ROOT}/scores.csv",
        curves=f"{ROOT}/curves.csv",
        floor=f"{ROOT}/floor/dsprites.csv",
        drawn=[artifact(run, name) for run in SHOWN_FIRST for name in DRAWN],
    output:
        png=report(
            f"{ROOT}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}", "preset": PRESET},
        ),
        pdf=f"{ROOT}/figures/{{figure}}.pdf",
        csv=f"{ROOT}/figures/{{figure}}.csv",
    log:
        f"{LOGS}/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(FIGURES),
    localrule: True
    params:
        config=CONFIG,
        source=source_hash("figure"),
    shell:
        f"{IDGAN_SC} figure {{wildcards.figure}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule tables:
    input:
        expand(
            f"{ROOT}/tables/{{table}}.{{kind}}",
            table=TABLES,
            kind=["csv", "md", "tex"],
        ),


rule figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=[*FIGURES, *PICTURES],
            kind=["png", "pdf", "csv"],
        ),
        [f"{ROOT}/leakage.csv"] if MEASURED else [],
