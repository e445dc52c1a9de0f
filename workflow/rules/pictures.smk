# Figures 5 to 8 and what they leave to the eye, measured: the factors are read off generated images by a network that
# learned them from the data set, on real MNIST by morphometrics.
PANELS = ("panels.npz", "leakage.csv")
MEASURED = there(
    [run for run in RUNS if run.dataset in configuration.PICTURES], "leakage.csv"
)
PICTURES = [
    picture
    for picture in configuration.pictures(CONFIG, PRESET)
    if there([pictured(picture)], *PANELS)
]
COMPARED = [  # data sets of which both systems' leakage is measured
    data
    for data in DATASETS
    if {run.system for run in MEASURED if run.dataset == data}
    >= set(configuration.PICTURED)
]
PICTURES += ["figure_leakage"] if COMPARED else []


rule probe:
    input:
        probe_data,
    output:
        f"{ROOT}/probes/{{dataset}}.safetensors",
    log:
        f"{LOGS}/probe/{{dataset}}.log",
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        steps=lambda wildcards: configuration.evaluation(
            CONFIG, PRESET, wildcards.dataset
        )["probe_steps"],
        source=source_hash("probe"),
        command=lambda wildcards: f"probe --preset {PRESET} --dataset {wildcards.dataset} --out {ROOT}",
    shell:
        f"{IDGAN_SC} {{params.command}} > {{log}} 2>&1"


rule leakage:
    input:
        data=dataset_of,
        probe=f"{ROOT}/probes/{{dataset}}.safetensors",
        weights=f"{RUN}/weights.safetensors",
        codes=f"{RUN}/codes.npz",
    output:
        f"{RUN}/leakage.csv",
        f"{RUN}/panels.npz",
    log:
        f"{LOGS}/leakage/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        anchors=lambda wildcards: configuration.evaluation(
            CONFIG, PRESET, wildcards.dataset
        )["anchors"],
        source=source_hash("leakage"),
        options=run_options,
    shell:
        f"{IDGAN_SC} leakage {{params.options}} > {{log}} 2>&1"


rule gather_leakage:
    input:
        [artifact(run, "leakage.csv") for run in MEASURED],
    output:
        f"{ROOT}/leakage.csv",
    log:
        f"{LOGS}/gather_leakage.log",
    localrule: True
    params:
        runs=[str(run) for run in MEASURED],
        source=source_hash("gather_leakage"),
        missing=MISSING,
    shell:
        f"{IDGAN_SC} gather-leakage {{params.missing}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule picture:
    input:
        measured_of,
    output:
        png=report(
            f"{ROOT}/figures/{{picture}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{picture}", "preset": PRESET},
        ),
        pdf=f"{ROOT}/figures/{{picture}}.pdf",
        csv=f"{ROOT}/figures/{{picture}}.csv",
    log:
        f"{LOGS}/{{picture}}.log",
    wildcard_constraints:
        picture="|".join(PICTURES) or "none",
    localrule: True
    params:
        config=CONFIG,
        source=source_hash("picture"),
    shell:
        f"{IDGAN_SC} figure {{wildcards.picture}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"
