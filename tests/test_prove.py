"""`make prove` keeps its time and says plainly what it found; a record of another kind is judged by a range."""

import copy
import doctest
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from idgan_sc import recompute
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.files import DataError, sha256
from idgan_sc.records.agreement import SHARE, Proof, compare_logs, first_difference, largest, summary
from idgan_sc.records.machine import LIBRARIES, differences, instructions, machine, process_age
from idgan_sc.records.record import fingerprint, read_record
from idgan_sc.records.results import Results
from idgan_sc.training import train

STAGE_A, STAGE_B = (Run("test", "dsprites", system, "main", 0) for system in ("infogan_stage_a", "infogan"))
OUTPUTS = "weights.safetensors, curve.npz, log.csv"


@pytest.fixture
def proven(small_config: Config, finished: Callable[[str], Path]) -> tuple[Config, Path]:
    """A configuration whose C1 rests on one finished run, and the results that hold it."""
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["runs"] = {"dsprites": {"infogan": ["main"]}}
    return config, finished("infogan").parents[4]


@pytest.fixture
def clone(proven: tuple[Config, Path], tmp_path: Path) -> Results:
    """The same runs as a clone has them: records and logs, no weights."""
    (tmp_path / "data").symlink_to(proven[1] / "data")
    for run in (STAGE_A, STAGE_B):
        target = tmp_path / run.path
        target.mkdir(parents=True)
        for name in ("record.json", "log.csv"):
            (target / name).write_bytes((proven[1] / run.path / name).read_bytes())
    return Results(proven[0], "test", tmp_path)


def change(results: Results, run: Run, **changes: Any) -> None:
    """Change entries of a record, those of None removed; `log` is a factor on the first row of the log."""
    folder = results.root / run.path
    record = json.loads((folder / "record.json").read_text())
    if factor := changes.pop("log", None):
        head, first, *rows = (folder / "log.csv").read_text().splitlines()
        step, value, *values = first.split(",")
        rows = [head, ",".join([step, str(float(value) * factor), *values]), *rows]
        (folder / "log.csv").write_text("\n".join(rows) + "\n")
        record["outputs"]["log.csv"] = sha256(folder / "log.csv")
    record = {key: value for key, value in (record | changes).items() if value is not None}
    (folder / "record.json").write_text(json.dumps(record))


def prove(results: Results, budget: float = 3600) -> list[Proof]:
    return list(recompute.prove(results, "C1", budget, 0))


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(recompute).failed == 0


def test_a_run_and_what_it_builds_on_come_out_as_recorded(proven: tuple[Config, Path]) -> None:
    proofs = prove(Results(proven[0], "test", proven[1]))
    assert [proof.run for proof in proofs] == [STAGE_A, STAGE_B] and all(proof.passed for proof in proofs)
    assert str(proofs[1]) == f"PASS {STAGE_B}\n    the same bytes as recorded: {OUTPUTS}"
    assert summary(proofs) == "PASS: 2 of 2 trainings came out as their records say they must"


def test_a_run_that_another_builds_on_is_trained_once(clone: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompute, "_order", lambda *_: [STAGE_B, STAGE_A])
    assert [proof.run for proof in prove(clone)] == [STAGE_A, STAGE_B]


# ------------------------------------------------------------------------------------------------------- the deadline
@pytest.fixture
def in_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], None]:
    """Lets something happen in every training at the step after n; checkpoints are written at every step."""
    monkeypatch.setattr(recompute, "SAVED", 0)

    def after(n: int, happens: Callable[[], Any]) -> None:
        step = train._Loop._step

        def changed(loop: Any) -> Any:
            if loop.trainings[0].step == n:
                happens()
            return step(loop)

        monkeypatch.setattr(train._Loop, "_step", changed)

    return after


InStep = Callable[[int, Callable[[], Any]], None]


def ring() -> None:
    """The deadline, whatever the machine's speed."""
    signal.raise_signal(signal.SIGALRM)


def test_what_is_done_by_the_deadline_is_compared(clone: Results, in_step: InStep) -> None:
    """It is in the fifth of five steps; the log has a row every three."""
    in_step(4, ring)
    (proof,) = prove(clone)
    assert proof == Proof(STAGE_A, True, ("log.csv up to step 3 of 5: all 1 rows as recorded",))


def test_a_part_that_differs_says_where_and_by_how_much(clone: Results, in_step: InStep) -> None:
    in_step(4, ring)
    change(clone, STAGE_A, log=1.01)
    (proof,) = prove(clone)
    assert proof.passed is False and proof.lines[0].startswith("log.csv up to step 3 of 5: differs from step 3 on, at")
    assert proof.lines[0].endswith("(in loss_d, step 3), 0.0099 of the largest value there")
    assert proof.lines[1] == "recorded on this kind of machine, where every byte must be equal"


def test_a_deadline_in_a_later_run_keeps_what_is_proven(clone: Results, in_step: InStep) -> None:
    in_step(6, ring)  # stage A has five steps
    first, second = prove(clone)
    assert first.run == STAGE_A and first.passed and second.run == STAGE_B and second.passed
    assert "log.csv up to step 6 of 7" in str(second)


def test_the_deadline_holds_in_the_middle_of_a_step(clone: Results, in_step: InStep) -> None:
    """A step of ten minutes; the recorded seconds say that all fits."""
    in_step(0, lambda: time.sleep(600))
    began = time.monotonic()
    with pytest.raises(DataError, match=r"budget of 6 s is too short: 0 steps of .* the first row of its log takes 3"):
        prove(clone, 6)
    assert time.monotonic() - began < 60
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_time_that_is_gone_before_the_start_counts(clone: Results) -> None:
    began = time.monotonic()
    with pytest.raises(DataError, match="too short"):
        list(recompute.prove(clone, "C1", 3600, 0, gone=3599))
    assert time.monotonic() - began < 60
    assert 0 < process_age() < 24 * 3600


# ------------------------------------------------------------------------------------------- another kind of machine
def test_a_changed_log_is_damage(clone: Results) -> None:
    log = clone.root / STAGE_B.path / "log.csv"
    log.write_text(log.read_text() + " ")
    first, second = prove(clone)
    assert first.passed and second.passed is False
    assert second.lines[0] == f"{log} is not what was recorded: restore it from the commit of its record"


@pytest.mark.parametrize(
    ("changes", "passed", "words"),
    [
        ({"log": 1.001}, False, "every byte must be equal"),
        ({"log": 1.001, "torch": "0.0"}, True, "another kind of machine (torch 0.0, here"),
        ({"log": 3.0, "torch": "0.0"}, False, f"beyond the accepted {SHARE:g}"),
        ({"log": 1.001, "instructions": None, "processor_model": None}, True, "does not name processor_model, instr"),
        ({"log": 3.0, "processor_model": None}, False, "its first 100 steps, which are judged, are beyond"),
    ],
)
def test_the_range_judges_all_but_this_kind_of_machine(
    changes: dict[str, Any], passed: bool, words: str, clone: Results
) -> None:
    change(clone, STAGE_A, **changes)
    proof = prove(clone)[0]
    assert proof.passed is passed and words in str(proof) and "differs from step 3 on" in str(proof)


def test_what_another_start_continues_is_not_judged(clone: Results) -> None:
    """The record says that stage B began from other weights than stage A ends with here."""
    before = json.loads((clone.root / STAGE_B.path / "record.json").read_text())["before"]
    before["start"]["weights"] = "0" * 64
    change(clone, STAGE_B, log=1.001, torch="0.0", before=before)
    proofs = prove(clone)
    assert proofs[0].passed and proofs[1].passed is None and "from the same start" in str(proofs[1])
    assert summary(proofs).startswith("NO VERDICT: 1 of 2")


def test_records_of_this_kind_of_machine_come_first(clone: Results) -> None:
    config = clone.config
    config["presets"]["test"]["seeds"] = {"first": 0, "count": 3}
    kinds: dict[int, dict[str, Any]] = {2: {}, 1: {"instructions": None}, 0: {"torch": "0.0"}}
    for seed, changes in kinds.items():
        run = Run("test", "dsprites", "infogan", "main", seed)
        (clone.root / run.path).mkdir(exist_ok=True)
        record = read_record(clone.root / STAGE_B.path) | {"seed": seed, "seeds": [seed]}
        before = [row["fingerprint"] for row in record["before"].values()]
        record["fingerprint"] = fingerprint(record["settings"], seed, before, record["source"])
        (clone.root / run.path / "record.json").write_text(json.dumps(record))
        change(clone, run, **changes)
    for chance in range(5):
        assert [run.seed for run in recompute._order(clone, "C1", chance)] == [2, 1, 0]


def test_a_field_that_is_missing_is_unknown_and_the_kernel_is_no_kind() -> None:
    here = machine() | {"device": "cpu", "threads": 1}
    assert differences(here, here) == ([], [])
    older = {key: value for key, value in here.items() if key not in ("processor_model", "instructions")}
    words = ["processor_model", "instructions"]
    assert differences(older, here) == ([], words) and differences(older, older) == ([], words)
    assert differences(here | {"instructions": here["instructions"] | {"mkl": "0/0"}}, here)[0] == [
        f"instructions of mkl 0/0, here {here['instructions']['mkl']}"
    ]
    linux = {"platform": "Linux-6.1.0-x86_64-with-glibc2.36"}
    assert differences(here | linux, here | {"platform": "Linux-7.2.9-x86_64-with-glibc2.36"}) == ([], [])
    assert differences(here | linux, here | {"platform": "Linux-6.1.0-x86_64-with-glibc2.41"})[0]
    assert differences(here | {"gpu": "a GPU"}, here)[0] == ["gpu a GPU, here none"]


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="needs x86 with AVX2")
def test_records_name_the_instruction_sets_that_the_libraries_were_told_to_take() -> None:
    older = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    older |= {"MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Nehalem"}  # MKL heeds the other switch on Intel's only
    code = "import json; from idgan_sc.records.machine import instructions; print(json.dumps(instructions()))"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | older, capture_output=True, check=True)
    found, here = json.loads(done.stdout), instructions()
    assert found["torch"] == "DEFAULT" and "sse41" in found["onednn"] and found["openblas"] == "Nehalem"
    chosen = [name for name in LIBRARIES if not str(here[name]).startswith("0/")]  # MKL chooses on Intel's alone
    assert len(chosen) >= 3 and all(found[name] != here[name] for name in chosen)


def test_what_scatters_around_0_is_told_and_not_judged() -> None:
    steps = np.array([100, 200, 300, 400])
    recorded = {"step": steps, "loss": np.full(4, 9.0), "total_correlation": np.array([1e-4, -1e-4, 1e-4, -1e-4])}
    again = recorded | {"total_correlation": -recorded["total_correlation"], "loss": np.array([9.0, 9.0, 9.9, 99.0])}
    equal, words, early = compare_logs(recorded, again, {"objective": "factor", "family": "vae", "steps": 400})
    assert not equal and "differs from step 100 on" in words and "total_correlation" not in str(early)
    assert early is not None and early.share == pytest.approx(0.1)  # of the loss, up to step 300


def test_deviations_have_known_sizes() -> None:
    a = {"step": np.array([3, 6]), "loss": np.array([4.0, 2.0]), "kl": np.array([np.nan, 0.5])}
    assert largest(a, a).share == 0.0 and first_difference(a, a) is None
    b = a | {"loss": np.array([4.0, 3.0])}
    assert str(largest(a, b)) == "at most 1 (in loss, step 6), 0.25 of the largest value there"
    assert first_difference(a, b) == 6
    assert largest(a, a | {"kl": np.array([0.1, 0.5])}).share == np.inf
    assert first_difference(a, a | {"kl": np.array([0.1, 0.5])}) == 3
    assert largest({"z": np.zeros(2)}, {"z": np.array([0.0, 1e-9])}).share == np.inf
    assert largest({"z": np.zeros(2)}, {"z": np.zeros(3)}).share == np.inf
    assert "only one has" in largest(a, {"step": a["step"]}).where
    assert largest({"code": np.array(["q", "v"])}, {"code": np.array(["q", "w"])}).share == np.inf


# ---------------------------------------------------------------------------------------------------- what is refused
def test_a_claim_without_runs_is_told(clone: Results) -> None:
    with pytest.raises(DataError, match="no run behind C9"):
        list(recompute.prove(clone, "C9", 60, 0))


@pytest.mark.parametrize("text", ["30", "m", "soon", ""])
def test_a_budget_without_unit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="such as 30m"):
        recompute.budget_seconds(text)
