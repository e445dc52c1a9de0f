"""The workflow through `profiles/slurm` on a real Slurm, brought up on this machine: same bytes, whatever is killed.

One node, no systemd, no cgroups, no accounting, fake GPUs; munge, slurmctld and slurmd of the distribution. Needs root
and the packages `slurm-wlm` and `munge`; with IDGAN_SC_REQUIRE_SLURM=1 their absence is a failure.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ETC = Path("/etc/slurm")
OURS = "idgan-sc-slurm-"  # how the folders of our Slurms begin; a link in /etc/slurm to another one is somebody else's
GPUS = 2
PATIENCE = 400  # seconds that a step may take on a busy machine

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdLogFile={base}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=512
ReturnToService=2
MinJobAge=3600
KillWait=60
GresTypes=gpu
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:fake:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


# ---------------------------------------------------------------------------------------------------- Slurm up and down
def missing() -> str | None:
    """Why no Slurm can be brought up here."""
    absent = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name, path=path()) is None]
    if absent:
        return f"{', '.join(absent)} not found: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "bringing up Slurm's daemons needs root"
    if any(not ours(entry) for entry in ETC.glob("slurm*.conf")):
        return f"{ETC} configures a Slurm that is not this test's"
    return None


def path() -> str:
    return f"{BIN}:{os.environ['PATH']}:/usr/sbin"


def ours(entry: Path) -> bool:
    return entry.is_symlink() and os.readlink(entry).startswith(f"{tempfile.gettempdir()}/{OURS}")


def call(*command: str, **options: Any) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def wait_for(what: str, found: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Ask until the answer is true; fail after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    pytest.fail(f"waited {patience:.0f} s for {what}")


def stop(pid_file: Path) -> None:
    """End a daemon that this test started."""
    if not pid_file.exists() or not pid_file.read_text().strip():
        return
    pid = int(pid_file.read_text())
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
            for _ in range(50):
                os.kill(pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            return


def start_munge() -> Path | None:
    """Its pid file, where it was not running before."""
    if subprocess.run("munge -n | unmunge", shell=True, capture_output=True).returncode == 0:
        return None
    for folder, mode in (("/run/munge", 0o755), ("/var/log/munge", 0o700), ("/var/lib/munge", 0o700)):
        Path(folder).mkdir(mode=mode, parents=True, exist_ok=True)
        shutil.chown(folder, "munge", "munge")
    call("runuser", "-u", "munge", "--", shutil.which("munged", path=path()) or "munged")
    return Path("/run/munge/munged.pid")


def configure(base: Path) -> None:
    """Write Slurm's configuration and link it where the executor's inner srun looks for it."""
    for number in range(GPUS):
        os.mknod(base / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    host = socket.gethostname().partition(".")[0]
    (base / "slurm.conf").write_text(CONF.format(base=base, host=host, gpus=GPUS))
    (base / "gres.conf").write_text(f"NodeName={host} Name=gpu Type=fake File={base}/gpu[0-{GPUS - 1}]\n")
    ETC.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        (ETC / name).unlink(missing_ok=True)
        (ETC / name).symlink_to(base / name)


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """A Slurm of one node; a second session on this machine waits for its turn."""
    with open(Path(tempfile.gettempdir()) / f"{OURS}lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = missing()
        if reason:
            (pytest.fail if os.environ.get("IDGAN_SC_REQUIRE_SLURM") == "1" else pytest.skip)(reason)
        made = not ETC.exists()
        base = Path(tempfile.mkdtemp(prefix=OURS))
        base.chmod(0o755)
        munge = None
        try:
            munge = start_munge()
            configure(base)
            for daemon in ("slurmctld", "slurmd"):
                call(shutil.which(daemon, path=path()) or daemon)
            wait_for("an idle node", lambda: "idle" in call("sinfo", "-h", "-o", "%T"), 60)
            yield
        finally:
            for pid_file in (base / "slurmd.pid", base / "slurmctld.pid", munge):
                if pid_file:
                    stop(pid_file)
            for entry in filter(ours, ETC.glob("*.conf")):
                entry.unlink()
            if made:
                ETC.rmdir()
            shutil.rmtree(base)


# --------------------------------------------------------------------------------------------------------- the workflow
def project(folder: Path, runs: dict[str, list[str]] | None = None, steps: int = 20) -> Path:
    """A copy of the project at the `test` preset, with a few of its runs where they are given; two cores suffice."""
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder)
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["preset"] = "test"
    config["compute"] |= {"checkpoint_seconds": 0, "device": "cpu"}  # a checkpoint each step: wherever it is killed
    if runs:
        preset = config["presets"]["test"]
        preset["runs"] = {"dsprites": runs}
        for row in (*preset["families"].values(), *preset["systems"].values()):
            row |= {"steps": steps}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


def head(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Snakemake at work, its output in `head.log`; the profile as shipped, but asking for states more often."""
    with open(folder / "head.log", "a") as log:
        return subprocess.Popen(
            [str(BIN / "snakemake"), *arguments], cwd=folder, env={**os.environ, "PATH": path()}, text=True,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


THROUGH_SLURM = (
    "--workflow-profile", "slurm", "--slurm-status-command", "squeue", "--latency-wait", "10",
    "--slurm-init-seconds-before-status-checks", "2", "--slurm-keep-successful-logs",
)  # fmt: skip


def finish(process: subprocess.Popen[str], folder: Path) -> str:
    """Wait for Snakemake's end; its whole output."""
    status = process.wait(timeout=3 * PATIENCE)
    said = (folder / "head.log").read_text()
    logs = "\n".join(p.read_text(errors="replace")[-1500:] for p in folder.glob("results/test/logs/train/**/*.log"))
    assert status == 0, said[-6000:] + logs
    return said


def results(folder: Path) -> dict[str, bytes]:
    """Every result that must be equal; records, costs, the report that shows them, and logs tell of the time."""
    root = folder / "results/test"
    found = {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}
    return {
        name: p.read_bytes()
        for name, p in found.items()
        if not name.startswith(("logs/", "data/", "report/", "cost.csv"))
        and p.name != "record.json"
        and p.name[0] != "."
    }


def same(folder: Path, reference: Path) -> None:
    here, there = results(folder), results(reference)
    assert set(here) == set(there)
    assert [name for name in here if here[name] != there[name]] == []


def share_data(folder: Path, reference: Path) -> None:
    """The reference's data set, which is made by the same local rule, in place of a second rendering."""
    (folder / "results/test").mkdir(parents=True)
    (folder / "results/test/data").symlink_to(reference / "results/test/data")


def jobs() -> list[str]:
    """What Slurm says of every job it remembers, an array's members each for itself."""
    return call("scontrol", "--oneliner", "show", "job").splitlines() if call("squeue", "-h", "-t", "all") else []


FEW = {"beta_vae": ["main"], "factor_vae": ["main"]}
TARGETS = tuple(f"results/test/runs/dsprites/{system}/main/0/record.json" for system in FEW)
ONE = ("results/test/runs/dsprites/infogan_stage_a/main/0/record.json",)
STEPS = 150  # of the trainings that are killed, with a checkpoint after each


@pytest.fixture(scope="module")
def local(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trainings made without Slurm."""
    folder = project(tmp_path_factory.mktemp("local"), FEW)
    finish(head(folder, "--cores", "1", *TARGETS), folder)
    return folder


@pytest.mark.long
def test_gives_the_same_bytes_as_a_local_run(local, tmp_path):
    """Two trainings, sent as one array, each with a (fake) GPU; the data set on this side."""
    share_data(project(tmp_path, FEW), local)
    before = jobs()
    said = finish(head(tmp_path, *THROUGH_SLURM, "--set-resources", "train:gpu=1", "--", *TARGETS), tmp_path)
    same(tmp_path, local)
    assert len(re.findall(r"Submitted array job", said)) == 1, said
    assert "has been submitted with SLURM jobid" not in said
    members = [about for about in jobs() if about not in before]
    assert len(members) == len(TARGETS)
    assert all(re.search(r"ArrayTaskId=.*gres[/:]gpu[=:]1\b", about) for about in members), members


@pytest.mark.long
def test_runs_the_whole_preset_to_the_same_bytes(slurm, tmp_path):
    for name, arguments in (("local", ("--cores", "2")), ("slurm", THROUGH_SLURM)):
        (tmp_path / name).mkdir()
        folder = project(tmp_path / name)
        if name == "slurm":
            share_data(folder, tmp_path / "local")
        said = finish(head(folder, *arguments, "all"), folder)
    same(tmp_path / "slurm", tmp_path / "local")
    evaluations = len(re.findall(r"rule score:", said))
    sent = len(set(re.findall(r"has been submitted with SLURM jobid (\d+).*group_evaluation", said)))
    assert sent < evaluations  # several runs' codes, scores and traversals a job


# -------------------------------------------------------------------------------------------------------- interruptions
@pytest.fixture(scope="module")
def undisturbed(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One training of STEPS steps, made without Slurm."""
    folder = project(tmp_path_factory.mktemp("undisturbed"), {"infogan": ["main"]}, STEPS)
    finish(head(folder, "--cores", "1", *ONE), folder)
    return folder


def midway(folder: Path) -> int:
    """Wait for a checkpoint, then hold the training: its process, which only a signal wakes."""

    def training() -> int | None:
        for about in Path("/proc").glob("[0-9]*"):
            try:
                command = (about / "cmdline").read_bytes().split(b"\0")
                if b"idgan_sc" in command and (about / "cwd").resolve() == folder and b"train" in command:
                    return int(about.name)
            except OSError:
                continue
        return None

    checkpoint = folder / ONE[0].replace("record.json", "checkpoint.safetensors")
    wait_for("a checkpoint", checkpoint.exists)
    pid: int = wait_for("a training", training, 10)
    os.kill(pid, signal.SIGSTOP)
    return pid


def running_job() -> str:
    """Slurm's number of the job that runs."""
    return wait_for("a running job", lambda: call("squeue", "-h", "-t", "R", "-o", "%A").split()[:1])[0]


def resumed(folder: Path) -> bool:
    """Whether some process stopped between two steps and the record's training went on from there."""
    record = json.loads((folder / ONE[0]).read_text())
    bar = (folder / "results/test/logs/train/dsprites/infogan_stage_a/main/0.log").read_text()
    first = re.search(rf"(\d+)/{STEPS}", bar)
    return record["settings"]["steps"] == STEPS and first is not None and int(first[1]) > 0


def send(folder: Path, undisturbed: Path) -> subprocess.Popen[str]:
    share_data(project(folder, {"infogan": ["main"]}, STEPS), undisturbed)
    return head(folder, *THROUGH_SLURM, *ONE)


@pytest.mark.long
def test_a_cancelled_training_goes_on(undisturbed, tmp_path):
    process = send(tmp_path, undisturbed)
    midway(tmp_path)
    call("scancel", running_job())
    assert "Trying to restart job" in finish(process, tmp_path)
    assert resumed(tmp_path)
    same(tmp_path, undisturbed)


@pytest.mark.long
def test_a_training_over_its_time_goes_on(undisturbed, tmp_path):
    """Slurm looks at the clock every half a minute; SIGTERM, a checkpoint, exit status 143, and the next attempt."""
    process = send(tmp_path, undisturbed)
    midway(tmp_path)
    job = running_job()
    call("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    said = finish(process, tmp_path)
    assert "JobState=TIMEOUT" in call("scontrol", "show", "job", job)
    assert "Trying to restart job" in said
    assert resumed(tmp_path)
    same(tmp_path, undisturbed)


@pytest.mark.long
def test_a_second_head_waits_for_the_jobs_of_a_killed_one(undisturbed, tmp_path):
    """The first head is killed while its job lives; the second sends the same training, which waits for the folder."""
    process = send(tmp_path, undisturbed)
    pid = midway(tmp_path)
    job = running_job()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    second = head(tmp_path, *THROUGH_SLURM, *ONE)
    wait_for("the second job", lambda: len(call("squeue", "-h", "-t", "R", "-o", "%A").split()) == 2)
    os.kill(pid, signal.SIGCONT)
    finish(second, tmp_path)
    assert "JobState=COMPLETED" in call("scontrol", "show", "job", job)
    same(tmp_path, undisturbed)
