"""What may go wrong while results are made: each fault ends in the same bytes, or in one line that names it."""

import contextlib
import copy
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import job, make_baselines, with_data
from idgan_sc import cli, recompute
from idgan_sc import config as configuration
from idgan_sc.config import ConfigError, Run
from idgan_sc.data.images import open_images
from idgan_sc.evaluation.gather import gather_scores
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, claimed, sha256
from idgan_sc.records.record import OF, recorded_hashes
from idgan_sc.records.results import Results
from idgan_sc.report.tables import table3
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import encode, load_run
from idgan_sc.training.train import train
from test_train import interrupted

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
Config = dict[str, Any]
STAGE_A = Run("test", "dsprites", "infogan_stage_a", "main", 0)
INFOGAN = Run("test", "dsprites", "infogan", "main", 0)
OUTPUTS = ("weights.safetensors", "curve.npz", "log.csv")


def same_bytes(a: Path, b: Path, names: tuple[str, ...] = OUTPUTS) -> None:
    assert [name for name in names if (a / name).read_bytes() != (b / name).read_bytes()] == []


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)


def one_line(arguments: list[str]) -> str:
    """The one line with which the command line refuses; progress bars do not count."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    lines = [line for line in said.getvalue().splitlines() if line and "step/s" not in line]
    assert len(lines) == 1 and lines[0].startswith("idgan-sc: "), lines
    return lines[0]


# ------------------------------------------------------------------------------------------------------------- the disk
@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def leave_free(disk: Path, free: int) -> Path:
    """Fill a disk up to `free` bytes; the file that fills it."""
    ballast = disk / "ballast"
    status = os.statvfs(disk)
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - free))
    return ballast


@pytest.mark.parametrize("checkpoints", [0.01, 1.2, 2.2])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    checkpoints: float, config: Config, write_config: Callable[[Config], Path], finished: Callable[[str], Path],
    small_data: Path, small_disk: Path,
) -> None:  # fmt: skip
    """It fills before the first checkpoint, at the second, which is written beside the first, or at the end."""
    root, expected = with_data(small_disk / "results", small_data), finished("infogan_stage_a")
    state = (expected / "state.safetensors").stat().st_size
    ballast = leave_free(small_disk, int(checkpoints * state))
    command = ["--config", str(write_config(config)), "train", "--system", "infogan_stage_a", "--out", str(root)]
    said = one_line(command)
    assert "No space left on device" in said and str(root) in said
    folder = root / STAGE_A.path
    assert not (folder / "record.json").exists()
    assert not list(root.rglob(".tmp-*"))
    for path in folder.rglob("*.safetensors"):
        checkpoint.read(path)  # whole
    ballast.unlink()
    cli.main(command)
    same_bytes(folder, expected, (*OUTPUTS, "state.safetensors"))


def test_a_folder_that_cannot_be_written_to_is_one_line(
    config: Config, write_config: Callable[[Config], Path], small_data: Path, small_disk: Path
) -> None:
    root, path = with_data(small_disk / "results", small_data), write_config(config)
    (root / "data" / ".lock").touch()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = one_line(["--config", str(path), "train", "--system", "infogan_stage_a", "--out", str(root)])
    assert "Read-only file system" in said and str(root) in said


# --------------------------------------------------------------------------------------------- files of a finished run
@pytest.fixture(scope="module")
def scored(finished: Callable[[str], Path], small_config: Config) -> Path:
    """The folder of a run that is trained, encoded and scored."""
    folder = finished("infogan")
    finished_job = job(small_config, INFOGAN, folder.parents[4])
    encode(finished_job)
    score(finished_job)
    return folder


@pytest.fixture
def place(scored: Path, new_root: Callable[..., Path]) -> Path:
    """A copy of that run, and of its stage A, in a results folder of its own."""
    root = new_root()
    for run in (INFOGAN, STAGE_A):
        shutil.copytree(scored.parents[4] / run.path, root / run.path)
    return root / INFOGAN.path


@pytest.fixture
def config(small_config: Config) -> Config:
    """`small_config` with one run in its tables."""
    changed = copy.deepcopy(small_config)
    changed["presets"]["test"]["runs"] = {"dsprites": {"infogan": ["main"]}}
    return changed


def test_every_file_that_is_made_of_a_run_has_its_hash_beside_the_record(scored: Path) -> None:
    hashes = recorded_hashes(scored)
    assert len(hashes.pop("evaluation")) == 64  # of the settings that it was scored by
    made_of = {key: hashes.pop(key) for key in list(hashes) if OF in key}
    assert set(hashes) == {*OUTPUTS, "codes.npz", "few_codes.npz", "scores.csv", "curve.csv", "association.csv"}
    sources = {"codes.npz": "weights.safetensors", "scores.csv": "codes.npz", "association.csv": "codes.npz"}
    for name, source in (sources | {"curve.csv": "curve.npz"}).items():
        assert made_of[f"{name}{OF}{source}"] == hashes[source]
    assert all(sha256(scored / name) == digest for name, digest in hashes.items())


def rescore(config: Config, folder: Path) -> None:
    quicker = copy.deepcopy(config)
    quicker["presets"]["test"]["evaluation"] |= {"metrics": ["mig"], "draws": 1}
    score(job(quicker, INFOGAN, folder.parents[4]))


def regather(config: Config, folder: Path) -> None:
    gather_scores(Results(config, "test", folder.parents[4]))


def retrain(config: Config, folder: Path) -> None:
    train(job(config, INFOGAN, folder.parents[4]))


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("weights.safetensors", retrain),
        ("record.json", retrain),
        ("codes.npz", rescore),
        ("curve.npz", rescore),
        ("scores.csv", regather),
        ("curve.csv", regather),
    ],
)
def test_a_truncated_altered_or_missing_file_is_named(
    name: str, use: Callable[[Config, Path], None], config: Config, place: Path
) -> None:
    whole = (place / name).read_bytes()
    for damaged in (whole[:-30], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], b"", None):
        (place / name).unlink()
        if damaged is not None:
            (place / name).write_bytes(damaged)
        elif name == "record.json":
            return  # no record, no finished run: it is trained again
        with pytest.raises(DataError) as refused:
            use(config, place)
        assert name in str(refused.value) and "\n" not in str(refused.value)
        (place / name).write_bytes(whole)
    use(config, place)


def test_an_altered_file_of_a_predecessor_is_named_though_it_was_given_by_hand(
    config: Config, place: Path, new_root: Callable[..., Path]
) -> None:
    start = place.parents[4] / STAGE_A.path
    flip(start / "log.csv")
    with pytest.raises(DataError, match=r"log\.csv is damaged"):
        train(job(config, INFOGAN, new_root("other")), {"start": start})


def test_altered_images_are_not_trained_on(config: Config, small_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "results"
    shutil.copytree(small_data, root / "data" / "dsprites")
    flip(root / "data" / "dsprites" / "images.npy")
    with pytest.raises(DataError, match=r"images\.npy is damaged"):
        train(job(config, STAGE_A, root))


def test_an_altered_point_of_the_curve_is_named_and_once_deleted_made_again(
    config: Config, place: Path, finished: Callable[[str], Path]
) -> None:
    """The codes along a training are part of what it resumes from."""
    root = place.parents[4]
    shutil.rmtree(place)
    assert interrupted(config, "infogan", root, 6, signal.SIGTERM) == 143
    point = place / ".curve" / "0.safetensors"
    flip(point, 0.9)
    with pytest.raises(DataError, match=r"0\.safetensors is damaged.*delete it"):
        train(job(config, INFOGAN, root))
    point.unlink()
    train(job(config, INFOGAN, root))
    same_bytes(place, finished("infogan"))


def test_tables_can_be_made_of_the_runs_that_exist_and_say_what_is_missing(
    config: Config, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config["presets"]["test"]["runs"] = {"dsprites": {"infogan": ["main"], "idgan": ["main"]}}
    root = place.parents[4]
    with pytest.raises(DataError, match="no finished run"):
        gather_scores(Results(config, "test", root))
    gather_scores(Results(config, "test", root), allow_missing=True)
    assert "missing: dsprites/idgan/main/0" in capsys.readouterr().err
    make_baselines(root)
    table3(Results(config, "test", root))
    assert "missing" in (root / "tables" / "table3.md").read_text()
    shutil.rmtree(place)
    with pytest.raises(DataError, match="there is nothing to gather"):
        gather_scores(Results(config, "test", root), allow_missing=True)


def test_runs_that_build_on_two_trainings_of_one_predecessor_are_not_compared(
    config: Config, place: Path, finished: Callable[[str], Path]
) -> None:
    """As when stage A of a seed is trained again on another kind of machine, for the arms that are still to come."""
    config["presets"]["test"]["runs"] = {"dsprites": {"infogan": ["main"], "infogan_cr": ["main"]}}
    root, another = place.parents[4], place.parents[2] / "infogan_cr/main/0"
    another.mkdir(parents=True)
    shutil.copy(finished("infogan_cr") / "record.json", another)
    for name in ("scores.csv", "curve.csv", "association.csv"):
        shutil.copy(place / name, another)
    gather_scores(Results(config, "test", root))
    start = json.loads((another / "record.json").read_text())["before"]["start"]
    assert start["weights"] == sha256(root / STAGE_A.path / "weights.safetensors")
    rerecord(another, before={"start": start | {"weights": "0" * 64}})
    said = r"infogan_cr/main/0 builds on another training of .*infogan_stage_a/main/0 than dsprites/infogan/main/0"
    with pytest.raises(DataError, match=said):
        gather_scores(Results(config, "test", root))


# --------------------------------------------------------------------------------------------------------------- verify
def test_verify_finds_the_same_bytes(config: Config, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = place.parents[4]
    assert recompute.verify(Results(config, INFOGAN.preset, root), INFOGAN)
    said = capsys.readouterr().out
    assert "the same bytes as recorded" in said
    assert all(name in said for name in (*OUTPUTS, "codes.npz", "scores.csv", "curve.csv", "association.csv"))
    assert not list(root.glob("verify-*"))


def rerecord(folder: Path, **changes: Any) -> None:
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record | changes))


def test_verify_names_each_difference_and_its_size(
    config: Config, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that differ by 0.25 at one place, with the hash of their own in the record."""
    tensors, about = checkpoint.read(place / "weights.safetensors")
    name = next(name for name in tensors if name.endswith("weight"))
    tensors[name].view(-1)[3] += 0.25
    checkpoint.save(place / "weights.safetensors", tensors, about)
    outputs = json.loads((place / "record.json").read_text())["outputs"]
    rerecord(place, outputs=outputs | {"weights.safetensors": sha256(place / "weights.safetensors")})
    assert not recompute.verify(Results(config, INFOGAN.preset, place.parents[4]), INFOGAN)
    said = capsys.readouterr().out
    assert "weights.safetensors differs" in said and "at most 0.25" in said and name in said
    assert "codes.npz differs" not in said and "another kind" not in said
    rerecord(place, torch="1.0", outputs=outputs | {"weights.safetensors": sha256(place / "weights.safetensors")})
    assert not recompute.verify(Results(config, INFOGAN.preset, place.parents[4]), INFOGAN)
    said = capsys.readouterr().out
    assert "FAIL" in said and "at most 0.25" in said and "no kind of machine changes these and not one digit" in said


def test_verify_takes_named_runs_and_refuses_names_that_are_not_there(config: Config, place: Path) -> None:
    root = place.parents[4]
    chosen = recompute.choose(Results(config, "test", root), ["dsprites/infogan/main/0"], 1)
    assert chosen == [INFOGAN]
    assert len(recompute.choose(Results(config, "test", root), [], 1)) == 1
    assert set(recompute.choose(Results(config, "test", root), [], None)) == {INFOGAN, STAGE_A}
    with pytest.raises(ConfigError, match="no finished run"):
        recompute.choose(Results(config, "test", root), ["dsprites/infogan/main/1"], 1)
    with pytest.raises(DataError, match="train one before you verify it"):
        recompute.choose(Results(config, "test", root / "nowhere"), [], 1)


def test_of_many_runs_the_nearest_are_named(config: Config) -> None:
    published = Results(config, "desk", Path(__file__).parents[1] / "results/desk")
    with pytest.raises(ConfigError) as error:
        recompute.choose(published, ["dsprites/idgan_s/main/0"], 1)
    assert "choose one of dsprites/idgan_sc/main/0, " in str(error.value) and "record.json` has all)" in str(
        error.value
    )
    assert len(str(error.value)) < 300


def test_verify_refuses_runs_of_other_settings(config: Config, place: Path) -> None:
    config["variants"]["main"]["lambda_info"] = 0.5
    with pytest.raises(DataError, match="other settings than today's"):
        recompute.verify(Results(config, INFOGAN.preset, place.parents[4]), INFOGAN)


def test_a_killed_process_lets_go_of_its_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    code = "import sys; from idgan_sc.files import locked\nwith locked(sys.argv[1]): print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as one:
        assert one.stdout and one.stdout.readline() == b"held\n"
        with claimed(path, wait=False) as mine:
            assert not mine
        one.kill()
    with claimed(path, wait=False) as mine:
        assert mine


# --------------------------------------------------------------------------------------------------------------- safety
def test_nothing_that_is_read_can_run_code() -> None:
    dangerous = (
        r"\bpickle\b(?!=False)", r"allow_pickle=True", r"torch\.load\(", r"shell=True", r"(?<![.\w])(eval|exec)\(",
        r"os\.system", r"yaml\.(unsafe_load|full_load|load\((?!.*_Loader\)))", r"joblib|marshal|shelve",
    )  # fmt: skip
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk"), ROOT / "Snakefile"]
    assert len(files) > 40
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        for pattern in dangerous
        if re.search(pattern, line) and not re.search(r"not? pickle|No pickle|a pickle NumPy takes", line)
    ]
    assert found == []
    loads = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if "np.load(" in line and "allow_pickle=False" not in line
    ]
    assert loads == []


@pytest.mark.parametrize(
    "name", ["a;touch x", "$(touch x)", "`x`", "a b", "../x", "a\nb", "a'b", "a|b", "", "a&", "ä>x"]
)
@pytest.mark.parametrize("kind", ["presets", "systems", "variants", "datasets"])
def test_no_name_can_be_shell_text(
    kind: str, name: str, shipped: Config, write_config: Callable[[Config], Path]
) -> None:
    """Every word that a rule's command is built from is a name that the schema restricts."""
    hostile = configuration.without_factorial(copy.deepcopy(shipped))
    hostile[kind] = hostile[kind] | {name: next(iter(hostile[kind].values()))}
    with pytest.raises(ConfigError) as refused:
        configuration.load(write_config(hostile))
    assert "\n" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


class Damaged(bytes):
    """Bytes that a failing test does not print."""

    def __repr__(self) -> str:
        return f"{len(self)} bytes: {bytes(self[:60])!r}"


@st.composite
def damages(draw: st.DrawFn, whole: bytes, is_json: bool) -> bytes:
    """Bytes of a file after something happened to it; a JSON file may also be well formed and wrong."""
    content = bytearray(whole)
    kinds = ["flip", "cut", "zeros", "insert", "other"] + ["entry"] * 5 * is_json
    kind = draw(st.sampled_from(kinds))
    at = draw(st.integers(0, len(content) - 1))
    if kind == "flip":
        content[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == "cut":
        del content[at:]
    elif kind == "zeros":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    elif kind == "insert":
        content[at:at] = draw(st.binary(min_size=1, max_size=9))
    elif kind == "other":
        content = bytearray(draw(st.binary(max_size=40)))
    else:
        about = json.loads(whole)
        within = about
        while True:
            key = draw(st.sampled_from(sorted(within) if isinstance(within, dict) else range(len(within))))
            if not isinstance(within[key], dict | list) or not within[key] or draw(st.booleans()):
                break
            within = within[key]
        if draw(st.booleans()):
            within[key] = draw(JSON)
        else:
            del within[key]
        content = bytearray(json.dumps(about).encode())
    return Damaged(content)


def reload(config: Config, folder: Path) -> None:
    load_run(folder)


def look_at_data(config: Config, folder: Path) -> None:
    images = open_images(folder.parents[4] / "data" / "dsprites")
    some = np.arange(min(50, images.n))
    images.batch(some, images.shape[1])
    if images.classes is not None:
        images.values(some)


def read_state(config: Config, folder: Path) -> None:
    checkpoint.read(folder.parents[4] / STAGE_A.path / "state.safetensors")


def regather_and_table(config: Config, folder: Path) -> None:
    regather(config, folder)
    table3(Results(config, "test", folder.parents[4]))


def read_gathered(config: Config, folder: Path) -> None:
    table3(Results(config, "test", folder.parents[4]))


FUZZED = {
    "record.json": [reload, regather, retrain],
    "hashes.json": [rescore, regather],
    "weights.safetensors": [reload],
    "../../../infogan_stage_a/main/0/state.safetensors": [read_state],
    "codes.npz": [rescore],
    "curve.npz": [rescore],
    "scores.csv": [regather_and_table],
    "curve.csv": [regather],
    "../../../../../scores.csv": [read_gathered],
    "../../../../../data/dsprites/dataset.json": [look_at_data],
    "../../../../../data/dsprites/images.npy": [look_at_data],
    "../../../../../data/dsprites/factors.npy": [look_at_data],
}  # fmt: skip


def fuzz(
    name: str, examples: int, config: Config, place: Path, small_data: Path, without: tuple[str, ...] = ()
) -> None:
    """Damage one file again and again: whoever reads it refuses it in one line, or goes on; nothing else."""
    root = place.parents[4]
    (root / "data" / "dsprites").unlink()
    shutil.copytree(small_data, root / "data" / "dsprites")
    gather_scores(Results(config, "test", root))
    path = place / name
    kept = {name: (place / name).read_bytes() for name in ("scores.csv", "curve.csv", "hashes.json")}
    for absent in without:
        (place / absent).unlink()
    whole = path.read_bytes()

    @settings(
        max_examples=examples, deadline=None, derandomize=examples < 100, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damages(whole, path.suffix == ".json"))
    def check(damaged: bytes) -> None:
        path.write_bytes(damaged)
        for use in FUZZED[name]:
            try:
                use(config, place)
            except (DataError, ConfigError) as refused:
                assert "\n" not in str(refused).strip(), refused
            finally:
                for other, content in kept.items():
                    if other != name and other not in without:
                        (place / other).write_bytes(content)
                for absent in without:
                    (place / absent).unlink(missing_ok=True)

    check()


@pytest.mark.parametrize("name", FUZZED)
def test_a_damaged_file_is_refused_in_one_line_or_read(
    name: str, config: Config, place: Path, small_data: Path
) -> None:
    fuzz(name, 40, config, place, small_data)


@pytest.mark.parametrize("name", ["codes.npz", "curve.npz", "scores.csv", "curve.csv"])
def test_it_is_also_where_no_hash_was_noted(name: str, config: Config, place: Path, small_data: Path) -> None:
    """As in a published folder, or one of an earlier version: there the readers' own checks must do."""
    without = ("hashes.json", "record.json") if name == "curve.npz" else ("hashes.json",)
    fuzz(name, 40, config, place, small_data, without)


@pytest.mark.long
@pytest.mark.parametrize("name", FUZZED)
def test_thousands_of_damaged_files_are_refused_or_read(
    name: str, config: Config, place: Path, small_data: Path
) -> None:
    fuzz(name, 1000, config, place, small_data)


@pytest.mark.long
@pytest.mark.parametrize("name", ["codes.npz", "curve.npz", "scores.csv", "curve.csv"])
def test_thousands_are_also_where_no_hash_was_noted(name: str, config: Config, place: Path, small_data: Path) -> None:
    fuzz(
        name,
        1000,
        config,
        place,
        small_data,
        ("hashes.json", "record.json") if name == "curve.npz" else ("hashes.json",),
    )


# --------------------------------------------------------------------------------------------------------- the pipeline
MADE = ("*.safetensors", "*.npz", "*.csv", "*.png", "*.pdf", "*.md", "*.tex", "networks.json", "hashes.json")


def results(folder: Path) -> Path:
    """Where the pipeline of a project writes; its configuration says at which preset."""
    return folder / "results" / yaml.safe_load((folder / "config.yaml").read_text())["preset"]


def hashes(folder: Path) -> dict[str, str]:
    """Everything in the results but data, records, locks and logs: relative path -> SHA-256."""
    root = results(folder)
    paths = {path for pattern in MADE for path in root.rglob(pattern) if "data" not in path.relative_to(root).parts}
    assert not [path for path in paths if ".tmp-" in path.name or "checkpoint" in path.name]
    return {str(path.relative_to(root)): sha256(path) for path in sorted(paths)}


def project(folder: Path, config: Config) -> Path:
    """The workflow in a folder of its own, with one data set to render and three trainings to do."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration.without_factorial(config), sort_keys=False))
    return folder


def copy_of(whole: Path, folder: Path, what: str = "") -> Path:
    """A finished project, or a part of one, in another place; only the images are shared."""

    def put(source: str, target: str) -> None:
        (os.link if source.endswith("images.npy") else shutil.copy2)(source, target)

    shutil.copytree(whole / what, folder / what, copy_function=put)
    return folder


def start(folder: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [*prefix, str(BIN / "snakemake"), *arguments]
    out = open(folder / "said", "a")  # noqa: SIM115 - it outlives this function
    return subprocess.Popen(
        command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip


def snakemake(folder: Path, *arguments: str, prefix: tuple[str, ...] = (), status: int = 0) -> str:
    process = start(folder, *arguments, prefix=prefix)
    assert process.wait(900) == status, (folder / "said").read_text()[-3000:]
    return (folder / "said").read_text()


@pytest.fixture(scope="session", params=["test", "quick"])
def chain_config(request: pytest.FixtureRequest, small_config: Config, shipped: Config) -> Config:
    """A β-VAE and IDGAN-SC: one seed of 30 steps at preset test; two seeds of the quick preset's own settings."""
    config = copy.deepcopy(small_config if request.param == "test" else shipped) | {"preset": request.param}
    preset = config["presets"][request.param]
    preset["runs"] = {"dsprites": {"beta_vae": ["main"], "idgan_sc": ["main"]}}
    if request.param == "test":
        for family in ("vae", "gan"):
            preset["families"][family]["steps"] = 30
    else:
        preset["datasets"] = {"dsprites": preset["datasets"]["dsprites"]}
    return config


ALL = ("tables", "figures")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, chain_config: Config) -> Path:
    """A run of the pipeline that nothing disturbed, one job at a time, without a network where that can be had."""
    folder = project(tmp_path_factory.mktemp("whole") / "project", chain_config)
    alone = ("unshare", "-n")
    can = subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    snakemake(folder, "--cores", "1", *ALL, prefix=alone if can else ())
    return folder


@pytest.mark.long
def test_killed_with_all_its_children_ten_times_it_ends_in_the_same_bytes(
    whole: Path, chain_config: Config, tmp_path: Path
) -> None:
    folder = project(tmp_path / "project", chain_config)
    began = time.monotonic()
    snakemake(folder, "-n", *ALL)
    startup = time.monotonic() - began
    rng = random.Random(int(os.environ.get("KILL_SEED", "0")))
    moments = [0, *sorted(rng.randrange(len(hashes(whole)) - 15) for _ in range(9))]  # numbers of files that are made
    for files in moments:
        process = start(folder, "--cores", "2", *ALL)
        while len(hashes_so_far(folder)) < files and process.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, startup))
        assert process.poll() is None, "it ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(f"killed with {len(hashes_so_far(folder))} files made")
    snakemake(folder, "--cores", "2", *ALL)
    assert hashes(folder) == hashes(whole)
    print(f"{len(moments)} kills, {len(hashes(whole))} equal files")


def hashes_so_far(folder: Path) -> list[Path]:
    return [path for pattern in MADE for path in results(folder).rglob(pattern)]


@pytest.mark.long
def test_two_at_once_end_in_the_same_bytes(whole: Path, chain_config: Config, tmp_path: Path) -> None:
    folder = project(tmp_path / "project", chain_config)
    both = [start(folder, "--cores", "2", *ALL) for _ in range(2)]
    assert [process.wait(900) for process in both] == [0, 0], (folder / "said").read_text()[-3000:]
    assert "waiting for it" in (folder / "said").read_text()
    assert hashes(folder) == hashes(whole)


@pytest.mark.long
def test_files_from_the_future_change_no_byte(whole: Path, tmp_path: Path) -> None:
    folder = copy_of(whole, tmp_path / "project")
    tomorrow = time.time() + 86400
    for name in ("data/dsprites/dataset.json", "runs/dsprites/beta_vae/main/0/weights.safetensors", "scores.csv"):
        os.utime(results(folder) / name, (tomorrow, tomorrow))
    said = snakemake(folder, "--cores", "2", *ALL)
    assert f"3 files of {results(folder).relative_to(folder)} were dated in the future" in said
    assert hashes(folder) == hashes(whole)


@pytest.mark.long
def test_when_one_system_fails_the_others_go_on_and_the_tables_say_what_is_missing(
    whole: Path, chain_config: Config, tmp_path: Path
) -> None:
    config = copy.deepcopy(chain_config)
    preset = config["presets"][config["preset"]]
    preset["runs"] = {"dsprites": {"beta_vae": ["main"], "infogan": ["main"]}}
    preset["systems"]["infogan_stage_a"]["lr_generator"] = 1e38
    folder = copy_of(whole, project(tmp_path / "project", config), f"results/{config['preset']}/data")
    said = snakemake(folder, "--keep-going", "tables", status=1)
    assert re.search(r"infogan_stage_a \(main\), seed 0, step \d+: `\w+` is (nan|-?inf)", said)
    made = results(folder)
    assert (made / "runs/dsprites/beta_vae/main/0/scores.csv").exists() and not (made / "scores.csv").exists()
    snakemake(folder, "tables", "--config", "allow_missing=true")
    assert "missing" in (made / "tables/table3.md").read_text()
    assert "missing: dsprites/infogan/main/0" in (made / "logs/gather.log").read_text()


@pytest.mark.long
def test_a_damaged_file_in_the_pipeline_is_named_and_made_again_once_deleted(whole: Path, tmp_path: Path) -> None:
    folder = copy_of(whole, tmp_path / "project")
    scores = results(folder) / "runs/dsprites/beta_vae/main/0/scores.csv"
    content = scores.read_text()
    scores.write_text(content.replace("0.", "0.1", 1))
    said = snakemake(folder, "tables", status=1)
    assert f"{scores.relative_to(folder)} is damaged" in said
    scores.unlink()
    snakemake(folder, str((results(folder) / "scores.csv").relative_to(folder)), *ALL)
    assert hashes(folder) == hashes(whole)


@pytest.mark.long
def test_verify_is_a_target_and_finds_every_run_as_recorded(whole: Path) -> None:
    runs = len(list(results(whole).glob("runs/*/*/*/*/record.json")))
    said = snakemake(whole, "verify", "--config", "sample=all")
    assert runs >= 3 and f"{runs} of {runs} runs verified" in said
    assert said.count("the same bytes as recorded") == runs
