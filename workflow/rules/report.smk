# The page to read and to play with.
from idgan_sc.files import sha256
from idgan_sc.source import PACKAGE

STUDIED = ROOT / "sensitivity/verdicts.md"  # on the page once it is made


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
                "exploratory.md",
                "verdict_sensitivity.md",
                "errata.md",
            ],
        ),
        records=files_of(there(RUNS, "record.json"), "record.json"),
        drawn=files_of(there(SHOWN, "traversal.npz"), "traversal.npz"),
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
        study=sha256(STUDIED) if STUDIED.exists() else "",
    shell:
        f"{IDGAN_SC} report {PLACE} > {{log}} 2>&1"
