"""Write the published results of a preset as an RO-Crate, for archives and catalogs.

It follows the profile Provenance Run Crate. The crate is a folder: the workflow, its settings, the published files with
their hashes, and `ro-crate-metadata.json`, which says from the records what made each file. Beside it stands the
Croissant metadata of each drawn data set. The libraries `rocrate` and `mlcroissant` are of the extra `crate`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, Entity, File, Person
from rocrate.rocrate import ROCrate

from idgan_sc.config import Run, dataset_row, with_predecessors
from idgan_sc.files import DataError, new_folder, sha256
from idgan_sc.publish.copy import publishable
from idgan_sc.publish.croissant import write_croissant
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Results, Row

PROFILES = ("process", "workflow", "provenance")  # a crate of the last conforms to all three
BASE = "https://w3id.org/ro/wfrun"
VERSION = "0.5"
WORKFLOW, SETTINGS = "workflow/Snakefile", "config.yaml"
SOURCE = ("workflow", "src", "profiles")  # folders of the repository that the workflow runs from
DOCUMENTS = ("requirements.lock", "pyproject.toml", "README.md", "REPLICATION.md", "LICENSE", "CITATION.cff")
OF_TRAINING = ("record.json", "log.csv", "model.safetensors")  # all else of a run is measured of it
TYPES = {
    ".json": "application/json", ".csv": "text/csv", ".md": "text/markdown", ".png": "image/png", ".gif": "image/gif",
    ".pdf": "application/pdf", ".html": "text/html", ".tex": "application/x-tex", ".yaml": "application/yaml",
    ".npz": "application/zip", ".safetensors": "application/octet-stream",
}  # fmt: skip


def write_crate(results: Results, repository: Path, to: Path) -> Path:
    """Write the new folder `to`, whole or not at all.

    Raises
    ------
    DataError
        If nothing of the preset is published, or `to` exists.
    """
    published = results.root / "published"
    runs = [run for run in publishable(results) if results.is_published(run)]
    if not runs:
        raise DataError(f"{published} holds no valid published run: `idgan-sc publish --preset {results.preset}` first")
    with new_folder(to) as folder:
        _Crate(results, repository).fill(runs, folder)
    return to


class _Crate:
    """A crate in the making, in which files have their paths in the repository."""

    def __init__(self, results: Results, repository: Path) -> None:
        self.results, self.repository = results, repository
        self.citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
        self.place = Path("results", results.preset)
        self.crate = ROCrate(version="1.1")  # of which the profiles of version 0.5 are
        self.crate.metadata.extra_terms["sha256"] = "http://schema.org/sha256"
        self.people: dict[str, Entity] = {}

    def fill(self, runs: list[Run], folder: Path) -> None:
        self._describe_root()
        workflow = self._workflow()
        for path in sorted((self.results.root / "published").rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._file(path, self.place / "published" / path.relative_to(self.results.root / "published"))
        for name in ("accepted.yaml", "PROTOCOL.md"):
            if (self.results.root / name).exists():
                self._file(self.results.root / name, self.place / name)
        data = self._data_sets(folder)
        for run in with_predecessors(self.results.config, runs):
            self._actions(run, data)
        self._whole(workflow, runs)
        self.crate.write(folder)

    def _describe_root(self) -> None:
        """What the crate is, of whom, and which profiles it follows."""
        results, citation, root = self.results, self.citation, self.crate.root_dataset
        self.crate.name = f"Published results of preset {results.preset} of {citation['title']}"
        self.crate.description = f"{results.title}. {' '.join(citation['abstract'].split())}"
        self.crate.datePublished = str(citation["date-released"])
        self.crate.keywords = ", ".join(citation["keywords"])
        licence = {"@type": "CreativeWork", "name": "MIT License", "identifier": "MIT"}
        self.crate.license = self._add("https://spdx.org/licenses/MIT", **licence)
        authors = [self._agent(author["name"]) for author in citation["authors"]]
        self.agents = authors[0] if len(authors) == 1 else authors
        self.crate.creator = self.crate.publisher = root["author"] = self.agents
        profiles = [(f"{BASE}/{name}/{VERSION}", f"{name.capitalize()} Run Crate") for name in PROFILES]
        profiles.append(("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate"))
        root["conformsTo"] = [
            self._add(where, **{"@type": "CreativeWork", "name": name, "version": where.rpartition("/")[2]})
            for where, name in profiles
        ]
        paper = citation["references"][0]
        root["citation"] = self._add(
            "#paper", **{"@type": "ScholarlyArticle", "name": paper["title"], "description": paper["notes"]}
        )

    def _workflow(self) -> Entity:
        """The workflow with its tools, its settings and what it makes."""
        for name in (*DOCUMENTS, SETTINGS):
            self._file(self.repository / name, Path(name))
        for name in SOURCE:
            for path in sorted((self.repository / name).rglob("*")):
                hidden = any(part.startswith((".", "__")) and part != "__init__.py" for part in path.parts[-4:])
                if path.is_file() and not hidden and ".egg-info" not in str(path) and path.name != "Snakefile":
                    self._file(path, path.relative_to(self.repository))
        self.crate.dereference("README.md")["about"] = self.crate.root_dataset
        path = self.repository / WORKFLOW
        workflow = self.crate.add_workflow(
            path, WORKFLOW, main=True, lang="snakemake", properties={**_properties(path), "name": "idgan-sc"}
        )
        tools = {
            "train": "draws or downloads the images, and trains a model on them",
            "measure": "encodes images, scores the codes, and measures what the generator draws: the commands encode, "
            "score, match, read-generator, leakage, traverse and card",
        }
        words = {"@type": "SoftwareApplication", "softwareVersion": str(self.citation["version"])}
        self.tools = {
            name: self._add(f"#tool-{name}", **words, name=f"idgan-sc {name}", description=text)
            for name, text in tools.items()
        }
        workflow["hasPart"] = list(self.tools.values())
        workflow["version"] = str(self.citation["version"])
        workflow["license"], workflow["creator"] = self.crate.license, self.agents
        settings = self.crate.dereference(SETTINGS)
        given = self._parameter("settings", "File", "every setting of every system, preset and claim", settings)
        workflow["input"] = given
        workflow["conformsTo"] = self._add(
            "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE",
            **{"@type": "CreativeWork", "name": "ComputationalWorkflow"},
        )
        return workflow

    def _parameter(self, name: str, kind: str, words: str, example: Entity) -> Entity:
        """An input or output of the workflow, with the file that stands for it here."""
        profile = self._add(
            "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE",
            **{"@type": "CreativeWork", "name": "FormalParameter"},
        )
        made = self._add(
            f"#parameter-{name}", **{"@type": "FormalParameter", "additionalType": kind}, name=name, description=words
        )
        made["conformsTo"], made["workExample"], example["exampleOfWork"] = profile, example, made
        return made

    def _data_sets(self, folder: Path) -> dict[str, Entity]:
        """Descriptions of the data sets by name; of drawn ones as Croissant too."""
        found = {}
        for path in sorted((self.results.root / "published/data").glob("*.json")):
            entity = self.crate.dereference(str(self.place / "published/data" / path.name))
            entity["name"] = f"{dataset_row(path.stem).title}: what the data set says of itself"
            if self.results.dataset_settings(path.stem)["source"] == "procedural":
                place = self.place / "data" / path.stem / "croissant.json"
                command = f"idgan-sc data --preset {self.results.preset} --dataset {path.stem}"
                described = json.loads(path.read_text(encoding="utf-8"))
                write_croissant(folder / place, described, self.citation, command)
                entity = self._file(folder / place, place)
                entity["name"] = f"{dataset_row(path.stem).title}: Croissant metadata"
                entity["conformsTo"] = self._add(
                    "http://mlcommons.org/croissant/1.0", **{"@type": "CreativeWork", "name": "Croissant 1.0"}
                )
            found[path.stem] = entity
        return found

    def _actions(self, run: Run, data: dict[str, Entity]) -> None:
        """The training of a run and its measurement, as its record tells them."""
        source, place = self.results.root / "published" / run.path, self.place / "published" / run.path
        if not (source / "record.json").exists():
            return
        record = read_record(source)
        names = sorted(path.name for path in source.iterdir() if not path.name.startswith("."))
        of = {name: self.crate.dereference(str(place / name)) for name in names}
        before = [self.place / "published" / earlier["path"] / "record.json" for earlier in record["before"].values()]
        earlier = [found for path in before if (found := self.crate.dereference(str(path)))]
        given = [self.crate.dereference(SETTINGS), *([data[run.dataset]] if run.dataset in data else []), *earlier]
        self._action(run, "train", given, [of[name] for name in names if name in OF_TRAINING], record)
        measured = [of[name] for name in names if name not in OF_TRAINING]
        if measured:
            self._action(run, "measure", [*given, of["record.json"]], measured, record)

    def _action(self, run: Run, tool: str, given: list[Entity], made: list[Entity], record: Row) -> None:
        by = record.get("origin", {}).get("by")
        words = f"{self.results.preset}/{run}: {self.tools[tool]['name']}"
        told = {
            "train": f"{record['seconds']} s on {record.get('processor')}, {record['device']}, {record['threads']} "
            f"threads, Python {record.get('python')}, PyTorch {record.get('torch')}; commit {record.get('commit')}, "
            f"source {record['source']}",
            "measure": "what the tables and figures need of this training",
        }
        properties = {"@type": "CreateAction", "name": words, "description": told[tool]}
        action = self.crate.add_action(
            self.tools[tool], f"#{tool}/{run}", object=given, result=made, properties=properties
        )
        action["agent"] = self._agent(by) if by else self.agents

    def _whole(self, workflow: Entity, runs: Iterable[Run]) -> None:
        """The run of the workflow, from settings and runs to tables and verdicts."""
        below = str(self.place / "published") + "/"
        entities = [entity for entity in self.crate.get_entities() if isinstance(entity, File)]
        derived = [
            e for e in entities if e.id.startswith(below) and not e.id.startswith((f"{below}runs/", f"{below}data/"))
        ]
        records = [self.crate.dereference(str(self.place / "published" / run.path / "record.json")) for run in runs]
        shown = self.crate.dereference(f"{below}cost.csv")
        if shown:
            words = "tables, figures, verdicts and the page; this one says what each training cost and came from"
            workflow["output"] = self._parameter("published", "File", words, shown)
        action = self.crate.add_action(
            workflow, "#workflow-run", object=[self.crate.dereference(SETTINGS), *records], result=derived,
            properties={
                "@type": "CreateAction", "name": f"snakemake --config preset={self.results.preset} -- publish",
                "description": "tables, figures, verdicts and the page, from all published runs",
            },
        )  # fmt: skip
        action["agent"] = self.agents
        self.crate.root_dataset["mentions"] = [
            entity for entity in self.crate.get_entities() if entity.type == "CreateAction"
        ]

    def _file(self, source: Path, place: Path) -> Entity:
        return self.crate.add_file(source, str(place), properties=_properties(source) | {"name": place.name})

    def _agent(self, name: str) -> Entity:
        """Who did something: the project's contributors, or the person who submitted a run."""
        if name not in self.people:
            project = name in (author["name"] for author in self.citation["authors"])
            number = len(self.people)
            entity = (
                self._add(f"#contributors-{number}", **{"@type": "Organization", "name": name})
                if project
                else self.crate.add(Person(self.crate, f"#person-{number}", properties={"name": name}))
            )
            self.people[name] = entity
        return self.people[name]

    def _add(self, where: str, **properties: Any) -> Entity:
        return self.crate.add(ContextEntity(self.crate, where, properties=properties))


def _properties(path: Path) -> dict[str, str]:
    """What is said of a file, whatever it is."""
    size, kind = str(path.stat().st_size), TYPES.get(path.suffix, "text/plain")
    return {"contentSize": size, "sha256": sha256(path), "encodingFormat": kind}
