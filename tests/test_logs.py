"""Logs of published runs as TensorBoard and Weights & Biases keep them: every number is the one of `log.csv`."""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from idgan_sc import cli
from idgan_sc.files import DataError
from idgan_sc.publish.logs import FORMATS, read_log, write_logs

PUBLISHED = Path(__file__).parents[1] / "results/desk/published/runs/dsprites"
RUN = PUBLISHED / "idgan_sc/main/0"
NAME = "desk/dsprites/idgan_sc/main/0"
Rows = dict[int, dict[str, float]]


def expected() -> Rows:
    return {int(row.pop("step")): row for row in pd.read_csv(RUN / "log.csv").to_dict("records")}


def event_records(content: bytes) -> Iterator[bytes]:
    """Of an event file: length, its checksum, the record, its checksum."""
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        yield content[place + 12 : place + 12 + length]
        place += 16 + length


def wandb_records(content: bytes) -> Iterator[bytes]:
    """Of a run's file: LevelDB's log format, 7 bytes of a header first, a record in parts where a block ends."""
    place, record, block = 7, b"", 32768
    while place < len(content):
        if block - place % block < 7:  # the rest of a block that holds no header
            place += block - place % block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def test_tensorboard_shows_every_number_of_a_log(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    cli.main(["logs", str(PUBLISHED / "idgan_sc/main"), "--to", str(tmp_path / "logs")])
    assert len(list(tmp_path.glob("logs/desk/dsprites/idgan_sc/main/*"))) == len(list(RUN.parent.glob("*/log.csv")))
    (file,) = (tmp_path / "logs" / NAME).iterdir()
    found: Rows = {}
    for record in event_records(file.read_bytes()):
        event = Event.FromString(record)
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(event.step, {})[value.tag] = value.simple_value
    assert found.keys() == expected().keys()
    for step, row in expected().items():
        assert found[step] == pytest.approx(row, rel=1e-6)  # its numbers are of single precision


def test_weights_and_biases_shows_every_number_of_a_log(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    write_logs([RUN], tmp_path / "logs", FORMATS["wandb"])
    (file,) = tmp_path.glob("logs/wandb/offline-run-*/*.wandb")
    found, names, settings = {}, [], {}
    for content in wandb_records(file.read_bytes()):
        record = Record.FromString(content)
        if record.WhichOneof("record_type") == "history":
            row = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            found[row["_step"]] = {key: value for key, value in row.items() if not key.startswith("_")}
        elif record.WhichOneof("record_type") == "run":
            names.append(record.run.display_name)
            settings |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
    assert found == expected() and set(names) == {NAME}
    assert settings.items() >= json.loads((RUN / "record.json").read_text(encoding="utf-8"))["settings"].items()


@pytest.mark.parametrize(("form", "library"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_library_that_is_missing_is_named_in_one_line(
    form: str, library: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["logs", str(RUN), "--format", form, "--to", str(tmp_path / "logs")])
    assert stopped.value.code == 2 and not list(tmp_path.iterdir())
    said = capsys.readouterr().err
    assert said == f"idgan-sc: logs needs the extra `logs` ({library} is not installed): pip install '.[logs]'\n"


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no log\.csv there"):
        write_logs([tmp_path], tmp_path / "logs", FORMATS["tensorboard"])
    (tmp_path / "run").mkdir()
    log = tmp_path / "run/log.csv"
    log.write_text("loss\n1\n")
    with pytest.raises(DataError, match=r"log\.csv lacks the columns step"):
        write_logs([tmp_path], tmp_path / "logs", FORMATS["tensorboard"])
    with pytest.raises(DataError, match=r"run exists: delete it"):
        write_logs([tmp_path], log.parent, FORMATS["tensorboard"])
    with pytest.raises(DataError, match=f"two logs are of the run {NAME}"):
        write_logs([RUN, RUN.parent], tmp_path / "logs", FORMATS["tensorboard"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_log_without_a_record_is_named_by_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "a/b/c/d/e"
    folder.mkdir(parents=True)
    (folder / "log.csv").write_text("step,loss,pair\n1,0.5,\n2,0.25,3\n")
    log = read_log(folder / "log.csv")
    assert (log.name, log.settings) == ("a/b/c/d/e", {})
    assert list(log.steps()) == [(1, {"loss": 0.5}), (2, {"loss": 0.25, "pair": 3})]
