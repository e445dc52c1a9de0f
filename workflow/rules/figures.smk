# Figures, from files alone.
DRAWN = ("traversal.npz", "networks.json")  # of the run that Figures 1, 2 and 4 show
PANELS = ("panels.npz", "leakage.csv")  # of the runs that Figures 5 to 8 show
FIRST = there(
    [
        Run(
            PRESET,
            configuration.DATASET,
            "idgan_sc",
            "main",
            RESULTS.seeds(configuration.DATASET)[0],
        )
    ],
    *DRAWN,
)
FIGURES = ["figure1", "figure2", "figure3", "figure4"] if FIRST else ["figure3"]
COMPARED = [  # data sets of which both systems' leakage is measured
    data
    for data in RESULTS.datasets
    if {run.system for run in WITH_LEAKAGE if run.dataset == data}
    >= set(configuration.PICTURED)
]


PICTURED = {
    name: run
    for name, run in configuration.pictured(CONFIG, PRESET).items()
    if there([run], *PANELS)
}
PICTURES = list(PICTURED)
PICTURES += ["figure_leakage"] if COMPARED else []


rule figure:
    input:
        GATHERED_TABLES,
        floor=f"{ROOT}/floor/{configuration.DATASET}.csv",
        drawn=files_of(FIRST, *DRAWN),
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
        f"{IDGAN_SC} figure {{wildcards.figure}} {PLACE} > {{log}} 2>&1"


use rule figure as picture with:
    input:
        # two files of one run, or one file of every run
        lambda wildcards: (
            [*LEAKAGE_TABLE, *files_of(WITH_LEAKAGE, "leakage.csv")]
            if wildcards.figure == "figure_leakage"
            else files_of([PICTURED[wildcards.figure]], *PANELS)
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
        figure="|".join(f"figure_{name}" for name in OF_GENERATORS) or "none",
    params:
        config=CONFIG,
        source=source_hash("generator_figure"),


rule figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=[*FIGURES, *PICTURES],
            kind=["png", "pdf", "csv"],
        ),
        LEAKAGE_TABLE,
    localrule: True
