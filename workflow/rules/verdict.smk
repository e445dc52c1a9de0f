# Verdicts on the paper's claims, the sensitivity study, the page to play with, and what is published.
from idgan_sc.files import sha256

SIDE_BY_SIDE = [shown(system) for system in ("infogan_cr", "idgan_sc")]
STUDY = configuration.sensitivity_runs(CONFIG, PRESET, "dsprites")
STUDY_FIGURES = ["specification", "main_effects"]


rule claims:
    input:
        scores=f"{ROOT}/scores.csv",
        curves=f"{ROOT}/curves.csv",
        drawn=[artifact(run, "traversal.npz") for run in SIDE_BY_SIDE],
        leakage=[f"{ROOT}/leakage.csv"] if MEASURED else [],
    output:
        table=f"{ROOT}/claims.csv",
        checks=f"{ROOT}/checks.csv",
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
    params:
        config=CONFIG,
        source=provenance.source_hash(("claims.py", "paper.py", "stats.py")),
    shell:
        f"{IDGAN_SC} claims --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule sensitivity:
    input:
        scores=[artifact(run, "scores.csv") for run in STUDY],
        curves=[artifact(run, "curve.csv") for run in STUDY],
        main=f"{ROOT}/scores.csv",
    output:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=STUDY_FIGURES,
            kind=["png", "pdf", "csv"],
        ),
        expand(
            f"{ROOT}/sensitivity/{{table}}.csv",
            table=["scores", "curves", "verdicts"],
        ),
    log:
        f"{LOGS}/sensitivity.log",
    localrule: True
    params:
        config=CONFIG,
        source=provenance.source_hash(
            ("sensitivity.py", "claims.py", "figures.py", "stats.py")
        ),
    shell:
        f"{IDGAN_SC} sensitivity --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule report:
    input:
        rules.tables.input,
        rules.figures.input,
        rules.claims.output,
        records=[artifact(run, "record.json") for run in RUNS],
        drawn=[artifact(run, "traversal.npz") for run in SIDE_BY_SIDE],
    output:
        f"{ROOT}/report/index.html",
        f"{ROOT}/cost.csv",
    log:
        f"{LOGS}/report.log",
    localrule: True
    params:
        config=CONFIG,
        source=provenance.source_hash(("report/*.py", "figures.py", "tables.py")),
        template=sha256(provenance.PACKAGE / "report/page.html"),
    shell:
        f"{IDGAN_SC} report --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule card:
    input:
        card_files,
        data=dataset_of,
        weights=f"{RUN}/weights.safetensors",
        record=f"{RUN}/record.json",
    output:
        f"{RUN}/card.md",
        f"{RUN}/model.safetensors",
    log:
        f"{LOGS}/card/{{dataset}}/{{system}}/{{variant}}/{{seed}}.log",
    localrule: True
    params:
        source=provenance.source_hash(("card.py", "model.py", "tables.py")),
        options=run_options,
    shell:
        f"{IDGAN_SC} card {{params.options}} > {{log}} 2>&1"


# The only target that writes outside of the preset's results; it has no output, so that it runs whenever it is asked for.
rule publish:
    input:
        rules.report.output,
        rules.claims.output,
        of_runs(provenance.shipped(CONFIG, PRESET), "card.md"),
        of_runs(provenance.shipped(CONFIG, PRESET), "model.safetensors"),
    log:
        f"{LOGS}/publish.log",
    localrule: True
    shell:
        f"{IDGAN_SC} publish --preset {PRESET} --out {ROOT} > {{log}} 2>&1"
