"""What is fixed about data sets: their kinds, names and sizes."""

NATIVE = 28  # of MNIST as published
DATA = {  # what a data set's file can be told beside where it comes from, and which data sets can
    "n": ("digits", "faces"), "crop": ("celeba",), "native": ("mnist", "digits"),
}  # fmt: skip
PICTURES = ("digits", "mnist", "faces", "celeba")  # data sets of Figures 5 to 8
LABELLED = ("digits", "faces")  # those of them whose factors a generator can be scored by
PICTURED = ("infogan_cr", "idgan_sc")  # systems of Figures 5 to 8
IMAGES = {"dsprites": 737_280, "mnist": 70_000, "celeba": 202_599}  # encoded where the pool is `all`
PROBE_DATA = {"celeba": "faces"}  # a data set without labels is read by the network of another
STAYS = ("celeba", "own")  # data sets of whose runs only numbers are published: images and weights may not be passed on
DATASET = "dsprites"  # whose scores Table 3 and the figures show
DATA_NAMES = {"dsprites": "dSprites", "mnist": "MNIST", "celeba": "CelebA", "digits": "digits", "faces": "faces"}
ORIGINAL = {"digits": "mnist", "faces": "celeba"}  # data sets drawn in another one's place


def channels(dataset: str) -> int:
    return 3 if dataset in ("celeba", "faces", "own") else 1


def data_name(name: str) -> str:
    return DATA_NAMES.get(name, name)
