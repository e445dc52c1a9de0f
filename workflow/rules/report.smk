# The page to read and to play with.
from idgan_sc.files import sha256
from idgan_sc.source import PACKAGE

SHOWN = configuration.shown_generators(CONFIG, PRESET) if OF_PAPER else []


rule report:
    input:
        # all that these targets make, wherever they are included
        lambda wildcards: [
            file
            for name in [
                "tables",
                "figures",
                *(["generators"] if RESULTS.evidence else []),
            ]
            for file in getattr(rules, name).input
        ],
        claims=expand(
            f"{ROOT}/{{name}}",
            name=[
                "claims.md",
                "checks.csv",
                "readings.csv",
                "exploratory.csv",
                "verdict_sensitivity.csv",
                "errata.md",
            ],
        ),
        records=files_of(there(RESULTS.planned, "record.json"), "record.json"),
        drawn=files_of(there(SHOWN, "traversal.npz"), "traversal.npz"),
        weights=[
            str(path)
            for run in there(SHOWN, "traversal.npz")
            for path in RESULTS.weights(run)
        ],
    output:
        page=report(
            f"{ROOT}/report/index.html",
            caption="../report/page.rst",
            category="Page",
            labels={"preset": PRESET},
        ),
        cost=f"{ROOT}/cost.csv",
    log:
        f"{LOGS}/report.log",
    localrule: True
    conda:
        "../envs/idgan_sc.yaml"
    params:
        config=CONFIG,
        source=source_hash("report"),
        # what the page is made of: a change of one of these makes it anew
        parts=[
            sha256(path)
            for path in sorted((PACKAGE / "publish/templates").iterdir())
            if path.suffix != ".md"
        ],
        # on the page once it is made
        study=(
            sha256(verdicts)
            if (verdicts := ROOT / "sensitivity/verdicts.csv").exists()
            else ""
        ),
    shell:
        f"{IDGAN_SC} report {PLACE} > {{log}} 2>&1"
