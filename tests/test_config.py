"""The configuration: what is shipped passes, what cannot be meant is refused in one line, a run's settings resolve."""

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idgan_sc import config as configuration
from idgan_sc import metrics
from idgan_sc.config import (
    ConfigError,
    Run,
    load,
    planned_runs,
    predecessors,
    resolve,
    validate,
    validation,
    with_predecessors,
)
from idgan_sc.models import networks
from idgan_sc.records import record

SHIPPED = Path(__file__).parents[1] / "config.yaml"
Config = dict[str, Any]


@pytest.fixture
def whole(shipped: Config) -> Config:
    """A copy of config.yaml as shipped, to change at will."""
    return copy.deepcopy(shipped)


def run_of(system: str, variant: str = "main", preset: str = "paper", seed: int = 0) -> Run:
    return Run(preset, "dsprites", system, variant, seed)


def put(config: Config, path: str, value: Any) -> None:
    *way, last = path.split("/")
    for key in way:
        config = config.setdefault(key, {})
    config[last] = value


def refused(config: Any, *words: str) -> None:
    with pytest.raises(ConfigError) as error:
        validate(config)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


# --------------------------------------------------------------------------------------------------------- as shipped
EVERY_SYSTEM = {"paper", "desk", "quick", "test"}  # presets whose runs are those of the tables
ONE_QUESTION = {"released", "pilot", "pilot_rooms", "rooms", "second", "correlated", "tuning", "test_all", "demo"}


def test_the_shipped_configuration_passes() -> None:
    config = load(SHIPPED)
    assert set(config["presets"]) == EVERY_SYSTEM | ONE_QUESTION and config["preset"] == "quick"


def test_every_key_of_the_families_has_a_comment() -> None:
    block = SHIPPED.read_text(encoding="utf-8").partition("families:")[2].partition("\nsystems:")[0]
    bare = [line.strip() for line in block.splitlines() if line.startswith("    ") and "#" not in line]
    bare = [
        line for line in bare if line not in ("log_every: 100", "curve_points: 15")
    ]  # explained above, for the VAEs
    assert [line for line in bare if not line.startswith("image_size")] == []


def test_the_lists_in_config_agree_with_the_code_they_stand_for() -> None:
    assert set(configuration.metric_names()) == set(metrics.METRICS)
    assert configuration.SIZES == networks.SIZES
    for table in (networks.TRUNK, networks.UPWARD, networks.VAE, networks.SIDE, networks.HIDDEN):
        assert tuple(table) == networks.SIZES


def test_the_papers_settings_are_those_of_the_paper(shipped: Config) -> None:
    prior = resolve(shipped, run_of("idgan_sc_prior"))
    vae = resolve(shipped, run_of("idgan_sc"))
    expected = {"lr_generator": 1e-4, "lr_discriminator": 2e-4, "lr_pair": 2e-4, "batch": 64, "c_dim": 5, "z_dim": 5,
                "pairs": 384, "lambda_info": 0.05, "alpha": 2.0, "r_dim": 128, "image_size": 64}  # fmt: skip
    assert expected.items() <= prior.items() and (expected | {"c_dim": 10}).items() <= vae.items()
    assert resolve(shipped, run_of("infogan_stage_a"))["steps"] == 25 * 11_520
    assert prior["steps"] == 3 * 11_520
    assert {"beta": 8.0, "lr": 2e-4, "batch": 64, "c_dim": 10}.items() <= resolve(shipped, run_of("beta_vae")).items()
    assert configuration.seeds_of(shipped, "paper") == list(range(50))


def test_config_and_provenance_load_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import idgan_sc.config, idgan_sc.records.published, sys; "
        "print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("families/gan/alpah", 2.0, ["families.gan", "`alpah`", "did you mean `alpha`?"]),
        ("evaluatoin", {}, ["unknown key `evaluatoin`", "did you mean `evaluation`?"]),
        ("systems/idgan_sc/quux", 1, ["systems.idgan_sc", "unknown key `quux`"]),
        ("presets/desk/famlies", {}, ["presets.desk", "`families`"]),
        ("compute/treads", 2, ["compute", "`threads`"]),
        ("families/gan/batch", "64", ["families.gan.batch"]),
        ("families/gan/batch", 64.0, ["families.gan.batch"]),
        ("families/gan/batch", True, ["families.gan.batch"]),
        ("families/gan/batch", None, ["families.gan.batch"]),
        ("families/gan/steps", 0, ["families.gan.steps"]),
        ("families/gan/lr_generator", "1e-4", ["families.gan.lr_generator", "1.0e-4"]),
        ("families/gan/lr_generator", 0, ["families.gan.lr_generator"]),
        ("families/gan/lr_generator", float("nan"), ["families.gan.lr_generator"]),
        ("families/gan/alpha", float("inf"), ["families.gan.alpha"]),
        ("families/gan/alpha", -1.0, ["families.gan.alpha"]),
        ("families/gan/adam_betas", [0.5], ["families.gan.adam_betas"]),
        ("families/gan/adam_betas", [0.5, 1.0], ["families.gan.adam_betas"]),
        ("families/gan/pair_rule", "change_two", ["families.gan.pair_rule"]),
        ("families/gan/standardise_r", "no", ["families.gan.standardise_r"]),
        ("families/gan/image_size", 48, ["image_size", "48", "(28, 32, 64)"]),
        ("presets/quick/families/gan/image_size", 28, ["image_size", "28", "native: true"]),
        ("presets/paper/datasets/mnist", {"native": True}, ["image_size", "32", "datasets.mnist.native"]),
        ("datasets/faces/native", True, ["datasets.faces", "`native`", "digits and mnist"]),
        ("presets/desk/datasets/digits/crop", 9, ["presets.desk.datasets.digits", "`crop`", "celeba"]),
        ("preset", "qick", ["preset", "`qick`"]),
        ("runs/dsprites/infogna", ["main"], ["infogna"]),
        ("runs/dsprites/infogan", ["c11"], ["`c11`"]),
        ("runs/dsprites/infogan", ["tau_07"], ["`tau_07`", "does not change infogan"]),
        ("runs/dsprite", {"infogan": ["main"]}, ["dsprite"]),
        ("variants/c10/systems", ["infogan_xx"], ["infogan_xx"]),
        ("variants/new", {"alpha": 1.0}, ["variants.new", "systems"]),
        ("presets/desk/systems/beta_vea", {"beta": 2.0}, ["beta_vea"]),
        ("presets/desk/datasets/sprites", {"source": "real"}, ["sprites"]),
        ("presets/desk/seeds/count", 0, ["presets.desk.seeds.count"]),
        ("evaluation/metrics", ["factor_vae", "fid"], ["metric", "`fid`"]),
        ("presets/quick/evaluation/std", 6000, ["quick", "std", "6000", "2500"]),
        ("evaluation/group_size", 25, ["evaluation.group_size", "multiple of 2"]),
        ("families/gan/pairs", 4, ["pairs", "4", "5 classes"]),
        ("systems/idgan_sc/pairs", 100, ["idgan_sc", "pairs", "multiple", "64"]),
        ("systems/idgan_sc/c_dim", 12, ["c_dim", "idgan_stage_a"]),
        ("systems/beta_vae/c_dim", 6, ["c_dim", "6", "beta_vae"]),
        ("systems/infogan/z_dim", 7, ["z_dim", "infogan_stage_a"]),
        ("systems/infogan/prior", "uniform", ["prior", "infogan_stage_a"]),
        ("systems/infogan/image_size", 32, ["image_size", "infogan_stage_a"]),
        ("systems/infogan_stage_a/start", "infogan", ["start"]),
        ("systems/infogan/start", "infogan", ["start", "`infogan`"]),
        ("systems/infogan_cr/start", "infogan", ["start", "stage A itself"]),
        ("systems/infogan/start", "nowhere", ["start", "`nowhere`"]),
        ("systems/infogan/start", "beta_vae", ["start", "`beta_vae`"]),
        ("systems/idgan_sc/vae", "infogan", ["vae", "`infogan`"]),
        ("systems/idgan_sc_prior/pair_start", 34560, ["pair_start", "34560"]),
        ("systems/infogan_stage_a/q", "encoder", ["`q`", "code: vae"]),
        ("systems/idgan_sc_prior/pair_dims", "live", ["pair_dims", "code: vae"]),
        ("systems/beta_vae/alpha", 2.0, ["beta_vae", "`alpha`", "remove it"]),
        ("systems/infogan/beta", 2.0, ["infogan", "`beta`", "remove it"]),
        ("systems/infogan/systems", "all", ["infogan", "`systems`"]),
        ("variants/main/family", "vae", ["infogan_stage_a (main)", "family vae"]),
        ("presets/test/families/gan/curve_points", 99, ["curve_points", "test"]),
        ("presets/desk/datasets/digits/scored", False, ["presets.desk.datasets.digits", "`scored`", "`datasets`"]),
        ("presets/quick/datasets/digits/n", 500, ["quick", "digits", "500", "pool"]),
        ("presets/quick/datasets/digits", {"n": 9, "evaluation": {"pool": 9, "std": 9}}, ["`batch`", "9 images"]),
        ("datasets/own/evaluation", {"pool": 40}, ["anchors 64", "pool 40", "of own"]),
        ("datasets/own/evaluation", {"pool": 2.0}, ["own.evaluation.pool", "'2.0'", "all or a whole number from 1"]),
        ("datasets/pets", {"source": "procedural"}, ["datasets.pets", "source: folder"]),
        ("claims/C5/checks", [{"rule": "order", "quantity": "score", "arms": ["idgan_sc"], "others": ["infogan"],
                               "metrics": ["dic"], "margin": 0.1}], ["claims.C5", "`dic`"]),
        ("claims/C9/datasets", ["minst"], ["claims.C9", "`minst`"]),
        ("sensitivity/metric", "factorvae", ["sensitivity.metric", "`factorvae`"]),
        ("reported", {"table3": {}}, ["reported", "figure3"]),
        ("systems", [], ["systems"]),
        ("presets", {}, ["presets"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(whole: Config, path: str, value: Any, words: list[str]) -> None:
    put(whole, path, value)
    refused(whole, *words)


def test_of_many_keys_and_names_the_nearest_are_listed(whole: Config) -> None:
    whole["runs"]["dsprites"] = {"infogna": ["main"]}
    refused(whole, "choose one of infogan, infogan_cr, infogan_stage_a, … (17; see `systems`)")
    whole["runs"]["dsprites"] = {"infogan": ["c11"]}
    refused(whole, "choose one of c10, ", "see `variants`")
    whole["families"]["gan"]["quux"] = 1
    refused(whole, "unknown key `quux`: known keys: ", "schema.yaml has all")


@pytest.mark.parametrize("where", ["systems", "variants", "presets", "datasets", "runs"])
@pytest.mark.parametrize("name", [7, True, None, 0.5, "../up", "a b", "", "a\nb", "main\n"])
def test_a_name_that_cannot_name_a_folder_is_refused(whole: Config, where: str, name: Any) -> None:
    whole[where][name] = next(iter(whole[where].values()))
    refused(whole, where)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("families/gan/alpha", "alpha"), ("families/vae/lr", "lr"), ("families/vae/steps", "steps"),
        ("systems/beta_vae/objective", "objective"), ("systems/beta_vae/beta", "beta"),
        ("systems/infogan/family", "family"), ("variants/main", "main"), ("presets", "presets"),
        ("evaluation/pool", "pool"), ("presets/test/seeds", "seeds"),
    ],
)  # fmt: skip
def test_a_missing_key_is_named(whole: Config, path: str, word: str) -> None:
    *way, last = path.split("/")
    place = whole
    for key in way:
        place = place[key]
    del place[last]
    refused(whole, word)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("- a\n- b\n", []),
        ("just words", []),
        ("a: [1, 2", ["YAML"]),
        ("preset: quick\npreset: test\n", ["`preset`", "twice"]),
        ("compute:\n  threads: 1\n  threads: 2\n", ["`threads`", "twice", "line"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["YAML"]),
        ("? [1, 2]\n: 3\n", []),
        ("a: &a [*a]\n", []),
        ("\t", []),
        ("a: \x00", ["YAML"]),
        ("2024-99-99: 1\nx: 2024-99-99\n", []),
        ("a: 1\nsteps: 0100\n", ["line 2", "0100", "base 8 or 60"]),
        ("steps: 1:30:00\n", ["1:30:00", "base 8 or 60"]),
        ("lr: 1:30.5\n", ["1:30.5", "base 8 or 60"]),
        ("[" * 5000, []),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(path)
    message = str(error.value)
    assert "\n" not in message and str(path) in message and all(word in message for word in words), message


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe\xff")]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load(tmp_path / "config.yaml")


# ---------------------------------------------------------------------------------------------------------- resolution
def fingerprint(config: Config, run: Run) -> str:
    before = [fingerprint(config, earlier) for earlier in predecessors(config, run).values()]
    return record.fingerprint(resolve(config, run), run.seed, before, "source")


def every_run(config: Config, preset: str = "test") -> Iterator[Run]:
    for system in config["systems"]:
        yield run_of(system, preset=preset)


def changed(config: Config, path: str, value: Any) -> set[str]:
    """The paper's systems whose fingerprints a change of one key changes."""
    other = copy.deepcopy(config)
    put(other, path, value)
    validate(other)
    found = {run.system for run in every_run(config) if fingerprint(config, run) != fingerprint(other, run)}
    return {run.system for run in with_predecessors(config, planned_runs(config, "paper"))} & found


def test_a_change_reaches_the_systems_it_concerns_and_what_builds_on_them(whole: Config) -> None:
    assert changed(whole, "systems/idgan_sc_prior/alpha", 1.0) == {"idgan_sc_prior"}
    assert changed(whole, "families/gan/alpha", 1.0) == {"infogan_cr", "idgan_sc_prior", "idgan_sc"}
    assert changed(whole, "families/gan/tau_numerator", 0.2) == {"idgan_sc_prior", "idgan_sc"}
    assert changed(whole, "families/gan/vae_redraw", "prior") == {"idgan_sc"}
    assert changed(whole, "presets/test/systems/beta_vae/beta", 3.0) == {
        "beta_vae",
        "idgan_stage_a",
        "idgan",
        "idgan_sc",
    }
    assert changed(whole, "systems/infogan_stage_a/lambda_info", 0.1) == {
        "infogan_stage_a", "infogan", "infogan_cr", "idgan_sc_prior",
    }  # fmt: skip
    gans = {"infogan_stage_a", "infogan", "infogan_cr", "idgan_sc_prior", "idgan_stage_a", "idgan", "idgan_sc"}
    assert changed(whole, "families/gan/lr_generator", 0.1) == gans
    assert changed(whole, "families/gan/lr_pair", 0.1) == {"infogan_cr", "idgan_sc_prior", "idgan_sc"}


def test_a_metric_title_or_other_preset_changes_no_training(whole: Config) -> None:
    assert changed(whole, "evaluation/metrics", ["mig", "modularity"]) == set()
    assert changed(whole, "presets/test/evaluation/draws", 9) == set()
    assert changed(whole, "presets/test/title", "another") == set()
    assert changed(whole, "presets/desk/families/gan/alpha", 0.1) == set()
    assert changed(whole, "compute/threads", 2) == set()


@pytest.mark.parametrize(
    ("system", "absent", "present"),
    [
        ("infogan", {"alpha", "pairs", "tau_numerator", "lr_pair", "vae", "vae_redraw"}, {"lambda_info", "prior"}),
        ("infogan_cr", {"tau_numerator", "r_dim", "standardise_r", "vae"}, {"alpha", "pairs", "pair_step"}),
        ("idgan_sc_prior", {"vae", "pair_dims", "vae_redraw"}, {"tau_numerator", "r_dim", "alpha"}),
        ("idgan", {"alpha", "pairs"}, {"vae", "code", "q"}),
        ("idgan_sc", set(), {"vae", "vae_redraw", "pair_dims", "tau_denominator"}),
        ("beta_vae", {"gamma", "lr_tc", "alpha", "start"}, {"beta", "likelihood"}),
        ("factor_vae", {"beta"}, {"gamma", "lr_tc", "tc_betas"}),
    ],
)
def test_settings_without_meaning_are_left_out(
    shipped: Config, system: str, absent: set[str], present: set[str]
) -> None:
    keys = resolve(shipped, run_of(system)).keys()
    assert not absent & keys and present <= keys


def test_later_layers_win(whole: Config) -> None:
    run = run_of("idgan_sc_prior", "tau_07", "desk")
    whole["presets"]["desk"]["systems"]["idgan_sc_prior"].pop("alpha")
    assert resolve(whole, run)["tau_numerator"] == 0.07 and resolve(whole, run)["lr_generator"] == 2e-4
    for path, value in [
        ("families/gan/alpha", 1.0), ("datasets/dsprites/families/gan/alpha", 2.5),
        ("systems/idgan_sc_prior/alpha", 3.0), ("presets/desk/families/gan/alpha", 4.0),
        ("presets/desk/systems/idgan_sc_prior/alpha", 5.0), ("presets/desk/datasets/dsprites/families/gan/alpha", 6.0),
        ("variants/tau_07/alpha", 7.0),
    ]:  # fmt: skip
        put(whole, path, value)
        validate(whole)
        assert resolve(whole, run)["alpha"] == value


def test_a_variant_reaches_back_to_the_predecessors_that_it_names(shipped: Config) -> None:
    start = predecessors(shipped, run_of("infogan_cr", "c10", seed=4))["start"]
    assert start == run_of("infogan_stage_a", "c10", seed=4)
    assert predecessors(shipped, run_of("idgan_sc", "tau_07"))["start"] == run_of("idgan_stage_a")
    frozen = predecessors(shipped, run_of("idgan_sc", "frozen_q"))
    assert frozen == {"start": run_of("idgan_stage_a", "frozen_q"), "vae": run_of("beta_vae")}
    assert predecessors(shipped, run_of("beta_vae")) == predecessors(shipped, run_of("infogan_stage_a")) == {}
    assert resolve(shipped, start)["c_dim"] == 10


@pytest.mark.parametrize("preset", ["paper", "desk", "quick", "test"])
def test_the_regulariser_from_the_start_trains_for_both_stages(shipped: Config, preset: str) -> None:
    for system, stage_a in (("idgan_sc_prior", "infogan_stage_a"), ("idgan_sc", "idgan_stage_a")):
        run = run_of(system, "sc_from_start", preset)
        both = sum(resolve(shipped, run_of(name, preset=preset))["steps"] for name in (system, stage_a))
        assert resolve(shipped, run)["steps"] == both and "start" not in predecessors(shipped, run)


def test_runs_are_those_of_the_tables_and_every_one_resolves(shipped: Config) -> None:
    for preset in shipped["presets"]:
        runs = configuration.planned_runs(shipped, preset)
        assert runs and len(runs) == len(set(runs))
        assert preset in ONE_QUESTION or {run.system for run in runs} >= {"beta_vae", "infogan_cr", "idgan_sc"}
        for run in runs[:: shipped["presets"][preset]["seeds"]["count"]]:
            assert (
                resolve(shipped, run) and str(run.path) == f"runs/{run.dataset}/{run.system}/{run.variant}/{run.seed}"
            )


# ---------------------------------------------------------------------------------------------------------------- fuzz
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**6), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
    st.sampled_from(["all", "scratch", "infogan", "idgan_sc", "beta_vae", "main", "gan", "vae", "prior", "encoder"]),
    st.lists(st.sampled_from(["main", "infogan", 0.5, 3, None]), max_size=3),
    st.dictionaries(st.sampled_from(["main", "alpha", "start", 7, None]), st.sampled_from([1, "vae", {}]), max_size=2),
)  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_damaged_configuration_is_refused_with_one_line_or_resolves(data: st.DataObject) -> None:
    config = copy.deepcopy(PLAIN)
    for _ in range(data.draw(st.integers(1, 3))):
        spots = list(places(config))
        if not spots:
            break
        node, key = spots[data.draw(st.integers(0, len(spots) - 1))]
        if data.draw(st.booleans()):
            node[key] = data.draw(JUNK)
        else:
            value = node.pop(key)
            if isinstance(node, dict) and data.draw(st.booleans()):
                node[data.draw(st.sampled_from([f"{key}x", 7, None, True, "start", "main"]))] = value
    try:
        validate(config)
    except ConfigError as error:
        assert "\n" not in str(error)
        return
    for preset in config["presets"]:
        for name in configuration.datasets_of(config, preset):
            for run in configuration.runs_on(config, preset, name):
                resolve(config, run)
                predecessors(config, run)
                break


PLAIN = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
del PLAIN["reported"]["table3"], PLAIN["presets"]["desk"], PLAIN["presets"]["quick"]
PLAIN["preset"] = "test"
TEXT = yaml.safe_dump(PLAIN, sort_keys=False, allow_unicode=True)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(alphabet=" \n:-[]{}&*!?|>'\"%@`0e.#\t", max_size=4))
def test_damaged_text_is_refused_with_one_line_or_read(
    tmp_path_factory: pytest.TempPathFactory, place: int, cut: int, inserted: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "config.yaml"
    path.write_text(TEXT[:place] + inserted + TEXT[place + cut :], encoding="utf-8")
    try:
        load(path)
    except ConfigError as error:
        assert "\n" not in str(error)


def written() -> Config:
    return dict(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))


@pytest.mark.parametrize("typed", ["1_2", "0_1", "1-0", "0-1,5-3", "٣", "1:30", "0x1", "-1", ","])
def test_seeds_are_read_as_they_were_typed(typed: str, whole: Config) -> None:
    as_snakemake_has_it = yaml.safe_load(f"preset: desk\nseeds: {typed!r}" if typed == "," else f"seeds: {typed}")
    with pytest.raises(ConfigError, match=r"no list of seeds|names a seed twice"):
        configuration.options(whole, written() | as_snakemake_has_it, ["snakemake", "--config", f"seeds={typed}"])


def test_a_sample_is_a_plain_number(whole: Config) -> None:
    options = written() | {"sample": 10}
    assert configuration.options(whole, options, ["snakemake", "--config", "sample=10", "seeds=0"]).sample == 10
    with pytest.raises(ConfigError, match="a number of runs from 1 on"):
        configuration.options(whole, options, ["snakemake", "--config", "sample=1_0"])


@pytest.mark.parametrize(("file", "table"), [("settings.py", "OBJECTIVES"), ("models/__init__.py", "METHODS")])
def test_an_objective_that_is_not_finished_names_what_lacks(
    monkeypatch: pytest.MonkeyPatch, file: str, table: str
) -> None:
    keys = validation._keys
    monkeypatch.delitem(validation.OBJECTIVES, "dip") if table == "OBJECTIVES" else monkeypatch.setattr(
        validation, "_keys", lambda *where: tuple(key for key in keys(*where) if key != "dip")
    )
    with pytest.raises(ConfigError, match=rf"`objective`: `dip` is not in {table} of .*{file}"):
        load(SHIPPED)
