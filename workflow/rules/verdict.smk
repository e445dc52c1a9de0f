# Verdicts on the paper's claims, the sensitivity study, the page to play with, and what is published.
from idgan_sc.files import sha256

SHOWN = configuration.shown_generators(CONFIG, PRESET)
STUDY = configuration.sensitivity_runs(CONFIG, PRESET, "dsprites")
STUDY_FIGURES = ["specification", "main_effects"]
SHOWN_STUDY = Path(ROOT, "sensitivity/verdicts.md")  # on the page once it is made
EVIDENCE = CONFIG["presets"][PRESET]["evidence"]
# What claims rest on beside scores.
MEASURED_TABLES = [f"{ROOT}/leakage.csv"] if MEASURED else []
MEASURED_TABLES += [f"{ROOT}/pair_labels.csv"] if GENERATORS and EVIDENCE else []


rule claims:
    input:
        scores=f"{ROOT}/scores.csv",
        curves=f"{ROOT}/curves.csv",
        associations=f"{ROOT}/associations.csv",
        measured=MEASURED_TABLES,
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
        source=source_hash("claims"),
    shell:
        f"{IDGAN_SC} claims --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule sensitivity:
    input:
        scores=[artifact(run, "scores.csv") for run in STUDY],
        curves=[artifact(run, "curve.csv") for run in STUDY],
        associations=[artifact(run, "association.csv") for run in STUDY],
        main=f"{ROOT}/scores.csv",
    output:
        expand(
            f"{ROOT}/figures/{{figure}}.{{kind}}",
            figure=STUDY_FIGURES,
            kind=["png", "pdf", "csv"],
        ),
        expand(
            f"{ROOT}/sensitivity/{{table}}.csv",
            table=["scores", "curves", "associations", "verdicts"],
        ),
        f"{ROOT}/sensitivity/verdicts.md",
    log:
        f"{LOGS}/sensitivity.log",
    localrule: True
    params:
        config=CONFIG,
        source=source_hash("sensitivity"),
    shell:
        f"{IDGAN_SC} sensitivity --preset {PRESET} --out {ROOT} > {{log}} 2>&1"


rule report:
    input:
        rules.tables.input,
        rules.figures.input,
        rules.claims.output,
        rules.generators.input if EVIDENCE else [],
        records=[artifact(run, "record.json") for run in there(RUNS, "record.json")],
        drawn=[artifact(run, "traversal.npz") for run in there(SHOWN, "traversal.npz")],
    output:
        f"{ROOT}/report/index.html",
        f"{ROOT}/cost.csv",
    log:
        f"{LOGS}/report.log",
    localrule: True
    params:
        config=CONFIG,
        source=source_hash("report"),
        template=sha256(PACKAGE / "publish/templates/page.html"),
        study=sha256(SHOWN_STUDY) if SHOWN_STUDY.exists() else "",
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
        source=source_hash("card"),
        options=run_options,
    shell:
        f"{IDGAN_SC} card {{params.options}} > {{log}} 2>&1"


# The only target that writes outside of the preset's results: it publishes what is finished, and trains nothing. It has
# no output, so that it runs whenever it is asked for. A preset that is no evidence publishes nothing: desk stands for it.
rule publish:
    input:
        finished_cards,
    log:
        f"{LOGS}/publish.log",
    localrule: True
    params:
        preset=PRESET if EVIDENCE else "desk",
    shell:
        f"{IDGAN_SC} publish --preset {{params.preset}} 2>&1 | tee {{log}}"
