# The generators themselves: their images matched with true ones, or their factors read by a network, scored, and what
# their pairs show.
GENERATORS = there(
    configuration.generators(CONFIG, PRESET),
    "generator_scores.csv",
    "pair_labels.csv",
    find=published.measured,
)
READ_GENERATORS = there(
    configuration.read_generators(CONFIG, PRESET),
    "generator_scores.csv",
    find=published.measured,
)
OF_GENERATORS = ["generator", "pairs"] if GENERATORS else []
OF_GENERATORS += ["generator_pictures"] if READ_GENERATORS else []
FLOORED = configuration.floored(CONFIG, PRESET)
GENERATOR_TABLES = [f"table_{name}" for name in OF_GENERATORS]
GENERATOR_FIGURES = [f"figure_{name}" for name in OF_GENERATORS]


rule match:
    input:
        data=dataset_of,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/match.npz",
        f"{RUN}/generator_scores.csv",
        f"{RUN}/pair_labels.csv",
    log:
        f"{LOGS}/match/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    wildcard_constraints:
        dataset="dsprites",
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        sizes=configuration.generated(CONFIG, PRESET),
        source=source_hash("match", record.TABLE3_METRICS),
        options=run_options,
    shell:
        f"{IDGAN_SC} match {{params.options}} > {{log}} 2>&1"


rule read_generator:
    input:
        data=dataset_of,
        probe=f"{ROOT}/probes/{{dataset}}.safetensors",
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/generator_scores.csv",
    log:
        f"{LOGS}/read_generator/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    wildcard_constraints:
        dataset="|".join(configuration.LABELLED),
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        sizes=configuration.generated(CONFIG, PRESET),
        evaluation=lambda wildcards: configuration.evaluation(
            CONFIG, PRESET, wildcards.dataset
        ),
        source=source_hash("read_generator", record.TABLE3_METRICS),
        options=run_options,
    shell:
        f"{IDGAN_SC} read-generator {{params.options}} > {{log}} 2>&1"


rule gather_generators:
    input:
        scores=of_runs(GENERATORS + READ_GENERATORS, "generator_scores.csv"),
        pairs=of_runs(GENERATORS, "pair_labels.csv"),
    output:
        f"{ROOT}/generator_scores.csv",
        [f"{ROOT}/pair_labels.csv"] if GENERATORS else [],
    log:
        f"{LOGS}/gather_generators.log",
    localrule: True
    params:
        runs=[str(run) for run in GENERATORS + READ_GENERATORS],
        source=source_hash("gather_generators"),
        missing=MISSING,
    shell:
        f"{IDGAN_SC} gather-generators {{params.missing}} --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


use rule table as generator_table with:
    input:
        floor=expand(f"{ROOT}/floor/{{dataset}}.csv", dataset=FLOORED),
        generators=rules.gather_generators.output,
    log:
        f"{LOGS}/{{table}}.log",
    wildcard_constraints:
        table="|".join(GENERATOR_TABLES) or "none",
    params:
        config=CONFIG,
        source=source_hash("generator_table"),


use rule figure as generator_figure with:
    input:
        floor=expand(f"{ROOT}/floor/{{dataset}}.csv", dataset=FLOORED),
        generators=rules.gather_generators.output,
    log:
        f"{LOGS}/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(GENERATOR_FIGURES) or "none",
    params:
        config=CONFIG,
        source=source_hash("generator_figure"),


rule generators:
    input:
        expand(
            f"{ROOT}/tables/{{table}}.{{kind}}",
            table=GENERATOR_TABLES,
            kind=["csv", "md", "tex"],
        ),
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=GENERATOR_FIGURES,
            kind=["png", "pdf", "csv"],
        ),
