"""`idgan-sc COMMAND`: one step of the pipeline by hand, with the very functions that the workflow's rules call."""

import argparse
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, seed_list
from idgan_sc.files import DataError, copy_atomic, locked
from idgan_sc.training.prepare import prepare

if TYPE_CHECKING:
    from idgan_sc.data.images import Images


def _data(config: Config, args: argparse.Namespace) -> None:
    for option in ("factors", "crop"):
        if getattr(args, option) is not None and not args.from_folder:
            raise ConfigError(f"--{option}: belongs to --from-folder, which names your images")
    make = _prepare_folder if args.from_folder else _prepare
    images = make(config, args)
    images.verify()
    print(f"{images.folder}: {images.n} images of {images.shape}, {images.source}")


def _prepare(config: Config, args: argparse.Namespace) -> "Images":
    return prepare(config, args.preset, args.dataset, args.out, args.file)


def _prepare_folder(config: Config, args: argparse.Namespace) -> "Images":
    """A data set of the user's own images; the settings say that it is one."""
    from idgan_sc.data.folder import prepare_folder

    if configuration.dataset(config, args.preset, args.dataset)["source"] != "folder":
        raise ConfigError(f"--from-folder: {args.dataset} has a source of its own: name one with `source: folder`")
    if args.crop is not None and args.crop < 1:
        raise ConfigError(f"--crop {args.crop}: a number of pixels from 1 on")
    folder = args.out / "data" / args.dataset
    with locked(folder / ".lock"):
        return prepare_folder(args.from_folder, folder, args.factors, 64, args.crop)


def _train(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.training.train import train_seeds

    if args.seed is not None and args.seeds:
        raise ConfigError("--seed and --seeds: give one of them")
    seeds = args.seeds or [args.seed or 0]
    args.seed = seeds[0]
    before = {role: path.absolute() for role, path in (("start", args.start_from), ("vae", args.vae_from)) if path}
    if before and len(seeds) > 1:
        raise ConfigError("--from and --vae-from name the predecessor of one seed: give one --seed with them")
    prepare(config, args.preset, args.dataset, args.out)
    for folder in train_seeds(config, _run(args), seeds, args.out, before):
        print(folder, file=sys.stderr)


def _encode(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.training.device import use_device
    from idgan_sc.training.encode import encode

    run = _run(args)
    print(
        encode(args.out / run.path, prepare(config, run.preset, run.dataset, args.out), run.preset, use_device(config))
    )


def _state(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.unfinished import keep_state, restore_state

    print((keep_state if args.do_what == "keep" else restore_state)(_run(args), args.out))


def _curve(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.unfinished import score_unfinished

    run = _run(args)
    images, settings = prepare(config, run.preset, run.dataset, args.out), configuration.resolve(config, run)
    sizes = configuration.evaluation(config, run.preset, run.dataset)
    print(score_unfinished(run, args.out / args.where / run.path.relative_to("runs"), images, settings, sizes))


def _traverse(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.generators.traverse import traverse
    from idgan_sc.training.device import use_device

    use_device(config)
    run = _run(args)
    for path in traverse(args.out / run.path, prepare(config, run.preset, run.dataset, args.out), run.preset):
        print(path)


def _probe(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.config.datasets import PROBE_DATA
    from idgan_sc.evaluation.generators import factor_reader
    from idgan_sc.training.device import use_device

    use_device(config)
    images = prepare(config, args.preset, PROBE_DATA.get(args.dataset, args.dataset), args.out)
    steps = configuration.evaluation(config, args.preset, args.dataset)["probe_steps"]
    print(factor_reader.save(_probe_path(args.out, args.dataset), factor_reader.train_probe(images, steps)))


def _probe_path(root: Path, dataset: str) -> Path:
    return root / "probes" / f"{dataset}.safetensors"


def _trained_probe(config: Config, args: argparse.Namespace) -> Path:
    """The data set's network, trained where it is missing."""
    path = _probe_path(args.out, args.dataset)
    if not path.exists():
        _probe(config, args)
    return path


def _leakage(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.generators import factor_reader, leakage
    from idgan_sc.training.device import use_device

    use_device(config)
    run = _run(args)
    images = prepare(config, run.preset, run.dataset, args.out)
    path = _trained_probe(config, args)
    anchors = configuration.evaluation(config, run.preset, run.dataset)["anchors"]
    for written in leakage.leakage(run, args.out / run.path, images, factor_reader.load(path), anchors):
        print(written)


def _gather_leakage(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.config.runs import measured_runs
    from idgan_sc.evaluation.gather import gather_leakage
    from idgan_sc.records.published import refuse_others

    refuse_others(config, measured_runs(config, args.preset), args.out, ["leakage.csv"], "evaluation")
    print(gather_leakage(config, args.preset, args.out, args.allow_missing))


def _score(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.score import score
    from idgan_sc.records.record import note_measuring

    run = _run(args)
    images = prepare(config, run.preset, run.dataset, args.out)
    for path in score(run, args.out / run.path, images, configuration.evaluation(config, run.preset, run.dataset)):
        print(path)
    note_measuring(config, run, args.out / run.path, "evaluation")


def _gather(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.config import planned
    from idgan_sc.evaluation.gather import gather
    from idgan_sc.records.published import GATHERED, refuse_others

    refuse_others(config, planned(config, args.preset), args.out, GATHERED[1:], "evaluation")
    for path in gather(config, args.preset, args.out, args.allow_missing):
        print(path)


def _floor(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.generators.baselines import floor
    from idgan_sc.records.published import floor_file, published_floor
    from idgan_sc.training.device import use_device

    if not configuration.scored(config, args.dataset):
        raise ConfigError(f"--dataset {args.dataset}: its factors are not known, so that nothing can be scored on it")
    published = published_floor(config, args.preset, args.dataset, args.out)
    if published:
        print(copy_atomic(published, args.out / floor_file(args.dataset)))
        return
    images = prepare(config, args.preset, args.dataset, args.out)
    print(floor(config, args.preset, args.out, images, use_device(config)))


def _match(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.generators.scores import match, score_generator
    from idgan_sc.records.record import note_measuring
    from idgan_sc.training.device import use_device

    run = _run(args)
    images = prepare(config, run.preset, run.dataset, args.out)
    folder, sizes = args.out / run.path, configuration.generated(config, run.preset)
    print(match(folder, images, run.preset, sizes, use_device(config)))
    sizes |= configuration.evaluation(config, run.preset, run.dataset)
    for path in score_generator(run, folder, images, sizes):
        print(path)
    note_measuring(config, run, folder, "generated")


def _read_generator(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.generators import factor_reader
    from idgan_sc.evaluation.generators.scores_by_reader import score_generator_pictures
    from idgan_sc.records.record import note_measuring
    from idgan_sc.training.device import use_device

    use_device(config)
    run = _run(args)
    if run.dataset not in configuration.LABELLED:
        raise ConfigError(f"--dataset {run.dataset}: factors are read off {' and '.join(configuration.LABELLED)} only")
    images = prepare(config, run.preset, run.dataset, args.out)
    sizes = configuration.generated(config, run.preset)
    sizes |= configuration.evaluation(config, run.preset, run.dataset)
    reader = factor_reader.load(_trained_probe(config, args))
    print(score_generator_pictures(run, args.out / run.path, images, reader, sizes))
    note_measuring(config, run, args.out / run.path, "generated")


def _gather_generators(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.config import generators, read_generators
    from idgan_sc.evaluation.gather import gather_generators
    from idgan_sc.records.published import measured, refuse_others

    runs = generators(config, args.preset) + read_generators(config, args.preset)
    refuse_others(config, runs, args.out, ["generator_scores.csv"], "generated", measured)
    for path in gather_generators(config, args.preset, args.out, args.allow_missing):
        print(path)


def _card(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.config import stays
    from idgan_sc.data.images import open_images
    from idgan_sc.evaluation.model import write_weights
    from idgan_sc.publish.card import write_card

    run = _run(args)
    if not stays(config, run):
        print(write_weights(args.out / run.path))
    print(write_card(config, run, args.out / run.path, open_images(args.out / "data" / run.dataset)))


def _table(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.report import generator_tables, tables

    for path in _of(tables.TABLES | generator_tables.TABLES, args.name)(config, args.preset, args.out):
        print(path)


def _figure(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.report.figures import generators, registry

    known = registry.FIGURES | generators.FIGURES | registry.names(config, args.preset)
    for path in _of(known, args.name)(config, args.preset, args.out):
        print(path)


def _referee(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.metrics.referee import main as referee

    try:
        referee(args.files, args.to)
    except ValueError as error:  # the metrics know no errors of this package
        raise DataError(str(error)) from error


def _plan(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc import plan

    if args.gpu not in plan.GPUS:
        raise ConfigError(f"--gpu {args.gpu}: unknown; one of {', '.join(plan.GPUS)}")
    print(plan.plan(config, args.preset, args.out, args.cores, args.gpus, args.gpu))


def _check(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.records.record import protocol_hash

    print(f"{args.config}: {len(config['systems'])} systems, {len(config['presets'])} presets, nothing wrong")
    for preset, row in config["presets"].items():
        if row["evidence"]:
            for dataset in configuration.datasets(config, preset):
                print(f"protocol of {preset}, {dataset}: {protocol_hash(config, preset, dataset)}")


def _of(known: dict[str, Any], name: str) -> Any:
    if name not in known:
        raise ConfigError(f"{name}: unknown; one of {', '.join(known)}")
    return known[name]


def _publish(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.publish.publish import publish

    if not config["presets"][args.preset]["evidence"]:
        raise ConfigError(f"--preset {args.preset}: its results are no evidence: publish another preset, such as desk")
    for path in publish(config, args.preset, args.out, Path(args.config).parent):
        print(path)


def _claims(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.report.errata import write_findings
    from idgan_sc.report.verdicts import write_claims

    for path in [*write_claims(config, args.preset, args.out), *write_findings(config, args.out)]:
        print(path)


def _sensitivity(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.report.figures.sensitivity import sensitivity

    for path in sensitivity(config, args.preset, args.out):
        print(path)


def _report(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.publish.origins import write_cost
    from idgan_sc.publish.page import write_page

    print(write_cost(config, args.preset, args.out))
    print(write_page(config, args.preset, args.out))


def _prove(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.recompute import prove, seconds

    if args.claim not in config["claims"]:
        raise ConfigError(f"--claim {args.claim}: unknown; one of {', '.join(config['claims'])}")
    chance = random.SystemRandom().randrange(10**6) if args.chance is None else args.chance
    print(f"runs behind {args.claim} in the order of --chance {chance}")
    failed = False
    for proof in prove(config, args.preset, args.out, args.claim, seconds(args.budget), chance):
        print(f"{proof.run}: {proof.words}", flush=True)
        failed |= proof.failed
    if failed:
        raise DataError("a run did not come out as recorded")


def _verify(config: Config, args: argparse.Namespace) -> None:
    from idgan_sc.recompute import choose, verify

    runs = choose(config, args.preset, args.out, args.runs, None if args.all else args.sample)
    differing = [run for run in runs if not verify(config, run, args.out)]
    print(f"{len(runs) - len(differing)} of {len(runs)} runs verified")
    if differing:
        raise SystemExit(1)


def _run(args: argparse.Namespace) -> Run:
    return Run(args.preset, args.dataset, args.system, args.variant, args.seed)


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError("a seed is 0 or more")
    return seed


def _seeds(text: str) -> list[int]:
    try:
        return seed_list(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return count


def parser() -> argparse.ArgumentParser:
    """The command line: every command with its help."""
    top = argparse.ArgumentParser(prog="idgan-sc", description=__doc__)
    top.add_argument("--config", default="config.yaml", help="the configuration file (default: config.yaml)")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, do: Callable[[Config, argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(do=do)
        return added

    def placed(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        added.add_argument("--preset", help="a preset of the configuration (default: the one it names)")
        added.add_argument("--out", type=Path, help="where the preset's results lie (default: results/<preset>)")
        return added

    def of_data(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        placed(added).add_argument("--dataset", default="dsprites", help="a data set of the configuration")
        return added

    def of_run(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        of_data(added).add_argument("--system", required=True, help="a system of the configuration")
        added.add_argument("--variant", default="main", help="a variant of the configuration (default: main)")
        added.add_argument("--seed", type=_seed, default=0, help="0 or more (default: 0)")
        return added

    data = of_data(command("data", _data, "render or download a data set, or make one of your images"))
    data.add_argument(
        "--file", type=Path, help="the data set's own file, or folder of files, where you have it already"
    )
    data.add_argument("--from-folder", type=Path, help="folder of PNG and JPEG images; --dataset is then `own`")
    data.add_argument("--factors", type=Path, help="CSV with a column `file` and one for each factor")
    data.add_argument("--crop", type=int, help="side of the square cut from the centre (default: the largest)")
    data.set_defaults(dataset=None)
    of_data(command("probe", _probe, "train the network that reads a data set's factors off images"))
    train = of_run(command("train", _train, "train one run, its missing predecessors first; resumes by itself"))
    train.add_argument("--seeds", type=_seeds, help="several seeds such as 0-7 in one process, stacked (for a GPU)")
    train.set_defaults(seed=None)
    train.add_argument("--from", dest="start_from", type=Path, help="folder of a finished stage A to continue")
    train.add_argument("--vae-from", type=Path, help="folder of a finished β-VAE to distil")
    state = of_run(command("state", _state, "keep the state of an unfinished training where git can hold it"))
    state.add_argument("do_what", choices=("keep", "restore"), help="copy it to <out>/state, or back from there")
    curve = of_run(command("curve", _curve, "score the curve of an unfinished training as far as it goes"))
    curve.add_argument("--where", choices=("runs", "state"), default="runs", help="below <out> (default: runs)")
    of_run(command("encode", _encode, "encode the evaluation pool with a finished run"))
    of_run(command("score", _score, "score a run's codes"))
    of_data(command("floor", _floor, "score what learned nothing: an untrained Q, noise, principal components"))
    of_run(command("leakage", _leakage, "measure what each code of a finished run changes"))
    of_run(command("traverse", _traverse, "draw images along each code of a finished run"))
    of_run(command("match", _match, "match a generator's images with the nearest true ones and score it by them"))
    of_run(command("read-generator", _read_generator, "score a generator by the factors read off its images"))
    of_run(
        command("card", _card, "write the model card of a finished and scored run, and the weights to publish with it")
    )
    for name, do in (("table", _table), ("figure", _figure)):
        placed(command(name, do, f"write one {name} from the results")).add_argument("name", help=f"such as {name}1")
    for name, do, words in (
        ("gather", _gather, "concatenate the score tables of all runs that the tables are made of"),
        ("gather-leakage", _gather_leakage, "concatenate what was measured, a row a run"),
        ("gather-generators", _gather_generators, "concatenate what was measured of all generators"),
    ):
        gather = placed(command(name, do, words))
        gather.add_argument("--allow-missing", action="store_true", help="of the runs that are there; name the others")
    verify = placed(command("verify", _verify, "recompute finished runs and compare with their recorded hashes"))
    verify.add_argument("runs", nargs="*", help="such as dsprites/infogan/main/0 (default: a random sample)")
    verify.add_argument("--sample", type=_count, default=1, help="how many runs to draw at random (default: 1)")
    verify.add_argument("--all", action="store_true", help="every finished run")
    referee = command("referee", _referee, "score representations under every published definition of the metrics")
    referee.add_argument("files", nargs="+", type=Path, help=".npz files with `codes` and `factors`")
    referee.add_argument("--to", type=Path, default=Path("referee"), help="folder to write to (default: referee)")
    placed(
        command(
            "publish", _publish, "copy small files to where git keeps them and write README's tables and REPLICATION.md"
        )
    )
    placed(command("claims", _claims, "judge the paper's claims, and list what its own numbers contradict"))
    placed(command("sensitivity", _sensitivity, "figures of what the open choices do, from the study's runs"))
    placed(command("report", _report, "write the page to read and to play with"))
    proof = placed(command("prove", _prove, "train runs behind a claim again and compare them with their records"))
    proof.add_argument("--claim", required=True, help="such as C4")
    proof.add_argument("--budget", default="30m", help="90s, 30m, 2h (default: 30m)")
    proof.add_argument(
        "--chance", type=_seed, help="number that decides the random choice (default: drawn and printed)"
    )
    plan = placed(command("plan", _plan, "say what a preset will cost: times a few steps here, then counts"))
    plan.add_argument("--cores", type=_count, default=1, help="cores to spread the trainings over (default: 1)")
    plan.add_argument("--gpus", type=_count, help="GPUs to spread them over instead; nothing is timed then")
    plan.add_argument(
        "--gpu", default="h100", help="kind of GPU whose speed is taken: h200, h100, a100 (default: h100)"
    )
    command("check", _check, "check the configuration")
    return top


def _checked(config: Config, args: Any) -> None:
    """Fill in defaults and refuse names that the configuration does not have."""
    if not hasattr(args, "preset"):
        return
    args.preset = args.preset or config["preset"]
    args.out = args.out or Path("results", args.preset)
    if getattr(args, "dataset", "") is None:
        args.dataset = "own" if args.from_folder else "dsprites"
    names = {"preset": config["presets"], "dataset": config["datasets"], "system": config["systems"]}
    names["variant"] = config["variants"]
    for key, known in names.items():
        value = getattr(args, key, None)
        if value is not None and value not in known:
            raise ConfigError(f"--{key} {value}: unknown; one of {', '.join(known)}")
    if hasattr(args, "system"):
        if not configuration.applies(config, args.variant, args.system):
            raise ConfigError(f"--variant {args.variant}: it does not change system {args.system}")
        configuration.check_run(config, _run(args))


def main(argv: list[str] | None = None) -> None:
    """Run one command; a mistake of the user's is one line on stderr and exit status 2."""
    args = parser().parse_args(argv)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's matrix products may vary
    try:
        config = {} if args.command == "referee" else configuration.load(args.config)  # it scores any codes, anywhere
        _checked(config, args)
        args.do(config, args)
    except (ConfigError, DataError) as error:
        print(f"idgan-sc: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except OSError as error:  # a full disk, a folder that must not be written to
        where = f"{error.filename}: " if error.filename else ""
        print(f"idgan-sc: {where}{error.strerror or error}: mend that, then give the same command", file=sys.stderr)
        raise SystemExit(2) from error
