# Figures, from files alone.
DRAWN = ("traversal.npz", "networks.json")  # of the run that Figures 1, 2 and 4 show
PANELS = ("panels.npz", "leakage.csv")  # of the runs that Figures 5 to 8 show
FIRST = {  # by system: the first seed's run, if it is drawn
    run.system: run
    for run in there(
        [
            Run(
                PRESET,
                configuration.DATASET,
                system,
                "main",
                RESULTS.seeds(configuration.DATASET)[0],
            )
            for system in configuration.PICTURE_SYSTEMS
        ],
        *DRAWN,
    )
}
FIGURES = ["figure3"]
FIGURES += ["figure2"] if "idgan_sc" in FIRST else []
FIGURES += (
    ["figure1", "figure4"] if len(FIRST) == len(configuration.PICTURE_SYSTEMS) else []
)
COMPARED = [  # data sets of which both systems' leakage is measured
    data
    for data in RESULTS.datasets
    if {run.system for run in WITH_LEAKAGE if run.dataset == data}
    >= set(configuration.PICTURE_SYSTEMS)
]


SHOWING = {  # by figure, the runs that it shows: one of them, then both side by side
    name: [run]
    for name, run in configuration.picture_runs(CONFIG, PRESET).items()
    if there([run], *PANELS)
}
for run in [run for runs in list(SHOWING.values()) for run in runs]:
    SHOWING.setdefault(f"figure_{run.dataset}", []).append(run)
SHOWING = {
    name: runs
    for name, runs in SHOWING.items()
    if not name.startswith("figure_") or len(runs) == len(configuration.PICTURE_SYSTEMS)
}
PICTURES = list(SHOWING)
PICTURES += ["figure_leakage"] if COMPARED else []
FORESTS = ["forest", "figure_checks"] if RESULTS.evidence else []


rule figure:
    input:
        GATHERED_TABLES,
        floor=f"{ROOT}/floor/{configuration.DATASET}.csv",
        drawn=files_of(FIRST.values(), *DRAWN),
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
        figure="|".join(FIGURES),
    localrule: True
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
            else files_of(SHOWING[wildcards.figure], *PANELS)
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


use rule figure as forest with:
    input:
        f"{ROOT}/checks.csv",
    wildcard_constraints:
        figure="|".join(FORESTS) or "none",
    params:
        config=CONFIG,
        source=source_hash("forest"),


# Those of generators and checks too, where the preset is evidence.
rule figures:
    input:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=[
                *FIGURES,
                *PICTURES,
                *FORESTS,
                *(f"figure_{name}" for name in OF_GENERATORS if RESULTS.evidence),
            ],
            kind=["png", "pdf", "csv", "md"],
        ),
        LEAKAGE_TABLE,
    localrule: True
