"""List what is fixed about each data set, one row each.

The images of a data set come from the file of `data/` that has its name.
"""

from dataclasses import dataclass

NATIVE = 28  # pixels a side of MNIST as published
PICTURE_SYSTEMS = ("infogan_cr", "idgan_sc")  # systems of Figures 5 to 8, in that order
HANDWRITING = ("thickness", "style", "angle", "width")
FACE = ("background", "fringe", "azimuth", "light", "expression")


@dataclass(frozen=True)
class Dataset:
    """A data set as all parts of the project know it.

    How the factors of generated images are found, `reading`: "match", by the nearest of all true images; "compose", by
    the nearest of all that can be composed; "network", by
    one that learned them from the labels; "morphometrics", by measures of handwriting; "stand-in", by the network of
    the data set that is drawn in its place. Empty: not at all.
    """

    name: str
    title: str  # as tables print it
    channels: int
    images: int | None = None  # how many there are, where that is known beforehand
    settings: tuple[str, ...] = ()  # what its file can be told beside where it comes from
    stands_for: str | None = None  # the data set in whose place it is drawn
    reading: str = ""
    shown: tuple[str, ...] = ()  # factors in its figures, or what stands for them
    figures: tuple[str, ...] = ()  # of PICTURE_SYSTEMS, an original's in place of its stand-in's
    labelled: bool = True  # whether codes can be scored against something
    from_digits: bool = False  # whether a panel of its figures has a row for each of several digits
    redistributable: bool = True  # whether images, and weights trained on them, may be published


DATASETS = {
    row.name: row
    for row in (
        Dataset("dsprites", "dSprites", 1, 737_280, reading="match"),
        Dataset(
            "digits", "digits", 1, settings=("n", "native"), stands_for="mnist", reading="network", shown=HANDWRITING,
            figures=("figure5", "figure6"), from_digits=True,
        ),
        Dataset(
            "mnist", "MNIST", 1, 70_000, settings=("native",), reading="morphometrics", shown=HANDWRITING,
            figures=("figure5_mnist", "figure6_mnist"), from_digits=True,
        ),
        Dataset(
            "faces", "faces", 3, settings=("n",), stands_for="celeba", reading="network", shown=FACE,
            figures=("figure7", "figure8"),
        ),
        Dataset(
            "celeba", "CelebA", 3, 202_599, settings=("crop", "split"), reading="stand-in", shown=FACE,
            figures=("figure7", "figure8"), labelled=False, redistributable=False,
        ),
        Dataset("rooms", "rooms", 3, 480_000, stands_for="shapes3d", reading="compose"),
        Dataset("shapes3d", "3D Shapes", 3, 480_000, reading="network"),
        Dataset("mpi3d_toy", "MPI3D (toy)", 3, 1_036_800, reading="network"),
        Dataset("mpi3d_realistic", "MPI3D (realistic)", 3, 1_036_800, reading="network"),
        Dataset("mpi3d_real", "MPI3D (real)", 3, 1_036_800, reading="network"),
        Dataset("cars3d", "Cars3D", 3, 17_568, reading="network", redistributable=False),
        Dataset("smallnorb", "SmallNORB", 1, 48_600, reading="network", redistributable=False),
        Dataset("own", "own", 3, redistributable=False),
    )
}  # fmt: skip
DATASET = "dsprites"  # whose scores Table 3 and the figures show
OWN = "own"  # of a user's images, where no other name is given
DATA = {  # a setting of data sets' files -> the data sets that have it
    key: tuple(row.name for row in DATASETS.values() if key in row.settings) for key in ("n", "crop", "split", "native")
}
MATCHED = tuple(row.name for row in DATASETS.values() if row.reading in ("match", "compose"))  # with the nearest image
PICTURE_DATASETS = tuple(row.name for row in DATASETS.values() if row.figures)  # data sets of Figures 5 to 8
LABELLED = tuple(row.name for row in DATASETS.values() if row.reading == "network")  # a generator is scored by a reader


def dataset_row(name: str) -> Dataset:
    """The row of a data set; one that has none is a user's own."""
    return DATASETS.get(name, Dataset(name, name, 3, redistributable=False))


def reader_dataset(name: str) -> str:
    """The data set whose images teach the network that reads a data set's factors."""
    if dataset_row(name).reading != "stand-in":
        return name
    return next(row.name for row in DATASETS.values() if row.stands_for == name)
