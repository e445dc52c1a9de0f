"""Run one step of the pipeline by hand: `idgan-sc COMMAND`.

It calls the same functions as the workflow's rules.
"""

import argparse
import importlib
import os
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, seed_list
from idgan_sc.files import DataError, locked
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Job, Results


class Step(NamedTuple):
    """Describe a command and the functions of the package that it calls.

    Each function gets a job, or results and a data set, or results alone. The functions are named
    `module:function` and imported when the command runs. So `idgan-sc table` does not wait for PyTorch.
    """

    name: str
    takes: str  # run, dataset or preset
    calls: tuple[str, ...]
    help: str
    files: str  # what it reads and writes, and what may come next


STEPS = (
    Step("encode", "run", ("training.encode:encode",), "encode the evaluation images with a finished run",
         "Reads weights.safetensors of the run. Writes codes.npz and few_codes.npz beside it. Next: score, traverse."),
    Step("score", "run", ("evaluation.score:score",), "score a run's codes",
         "Reads codes.npz and curve.npz of the run. Writes scores.csv, curve.csv and association.csv beside them. "
         "Next: gather, when all runs of the preset are scored."),
    Step("traverse", "run", ("evaluation.generators.traverse:traverse",),
         "draw images along each code of a finished run",
         "Reads weights.safetensors and codes.npz of the run. Writes traversal.npz and networks.json beside them. "
         "Next: figure figure4, report."),
    Step("baseline", "dataset", ("evaluation.generators.baselines:baseline",),
         "score the chance level: an untrained Q, noise, principal components of the pixels",
         "Reads the images. Writes <out>/floor/<dataset>.csv. Next: table table3."),
    Step("probe", "dataset", ("evaluation.generators.factor_reader:probe",),
         "train the network that reads a data set's factors off images",
         "Reads the images. Writes <out>/probes/<dataset>.safetensors. Next: leakage, read-generator."),
    Step("leakage", "run", ("evaluation.generators.leakage:leakage",),
         "measure what each code of a finished run changes",
         "Reads weights.safetensors and codes.npz of the run, and what probe writes. Writes leakage.csv and panels.npz "
         "beside them. Next: gather-leakage."),
    Step("match", "run", ("evaluation.generators.scores:match",),
         "match a generator's images with the nearest true ones and score it by them",
         "Reads weights.safetensors of the run. Writes match.npz, generator_scores.csv and pair_labels.csv beside it. "
         "Next: gather-generators."),
    Step("read-generator", "run", ("evaluation.generators.scores_by_reader:read_generator",),
         "score a generator by the factors read off its images",
         "Reads weights.safetensors of the run, and what probe writes. Writes generator_scores.csv beside it. Next: "
         "gather-generators."),
    Step("card", "run", ("publish.card:card",),
         "write the model card of a finished and scored run, and the weights to publish with it",
         "Reads the run's record and scores. Writes card.md and, where they may be passed on, model.safetensors."),
    Step("gather", "preset", ("evaluation.gather:gather_scores",),
         "concatenate the score tables of all runs that the tables are made of",
         "Reads what score writes, of every run. Writes scores.csv, curves.csv and associations.csv in <out>. Next: "
         "table, figure, claims."),
    Step("gather-related", "preset", ("evaluation.gather:gather_related",),
         "concatenate what was measured of the systems beside the paper's",
         "Reads what score and match write, of every such run. Writes <out>/related/. Next: table related."),
    Step("gather-leakage", "preset", ("evaluation.gather:gather_leakage",),
         "concatenate the leakage of all runs, a row a run",
         "Reads what leakage writes, of every run. Writes <out>/leakage.csv. Next: claims, figure figure_leakage."),
    Step("gather-generators", "preset", ("evaluation.gather:gather_generators",),
         "concatenate the scores of all generators",
         "Reads what match and read-generator write, of every run. Writes generator_scores.csv and pair_labels.csv in "
         "<out>. Next: table table_generator, figure figure_generator."),
    Step("claims", "preset", ("report.claims:write_claims", "report.exploratory:write_exploratory",
                              "report.verdict_sensitivity:write_sensitivity", "report.errata:write_findings"),
         "judge the paper's claims; list further comparisons, and what the paper's own numbers contradict",
         "Reads what the gather commands and baseline write. Writes claims.md for reading, and claims.csv, checks.csv, "
         "readings.csv, exploratory.*, verdict_sensitivity.* and errata.* in <out>. Next: report."),
    Step("agreement", "preset", ("report.agreement:agreement", "report.figures.agreement:figure_agreement"),
         "say which scores order the runs alike, over every run whose codes or weights are at hand",
         "Reads codes or weights of the runs. Writes agreement*.csv in <out> and figure_agreement.* in <out>/figures."),
    Step("selection", "preset", ("evaluation.generators.centrality:centrality", "report.selection:table_selection"),
         "choose a seed of each system without labels, by UDR and ModelCentrality; score pairs of networks at hand",
         "Reads codes and weights of the runs. Writes <out>/centrality/ and <out>/tables/selection.*."),
    Step("sensitivity", "preset", ("report.figures.sensitivity:sensitivity",),
         "draw what the open choices do, from the study's runs",
         "Reads what score writes, of the study's runs. Writes <out>/sensitivity/."),
    Step("regularisers", "preset", ("report.figures.regularisers:regularisers",),
         "measure what each pair regulariser prefers on true images, without a GAN; several processes share the work",
         "Reads the images. Writes <out>/regularisers/ and <out>/figures/regularisers.*. Given again, it goes on "
         "where it stopped."),
    Step("report", "preset", ("publish.origins:write_cost", "publish.page:write_page"),
         "write the page to read and to play with",
         "Reads tables, figures, claims and traversals in <out>. Writes <out>/report/index.html, for a browser."),
    Step("film", "preset", ("publish.film:write_film",), "write a short film of the page",
         "Reads what traverse writes. Writes <out>/report/page.gif."),
)  # fmt: skip
OLD_NAMES = {"baseline": ["floor"]}  # of commands, which still work


ANYWHERE = ("referee", "logs")  # they read any codes and any logs, and no configuration
# By module that may be missing; every other one is in `train`.
EXTRAS = {"tensorboardX": "logs", "wandb": "logs", "rocrate": "crate", "mlcroissant": "crate", "shtab": "completion"}
FIRST = """\
To see what a system learns, in less than a minute, in a clone:
  idgan-sc demo
To try the steps, with tiny networks:
  idgan-sc train --preset test --system infogan     a training, and the one that it starts from
  idgan-sc encode --preset test --system infogan    codes of the evaluation images
  idgan-sc score --preset test --system infogan     scores of these codes
All steps at once: make, or snakemake --cores 8 all
Your own codes, without a training: idgan-sc referee codes.npz
What a command reads and writes: idgan-sc COMMAND --help"""


def _run(args: argparse.Namespace) -> Run:
    return Run(args.preset, args.dataset, args.system, args.variant, args.seed)


def _job(results: Results, args: argparse.Namespace) -> Job:
    """Return the job of the run that the options name.

    A missing data set is rendered or downloaded first.
    """
    from idgan_sc.training.prepare import ensure_images

    ensure_images(results, args.dataset)
    return results.job(_run(args))


def _finished_job(results: Results, args: argparse.Namespace) -> Job:
    """As `_job`, of a finished run; that it is one is asked before any download."""
    if args.command == "score" and not configuration.dataset_row(args.dataset).labelled:
        raise ConfigError(f"--dataset {args.dataset}: its images have no factors: codes cannot be scored against them")
    read_record(results.job(_run(args)).folder)
    return _job(results, args)


def _take(results: Results, args: argparse.Namespace) -> None:
    """Call a step's functions with what they take, and print the files that they wrote."""
    of_data = (results, args.dataset) if args.step.takes == "dataset" else (results,)
    given: tuple[Any, ...] = (_finished_job(results, args),) if args.step.takes == "run" else of_data
    more = {"allow_missing": True} if getattr(args, "allow_missing", False) else {}
    for call in args.step.calls:
        module, _, function = call.partition(":")
        written = getattr(importlib.import_module(f"idgan_sc.{module}"), function)(*given, **more)
        for path in written if isinstance(written, list) else [written]:
            print(path)


# ----------------------------------------------------------------------------------- commands with options of their own
def _data(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.data.preview import write_preview
    from idgan_sc.data.table import factor_lines
    from idgan_sc.training.prepare import ensure_images

    for option in ("factors", "crop", "background", "categories", "numbers"):
        if getattr(args, option) is not None and not args.from_folder:
            raise ConfigError(f"--{option} belongs to --from-folder: give the folder of your images too")
    if (args.categories or args.numbers) and not args.factors:
        raise ConfigError("--categories and --numbers name columns of a table: give the table with --factors")
    if args.file and (args.from_folder or args.from_grid):
        raise ConfigError("--file is a published data set's own file: leave it out beside your own images")
    if args.names is not None and not args.from_grid:
        raise ConfigError("--names belongs to --from-grid, whose factors it names: give the file of the grid too")
    if args.from_folder or args.from_grid:
        images = _own_images(results, args)
    else:
        images = ensure_images(results, args.dataset, args.file)
    images.verify()
    print(f"{images.folder}: {images.n} images of {images.shape}, {images.source}")
    for line in factor_lines(images):
        print(f"  {line}")
    print(f"{write_preview(images)} shows some of them")


def _own_images(results: Results, args: argparse.Namespace) -> Any:
    """A data set of the user's own images; the settings say that it is one."""
    from idgan_sc.data.folder import prepare_folder
    from idgan_sc.data.grid import prepare_file
    from idgan_sc.evaluation.generators.traverse import SAMPLES
    from idgan_sc.training.prepare import least_images, say_replaced

    option = "--from-folder" if args.from_folder else "--from-grid"
    if args.from_folder and args.from_grid:
        raise ConfigError("--from-folder and --from-grid cannot be given together: give one of them")
    if results.dataset_settings(args.dataset)["source"] != "folder":
        raise ConfigError(
            f"{option}: the data set {args.dataset} is not made of your images: give --dataset own, or another with "
            "`source: folder` in the configuration"
        )
    folder, least = results.images(args.dataset), max(SAMPLES, least_images(results, args.dataset))
    with locked(folder / ".lock"):
        before = _images_there(folder)
        if args.from_grid:
            images = prepare_file(args.from_grid, folder, args.names and args.names.split(","), least)
        else:
            images = prepare_folder(
                args.from_folder, folder, args.factors, 64, args.crop, args.background or "white",
                categories=args.categories or (), numbers=args.numbers or (), least=least,
            )  # fmt: skip
    say_replaced(results, args.dataset, before, images)
    return images


def _images_there(folder: Path) -> Any:
    """The images that a folder holds; None where there are none that can be opened."""
    from idgan_sc.data.images import open_images

    try:
        return open_images(folder)
    except DataError:
        return None


def _train(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.training.plan import alone
    from idgan_sc.training.prepare import images_trained_on, refuse_small_batch
    from idgan_sc.training.train import train_seeds

    if args.seed is not None and args.seeds:
        raise ConfigError("--seed and --seeds cannot be given together: give one of them")
    seeds = args.seeds or [args.seed or 0]
    args.seed = seeds[0]
    before = {role: path.absolute() for role, path in (("start", args.start_from), ("vae", args.vae_from)) if path}
    if before and len(seeds) > 1:
        raise ConfigError("--from and --vae-from name the predecessor of one seed: give one --seed with them")
    job = _job(results, args)
    refuse_small_batch(results, job.run)
    for given in before.values():
        images_trained_on(job.results, args.dataset, given)
    why = alone(results.config, job.settings, len(seeds)) if len(seeds) > 1 else ""
    if why:
        print(f"{job.run} and {len(seeds) - 1} seeds more are trained one after another: {why}", file=sys.stderr)
    for group in [[seed] for seed in seeds] if why else [seeds]:
        for folder in train_seeds(job, group, before):
            print(folder, file=sys.stderr)


def _state(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.unfinished import keep_state, restore_state

    print((keep_state if args.do_what == "keep" else restore_state)(results.job(_run(args))))


def _curve(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.evaluation.unfinished import score_curve, state_folder

    job = results.job(_run(args))
    folder = job.folder if args.where == "runs" else state_folder(job)
    if not folder.exists():  # before any download
        raise DataError(f"{folder} holds no training: begin one with `idgan-sc train`")
    print(score_curve(_job(results, args), folder, args.turned))


def _table(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.report import conclusions, further, generator_tables, related, second_protocol, tables

    beside = related.TABLES | further.TABLES | second_protocol.TABLES | conclusions.TABLES
    _write(tables.TABLES | generator_tables.TABLES | beside, results, args)


def _figure(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.report.figures import registry

    _write(registry.drawers(results) | registry.APART, results, args)


def _write(known: dict[str, Callable[[Results], list[Path]]], results: Results, args: argparse.Namespace) -> None:
    if args.name is None:
        print("\n".join(known))
        return
    if args.name not in known:
        raise ConfigError(unknown("", args.name, known, f"`idgan-sc {args.command}` alone names all"))
    for path in known[args.name](results):
        print(path)


def _referee(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.metrics.referee import main as referee

    try:
        referee(args.files, args.to)
    except ValueError as error:  # the metrics know no errors of this package
        raise DataError(str(error)) from error


def _logs(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.publish.logs import FORMATS, write_logs

    print(write_logs(args.folders, args.to, FORMATS[args.format]))


def _plan(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.training import plan

    if args.gpu not in plan.GPUS:
        raise ConfigError(unknown("--gpu", args.gpu, plan.GPUS))
    wanted = configuration.related(results.config, results.preset) if args.related else results.planned
    if not wanted:
        raise ConfigError(f"--related: preset {args.preset} does not run {configuration.DATASET}, their data set")
    print(plan.plan(results, wanted, args.cores, args.gpus, args.gpu))


def _check(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.records.record import protocol_hash

    config = results.config
    print(f"{args.config}: {len(config['systems'])} systems, {len(config['presets'])} presets, nothing wrong")
    for preset, row in config["presets"].items():
        if row["evidence"]:
            for dataset in configuration.datasets_of(config, preset):
                print(f"protocol of {preset}, {dataset}: {protocol_hash(config, preset, dataset)}")


def _settings(results: Results, args: argparse.Namespace) -> None:
    run = _run(args)
    places = configuration.places(results.config, run)
    for key, value in configuration.resolve(results.config, run).items():
        print(f"{key:18}{value!s:24}{places[key]}")
    for role, before in configuration.predecessors(results.config, run).items():
        print(f"{role}: the run {before}, with settings of its own")


def _publish(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.publish.publish import publish

    if not results.evidence:
        raise ConfigError(f"--preset {args.preset} makes no evidence: publish another preset, such as desk")
    for path in publish(results, Path(args.config).parent):
        print(path)


def _crate(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.publish.crate import write_crate

    print(write_crate(results, Path(args.config).absolute().parent, args.to or Path("build", f"crate-{args.preset}")))


def _demo(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.publish.demo import demo

    for line in demo(results):
        print(line, flush=True)


def _prove(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.recompute import budget_seconds, prove
    from idgan_sc.records.agreement import summary
    from idgan_sc.records.machine import process_age

    if args.claim not in results.config["claims"]:
        raise ConfigError(unknown("--claim", args.claim, results.config["claims"]))
    budget = budget_seconds(args.budget)
    chance = random.SystemRandom().randrange(10**6) if args.chance is None else args.chance
    print(f"runs behind {args.claim} are trained again within {args.budget}, in the order of --chance {chance}")
    proofs = []
    for proof in prove(results, args.claim, budget, chance, process_age()):
        print(proof, flush=True)
        proofs.append(proof)
    print(summary(proofs))
    if any(proof.passed is False for proof in proofs):
        raise DataError("a run did not come out as recorded: the lines above name it and say how far it deviates")


def _verify(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.recompute import choose, verify

    runs = choose(results, args.runs, None if args.all else args.sample)
    differing = [run for run in runs if not verify(results, run)]
    print(f"{len(runs) - len(differing)} of {len(runs)} runs verified")
    if differing:
        raise SystemExit(1)


def _submit(results: Results, args: argparse.Namespace) -> None:
    from idgan_sc.publish.submission import submit

    print(submit(results, args.run, args.by, args.to))


def _accept(results: Results, args: argparse.Namespace) -> None:
    """Take a submitted run, or prove that an older commit makes the same numbers."""
    from idgan_sc.recompute import accept, budget_seconds

    if args.what.endswith(".zip"):
        from idgan_sc.publish.submission import accept_submission

        lines = accept_submission(results, Path(args.what), budget_seconds(args.budget))
    elif args.reason:
        lines = accept(results, args.what, args.reason, args.steps, Path(args.config).absolute().parent)
    else:
        raise ConfigError(f"--reason is missing: say why commit {args.what} makes the same numbers as today's source")
    for line in lines:
        print(line, flush=True)


def _completion(results: Results, args: argparse.Namespace) -> None:
    import shtab

    top = parser()
    known = _names(results.config) | {"claim": results.config["claims"]}
    commands: Any = next(action.choices for action in top._actions if action.dest == "command")
    for option in (option for command in commands.values() for option in command._actions):
        option.choices = option.choices or known.get(option.dest)
        if option.type is _path:
            option.complete = shtab.FILE
    print(shtab.complete(top, args.shell))


# --------------------------------------------------------------------------------------------------- the command line
def unknown(option: str, name: str, known: Iterable[str], all_in: str = "") -> str:
    """The message for a name that is not known; `all_in` says where all are."""
    choice = configuration.listed(name, known, all_in)
    return f"{option} {name or repr(name)} is unknown: choose one of {choice}".strip()


def _number(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return number


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def _seeds(text: str) -> list[int]:
    try:
        return seed_list(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parser() -> argparse.ArgumentParser:
    """The command line: every command with its help."""
    as_written = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="idgan-sc", description=__doc__, epilog=FIRST, formatter_class=as_written)
    top.add_argument("--config", default="config.yaml", help="the configuration file (default: config.yaml)")
    commands = top.add_subparsers(dest="command", title="commands", metavar="COMMAND")

    def command(
        name: str, takes: str, help: str, files: str, do: Callable[[Results, argparse.Namespace], None] = _take
    ) -> argparse.ArgumentParser:
        about = "\n".join([f"{help[0].upper()}{help[1:]}.", "", *files.replace(". ", ".\n").splitlines()])
        added = commands.add_parser(
            name, help=help, description=about, formatter_class=as_written, aliases=OLD_NAMES.get(name, [])
        )
        added.set_defaults(do=do)
        _add_place(added, takes)
        return added

    help = "train one small system in less than a minute and show what it learned"
    words = (
        "Writes <out>/demo.png and, of its run, <out>/runs/faces/beta_vae/main/0/. Its preset is `demo`. Next: make."
    )
    command("demo", "preset", help, words, _demo).set_defaults(preset="demo")
    words = "Reads the data set's files, or draws it. Writes <out>/data/<dataset>/. Next: train."
    data = command("data", "dataset", "render or download a data set, or make one of your images", words, _data)
    data.add_argument(
        "--file", type=_path, help="the data set's own file, or folder of files, where you have it already"
    )
    data.add_argument("--from-folder", type=_path, help="folder of images; --dataset is then `own`")
    data.add_argument(
        "--from-grid", type=_path, help=".npz or .h5 with `images` and `labels` of a full grid of factors"
    )
    data.add_argument("--names", help="names of the factors of --from-grid, such as hue,size,shape")
    data.add_argument("--factors", type=_path, help="CSV with a column `file` and one for each factor")
    data.add_argument("--categories", nargs="+", metavar="COLUMN", help="columns of the table that are categories")
    data.add_argument("--numbers", nargs="+", metavar="COLUMN", help="columns of the table that are numbers")
    data.add_argument("--crop", type=_number(1), help="side of the square cut from the centre (default: the largest)")
    data.add_argument(
        "--background", help="colour behind transparent pixels, such as black or #808080 (default: white)"
    )
    data.set_defaults(dataset=None)
    words = (
        "Reads the images, made first if missing. Writes weights.safetensors, record.json, log.csv and curve.npz in "
    )
    words += "<out>/runs/<dataset>/<system>/<variant>/<seed>. Next: encode."
    train = command("train", "run", "train one run, its missing predecessors first; resumes by itself", words, _train)
    train.add_argument("--seeds", type=_seeds, help="several seeds such as 0-7 in one process, as one where that pays")
    train.set_defaults(seed=None)
    train.add_argument("--from", dest="start_from", type=_path, help="folder of a finished stage A to continue")
    train.add_argument("--vae-from", type=_path, help="folder of a finished β-VAE to distil")
    for step in STEPS:
        added = command(step.name, step.takes, step.help, step.files)
        added.set_defaults(step=step)
        if step.name.startswith("gather"):
            words = "take the runs that are there, and name the others"
            added.add_argument("--allow-missing", action="store_true", help=words)
    for name, do in (("table", _table), ("figure", _figure)):
        words = f"Reads what the gather commands and baseline write. Writes {name}s/<name>.* in <out>. Next: report."
        added = command(name, "preset", f"write one {name} from the results", words, do)
        added.add_argument("name", nargs="?", help=f"such as {name}1; without it, the names are listed")
    words = "Reads and writes the run's folder and <out>/state. Next: train, which goes on."
    state = command("state", "run", "keep the state of an unfinished training where git can hold it", words, _state)
    state.add_argument("do_what", choices=("keep", "restore"), help="copy it to <out>/state, or back from there")
    words = "Reads the codes that the training kept. Writes curve_so_far.csv beside them."
    curve = command("curve", "run", "score the curve of a training as far as it goes, finished or not", words, _curve)
    curve.add_argument("--where", choices=("runs", "state"), default="runs", help="below <out> (default: runs)")
    curve.add_argument("--turned", action="store_true", help="also the score after the best rotation of the codes")
    words = "Reads records of finished and published runs. Writes images if missing; trains in a temporary folder."
    verify = command("verify", "preset", "train runs again and compare them with their recorded hashes", words, _verify)
    verify.add_argument("runs", nargs="*", help="such as dsprites/infogan/main/0 (default: a random sample)")
    verify.add_argument("--sample", type=_number(1), default=1, help="how many runs to draw at random (default: 1)")
    verify.add_argument("--all", action="store_true", help="every finished or published run")
    words = "Reads .npz files; needs no configuration. Writes tables in the folder of --to."
    referee = command(
        "referee", "", "score representations under every published definition of the metrics", words, _referee
    )
    referee.add_argument("files", nargs="+", type=_path, help=".npz files with `codes` and `factors`")
    referee.add_argument("--to", type=_path, default=Path("referee"), help="folder to write to (default: referee)")
    words = "Reads log.csv of the runs. Writes a new folder that these programs open."
    logs = command("logs", "", "write logs of trainings for TensorBoard or Weights & Biases (offline)", words, _logs)
    logs.add_argument("folders", nargs="+", type=_path, help="folders of runs, or folders above them")
    logs.add_argument("--format", choices=("tensorboard", "wandb"), default="tensorboard", help="default: tensorboard")
    logs.add_argument("--to", type=_path, default=Path("logs"), help="new folder to write to (default: logs)")
    words = "Reads the preset's results. Writes results/<preset>/published and the generated documents: commit them."
    command(
        "publish", "preset", "copy small files to where git keeps them and write README's tables and REPLICATION.md",
        words, _publish,
    )  # fmt: skip
    words = "Reads results/<preset>/published. Writes a new folder, build/crate-<preset> where --to names no other."
    crate = command(
        "crate", "preset", "write the published results as an RO-Crate, for archives and catalogs", words, _crate
    )
    crate.add_argument("--to", type=_path, help="new folder to write to (default: build/crate-<preset>)")
    words = "Reads the published records. Writes nothing: it trains in a temporary folder and prints what deviates."
    proof = command(
        "prove", "preset", "train runs behind a claim again and compare them with their records", words, _prove
    )
    proof.add_argument("--claim", required=True, help="such as C4")
    proof.add_argument("--budget", default="30m", help="90s, 30m, 2h (default: 30m)")
    proof.add_argument("--chance", type=_number(0), help="number that decides the choice (default: drawn and printed)")
    words = "Reads the run's files and those of the runs that it starts from. Writes one .zip, which `accept` takes."
    submitted = command("submit", "preset", "pack a finished run, for others to check and publish", words, _submit)
    submitted.add_argument("run", help="such as dsprites/idgan_sc/main/0")
    submitted.add_argument("--by", required=True, help="who made it: your name as the tables shall have it")
    submitted.add_argument("--to", type=_path, help="the file to write (default: <preset>-<run>.zip)")
    accepted = command(
        "accept", "preset",
        "check a submitted run and publish it; or prove that an older source makes the same numbers as today's",
        "Reads the file, or both sources and the published records. "
        "Writes into results/<preset>/published, or for a commit results/<preset>/accepted.yaml: commit it.", _accept,
    )  # fmt: skip
    accepted.add_argument("what", metavar="FILE|COMMIT", help="a .zip of `submit`, or a commit of this repository")
    accepted.add_argument(
        "--budget", default="2m", help="of a file: time for each training's first steps (default: 2m)"
    )
    accepted.add_argument("--reason", help="of a commit: why the numbers are the same, for the list")
    accepted.add_argument("--steps", type=_number(1), default=500, help="of a commit: of every training (default: 500)")
    words = "Writes the speed that it measured here to results/calibration.json, and nothing else."
    plan = command("plan", "preset", "say what a preset will cost: times a few steps here, then counts", words, _plan)
    plan.add_argument("--cores", type=_number(1), default=1, help="cores to spread the trainings over (default: 1)")
    plan.add_argument("--related", action="store_true", help="of the systems beside the paper's, in place of its runs")
    plan.add_argument("--gpus", type=_number(1), help="GPUs to spread them over instead; nothing is timed then")
    plan.add_argument("--gpu", default="h100", help="kind of GPU: h200, h100, a100 (default: h100)")
    command("check", "", "check the configuration", "Reads it. Writes nothing: it names the first mistake.", _check)
    words = (
        "Reads the configuration. Writes nothing: it prints each setting, and where config.yaml has it. Next: train."
    )
    command("settings", "run", "show the settings that a run trains with, and where each comes from", words, _settings)
    words = "Reads the configuration, whose names it completes too. Writes a script on stdout: see docs/install.md."
    shell = command("completion", "", "write a script by which the shell completes commands", words, _completion)
    shell.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def _add_place(added: argparse.ArgumentParser, takes: str) -> None:
    """Add the options that name a command's results, data set or run."""
    if takes:
        added.add_argument("--preset", help="a preset of the configuration (default: the one it names)")
        added.add_argument("--out", type=_path, help="where the preset's results lie (default: results/<preset>)")
    if takes in ("dataset", "run"):
        added.add_argument("--dataset", default=configuration.DATASET, help="a data set of the configuration")
    if takes == "run":
        added.add_argument("--system", required=True, help="a system of the configuration")
        added.add_argument("--variant", default="main", help="a variant of the configuration (default: main)")
        added.add_argument("--seed", type=_number(0), default=0, help="0 or more (default: 0)")


def _names(config: Config) -> dict[str, Iterable[str]]:
    """The names of the configuration that options take, by option."""
    return {key: config[f"{key}s"] for key in ("preset", "dataset", "system", "variant")}


def _checked(config: Config, args: Any) -> None:
    """Fill in defaults and refuse names that the configuration does not have."""
    if not hasattr(args, "preset"):
        return
    args.preset = config["preset"] if args.preset is None else args.preset
    args.out = Path("results", args.preset) if args.out is None else args.out
    if getattr(args, "dataset", "") is None:
        args.dataset = configuration.OWN if args.from_folder or args.from_grid else configuration.DATASET
    for key, known in _names(config).items():
        value = getattr(args, key, None)
        if value is not None and value not in known:
            raise ConfigError(unknown(f"--{key}", value, known, f"`{key}s` in {args.config} has all"))
    if hasattr(args, "system"):
        if not configuration.applies(config, args.variant, args.system):
            raise ConfigError(
                f"--variant {args.variant} does not change the system {args.system}: choose another, or leave it out"
            )
        configuration.validate_run(config, _run(args))


def main(argv: list[str] | None = None) -> None:
    """Run one command.

    A mistake of the user gives one line on stderr and exit status 2.
    """
    args = parser().parse_args(argv)
    if not args.command:
        print(f"idgan-sc: which command? idgan-sc --help lists them.\n{FIRST}", file=sys.stderr)
        raise SystemExit(2)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # paths that are no UTF-8
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's matrix products may vary
    try:
        if sys.platform == "win32" and args.command not in ANYWHERE:
            raise ConfigError(f"{args.command} runs on Linux and macOS: on Windows use WSL (the metrics need none)")
        config = {} if args.command in ANYWHERE else configuration.load(args.config)
        _checked(config, args)
        args.do(Results(config, getattr(args, "preset", ""), getattr(args, "out", Path())), args)
    except (ConfigError, DataError) as error:
        raise _ended(str(error), 2) from error
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        if name == "idgan_sc":
            raise
        extra = EXTRAS.get(name, "train")
        words = f"{args.command} needs the extra `{extra}` ({name} is not installed): pip install '.[{extra}]'"
        raise _ended(words, 2) from error
    except KeyboardInterrupt as error:
        raise _ended(f"{args.command} was stopped; what it had finished is kept", 130) from error
    except MemoryError as error:
        raise _ended(f"{args.command} needs more memory than is free: {error or 'free some'}", 2) from error
    except BrokenPipeError:  # whoever reads the output has gone, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:  # a full disk, a folder that must not be written to
        where = f"{error.filename}: " if error.filename else ""
        words = f"{where}{error.strerror or error}: mend that, then give the same command"
        raise _ended(words, 2) from error


def _ended(words: str, status: int) -> SystemExit:
    """Say why a command ended, below the line of a progress bar that was interrupted."""
    bars = getattr(getattr(sys.modules.get("tqdm"), "tqdm", None), "_instances", ())
    for bar in list(bars):
        bar.leave = True  # its line is ended, not wiped
        bar.close()
    print(f"idgan-sc: {words}", file=sys.stderr)
    return SystemExit(status)


if __name__ == "__main__":
    main()
