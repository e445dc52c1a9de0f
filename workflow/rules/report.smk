# The page to read and to play with.
from idgan_sc.files import sha256
from idgan_sc.source import PACKAGE

STUDIED = ROOT / "sensitivity/verdicts.csv"  # on the page once it is made

# What the page is made of: a change of one of these makes it anew.
PARTS = [
    path
    for path in sorted((PACKAGE / "publish/templates").iterdir())
    if path.suffix != ".md"
]
HELD = ["tables", "figures", *(["generators"] if RESULTS.evidence else [])]


rule report:
    input:
        # all that these targets make, wherever they are included
        lambda wildcards: [file for name in HELD for file in getattr(rules, name).input],
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
        records=files_of(there(RUNS, "record.json"), "record.json"),
        drawn=files_of(there(SHOWN, "traversal.npz"), "traversal.npz"),
        weights=[
            str(path)
            for run in there(SHOWN, "traversal.npz")
            for path in RESULTS.weights(run)
        ],
    output:
        f"{ROOT}/report/index.html",
        f"{ROOT}/cost.csv",
    log:
        f"{LOGS}/report.log",
    localrule: True
    params:
        config=CONFIG,
        source=source_hash("report"),
        parts=[sha256(path) for path in PARTS],
        study=sha256(STUDIED) if STUDIED.exists() else "",
    shell:
        f"{IDGAN_SC} report {PLACE} > {{log}} 2>&1"
