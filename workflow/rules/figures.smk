# Figures, from files alone.
from idgan_sc.records import pictured

PAPER_FIGURES = pictured.paper_figures(RESULTS, there) if OF_PAPER else []
PICTURE_RUNS = pictured.runs_of_figures(RESULTS, there)
PICTURES = [*PICTURE_RUNS, *pictured.leakage_figure(WITH_LEAKAGE)]
FORESTS = ["forest", "figure_checks"] if RESULTS.evidence and OF_PAPER else []
OF_SECOND = pictured.second_figures(RESULTS, there) if SECOND else []
OF_FURTHER = ["figure_s"] if configuration.further(CONFIG, PRESET) else []
OF_FURTHER += ["figure_strength"] if configuration.correlated(CONFIG, PRESET) else []


rule figure:
    input:
        GATHERED_TABLES,
        baseline=f"{ROOT}/floor/{configuration.DATASET}.csv",
        drawn=files_of(
            pictured.traversed_runs(RESULTS, there), *pictured.TRAVERSAL_FILES
        ),
    output:
        png=report(
            f"{ROOT}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}", "preset": PRESET},
        ),
        pdf=f"{ROOT}/figures/{{figure}}.pdf",
        csv=f"{ROOT}/figures/{{figure}}.csv",
        caption=f"{ROOT}/figures/{{figure}}.md",
    log:
        f"{LOGS}/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(PAPER_FIGURES) or "none",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        config=CONFIG,
        source=source_hash("figure"),
    shell:
        f"{IDGAN_SC} figure {{wildcards.figure}} {PLACE} > {{log}} 2>&1"


use rule figure as picture with:
    input:
        # two files of the runs that are shown, or one file of every run
        lambda wildcards: (
            [*LEAKAGE_TABLE, *files_of(WITH_LEAKAGE, "leakage.csv")]
            if wildcards.figure == "figure_leakage"
            else files_of(PICTURE_RUNS[wildcards.figure], *pictured.PANEL_FILES)
        ),
    wildcard_constraints:
        figure="|".join(PICTURES) or "none",
    params:
        config=CONFIG,
        source=source_hash("picture"),


use rule figure as generator_figure with:
    input:
        BASELINES,
        GENERATOR_TABLES,
    wildcard_constraints:
        figure="|".join(f"figure_{name}" for name in GENERATOR_REPORTS) or "none",
    params:
        config=CONFIG,
        source=source_hash("generator_figure"),


use rule figure as forest with:
    input:
        f"{ROOT}/checks.csv",
    wildcard_constraints:
        figure="|".join(FORESTS) or "none",
    params:
        config=CONFIG,
        source=source_hash("forest"),


use rule figure as further_figure with:
    input:
        GATHERED_TABLES,
        BASELINES,
        GENERATOR_TABLES,
    wildcard_constraints:
        figure="|".join(OF_FURTHER) or "none",
    params:
        config=CONFIG,
        source=source_hash("further_figure"),


use rule figure as second_figure with:
    input:
        GATHERED_TABLES,
        BASELINES,
        drawn=lambda wildcards: (
            files_of(
                pictured.traversed_runs(RESULTS, there), *pictured.TRAVERSAL_FILES
            )
            if wildcards.figure == "figure4"
            else []
        ),
    wildcard_constraints:
        figure="|".join(OF_SECOND) or "none",
    params:
        config=CONFIG,
        source=source_hash("second_figure"),


# Those of generators and checks too, where the preset is evidence.
rule figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=[
                *PAPER_FIGURES,
                *PICTURES,
                *FORESTS,
                *OF_FURTHER,
                *OF_SECOND,
                *(f"figure_{name}" for name in GENERATOR_REPORTS if RESULTS.evidence),
            ],
            kind=["png", "pdf", "csv", "md"],
        ),
        LEAKAGE_TABLE,
    localrule: True
