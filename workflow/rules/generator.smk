# The generators themselves: their images matched with true ones, scored, and what their pairs show.
GENERATORS = provenance.generators(CONFIG, PRESET)
GENERATOR_TABLES = ["table_generator", "table_pairs"]
GENERATOR_FIGURES = ["figure_generator"]


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
        source=provenance.source_hash(
            ("matcher.py", "generator.py", "metrics/*.py", "codes.py", "seeds.py")
        ),
        options=run_options,
    shell:
        f"{IDGAN_SC} match {{params.options}} > {{log}} 2>&1"


rule gather_generators:
    input:
        of_generators("generator_scores.csv", "pair_labels.csv"),
    output:
        f"{ROOT}/generator_scores.csv",
        f"{ROOT}/pair_labels.csv",
    log:
        f"{LOGS}/gather_generators.log",
    localrule: True
    params:
        runs=[str(run) for run in GENERATORS],
    shell:
        f"{IDGAN_SC} gather-generators --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


use rule table as generator_table with:
    input:
        scores=f"{ROOT}/scores.csv",
        generators=rules.gather_generators.output,
    log:
        f"{LOGS}/{{table}}.log",
    wildcard_constraints:
        table="|".join(GENERATOR_TABLES),
    params:
        config=CONFIG,
        source=provenance.source_hash(("generator_report.py", "tables.py", "stats.py")),


use rule figure as generator_figure with:
    input:
        generators=rules.gather_generators.output,
    log:
        f"{LOGS}/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(GENERATOR_FIGURES),
    params:
        config=CONFIG,
        source=provenance.source_hash(("generator_report.py", "figures.py", "stats.py")),


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
