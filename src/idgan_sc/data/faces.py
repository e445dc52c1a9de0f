"""Draw faces with every factor known, in place of CelebA.

CelebA is the data of Figs. 7 and 8.

Head and hair are solids of revolution about the vertical axis. They are seen from the front, without
perspective. So a pixel shows the longitude `arcsin(x / radius) - azimuth`. Eyes, brows, mouth and hairline
are flat shapes in longitude and height. Turning the head moves, narrows and hides them as it should.

Lengths are pixels of the 64×64 image, from the middle of the head, with y down. What varies besides the
factors (skin, hair, build, place) is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from pathlib import Path

import numpy as np
from tqdm import tqdm

from idgan_sc.data.images import Factors, Images, procedural_source, sample_classes, save_images

SIZE = 64
FACTORS = Factors(
    names=("background", "fringe", "azimuth", "light", "expression"),
    sizes=(8, 8, 9, 9, 9),
    values=(
        tuple(np.linspace(0.2, 0.85, 8).tolist()),  # brightness
        tuple(np.linspace(-19.5, -3.0, 8).tolist()),  # height of the hairline: bare forehead to covered brows
        tuple(np.linspace(-0.8, 0.8, 9).tolist()),  # radians; positive turns the nose to the right of the image
        tuple(np.linspace(-1.1, 1.1, 9).tolist()),  # radians; positive comes from the right of the image
        tuple(np.linspace(-1.0, 1.0, 9).tolist()),  # -1 frowns, 0 is neutral, 1 laughs
    ),
)
N = 20_000

_CHUNK = 8  # faces drawn at a time: their layers stay in the processor's cache
_ROWS, _COLUMNS = slice(14, 60), slice(6, 58)  # what eyes, nose and mouth can reach
_SKIN = np.array([[0.98, 0.82, 0.72], [0.93, 0.72, 0.58], [0.80, 0.57, 0.42], [0.58, 0.38, 0.27], [0.40, 0.25, 0.18]])
_HAIR = np.array([[0.08, 0.07, 0.07], [0.24, 0.13, 0.08], [0.42, 0.24, 0.12], [0.62, 0.30, 0.14], [0.85, 0.66, 0.36]])
_IRIS = np.array([[0.20, 0.12, 0.07], [0.36, 0.24, 0.14], [0.30, 0.38, 0.26], [0.30, 0.45, 0.62]])
_EYES_AT, _EYE_HEIGHT, _MOUTH_HEIGHT = 6.8, -1.0, 11.5
_CROWN, _CHIN = 21.0, 20.5
_RIM = 3.0  # how far hair stands off the skull


def prepare(
    folder: str | Path,
    source: str = "procedural",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    n: int = N,
    seed: int = 0,
) -> Images:
    """Draw the data set in `folder`: `n` faces of the grid.

    No point of the grid is drawn twice before all have been drawn.

    Parameters
    ----------
    source, file, cache
        As for the data sets that are downloaded; only "procedural", without a file, is possible.
    seed
        Of the choice of grid points and of all that varies besides the factors.

    Raises
    ------
    DataError
        If another source or a file is asked for.
    """
    procedural_source("faces", source, file)
    rng = np.random.default_rng(seed)
    classes = sample_classes(FACTORS, n, rng)
    return save_images(
        folder,
        tqdm(render_chunks(classes, rng), total=-(-n // _CHUNK), desc="drawing faces", leave=False),
        name="faces",
        source="procedural face renderer",
        licence="MIT (drawn by this project)",
        shape=(3, SIZE, SIZE),
        n=n,
        factors=FACTORS,
        classes=classes,
    )


def render(classes: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw the faces of `classes`, `(n, 5)` integers.

    Without an `rng` all faces are of one person.

    Returns
    -------
    `(n, 64, 64, 3)` uint8.
    """
    chunks = list(render_chunks(np.asarray(classes), rng))
    return np.concatenate(chunks) if chunks else np.empty((0, SIZE, SIZE, 3), np.uint8)


def render_chunks(classes: np.ndarray, rng: np.random.Generator | None = None) -> Iterator[np.ndarray]:
    """The same images, a few at a time."""
    for first in range(0, len(classes), _CHUNK):
        few = classes[first : first + _CHUNK]
        factors = np.stack([np.array(v)[few[:, k]] for k, v in enumerate(FACTORS.values)])  # (5, m)
        sitters = _sitters(len(few), rng)
        image = _draw(_View(factors.astype(np.float32)[:, :, None, None], sitters), sitters)
        yield (255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8).transpose(0, 2, 3, 1)


@dataclass(frozen=True)
class _Sitters:
    """Whom the faces show: numbers `(m, 1, 1)` and colours `(m, 3, 1, 1)`, float32."""

    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    shirt: np.ndarray
    tint: np.ndarray  # of the background
    x: np.ndarray  # where the head is
    y: np.ndarray
    size: np.ndarray
    width: np.ndarray  # radius of the head at the eyes
    length: np.ndarray  # height at which the hair ends
    part: np.ndarray  # longitude at which the hair begins beside the face
    brows: np.ndarray  # half their thickness
    strands: np.ndarray  # phase


def _sitters(m: int, rng: np.random.Generator | None) -> _Sitters:
    """Draw `m` people; without an `rng`, the middle of every range."""
    draw = np.full((20, m), 0.5) if rng is None else rng.random((20, m))

    def between(row: int, low: float, high: float) -> np.ndarray:
        return (low + (high - low) * draw[row]).astype(np.float32)[:, None, None]

    def colour(row: int, low: float, high: float) -> np.ndarray:
        return (low + (high - low) * draw[row : row + 3].T).astype(np.float32)[:, :, None, None]

    return _Sitters(
        skin=_along(_SKIN, draw[0] ** 1.5),  # darker tones are rarer, as in CelebA
        hair=_along(_HAIR, draw[1]),
        iris=_along(_IRIS, draw[2]),
        shirt=colour(5, 0.15, 0.85),
        tint=colour(8, 0.9, 1.1),
        x=between(11, 31, 33),
        y=between(12, 32.5, 34.0),
        size=between(13, 1.1, 1.22),
        width=between(14, 14.6, 16.8),
        length=between(15, -4, 30),
        part=between(16, 0.85, 1.05),
        brows=between(17, 0.6, 1.2),
        strands=between(18, -pi / 2, 3 * pi / 2),
    )


def _along(colours: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mix neighbouring colours of a row at the places `where`.

    `where` is `(m,)` from 0 to 1 along the row. The result is `(m, 3, 1, 1)`.
    """
    stops = np.linspace(0, 1, len(colours))
    mixed = np.stack([np.interp(where, stops, channel) for channel in colours.T], axis=1)
    return mixed.astype(np.float32)[:, :, None, None]


class _View:
    """Hold the faces' factors and what each pixel of a turned head shows.

    Each factor is `(m, 1, 1)`.
    """

    def __init__(self, factors: np.ndarray, who: _Sitters) -> None:
        self.background, self.fringe, self.azimuth, self.light, self.expression = factors
        self.sin = np.sin(self.azimuth)
        at = np.arange(SIZE, dtype=np.float32) + 0.5
        self.x = (at[None, None, :] - who.x) / who.size  # (m, 1, 64)
        self.y = (at[None, :, None] - who.y) / who.size  # (m, 64, 1)
        below = self.y > 0
        part = np.clip(np.abs(self.y) / np.where(below, _CHIN, _CROWN), 0, 1)
        profile = np.where(below, (1 - part**2.2) ** 0.6, (1 - part**2.4) ** 0.5)
        self.radius = np.where(part < 1, who.width * profile, -1)  # (m, 64, 1); none above and below the head
        self.axis = self.sin * np.interp(self.y, [-20, 20], [-2.0, 4.0]).astype(np.float32)  # the chin stands forward
        self.across = np.clip((self.x - self.axis) / np.maximum(self.radius, 1), -1, 1)  # (m, 64, 64)
        self.longitude = np.arcsin(self.across) - self.azimuth
        self.skin = _inside(self.radius - np.abs(self.x - self.axis))  # what is head at all
        self.u = self.longitude * np.maximum(self.radius, 4)  # along the skin, from the middle of the face

    def lit(self, across: np.ndarray, up: np.ndarray | float) -> np.ndarray:
        """Return the brightness of a surface by Lambert's law.

        The surface's normal points `across` to the right and `up`.
        """
        flat = np.sqrt(1 - np.square(up))
        facing = across * np.sin(self.light) + np.sqrt(1 - np.square(across)) * np.cos(self.light)
        return 0.3 + 0.85 * np.maximum(0.92 * facing * flat + 0.39 * up, 0)


def _draw(view: _View, who: _Sitters) -> np.ndarray:
    """Paint the layers from the back to the front: `(m, 3, 64, 64)`."""
    image = _background(view, who)
    hair, hair_lit, in_front = _hair(view, who)
    _paint(image, hair, who.hair * (0.55 * hair_lit)[:, None])
    _body(image, view, who)
    _ears(image, view, who, near=False)
    skin_lit = view.lit(view.across, np.clip(-view.y / 26, -0.6, 0.9))
    _paint(image, view.skin, who.skin * skin_lit[:, None])
    _ears(image, view, who, near=True)
    face = image[:, :, _ROWS, _COLUMNS]
    bare, lit = face.copy(), skin_lit[:, None, _ROWS, _COLUMNS]
    _eyes(face, view, who, lit)
    _brows(face, view, who, lit)
    _mouth(face, view, who, lit)
    face += (1 - view.skin[:, None, _ROWS, _COLUMNS]) * (bare - face)  # nothing of them beside the head
    _nose(face, view, who)
    _paint(image, in_front, who.hair * hair_lit[:, None])
    return image


def _paint(image: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    """Lay `colour`, `(m, 3, …)`, over the image where `cover`, `(m, h, w)`, is 1."""
    image += cover[:, None] * (colour - image)


def _inside(depth: np.ndarray) -> np.ndarray:
    """Share of a pixel that a shape covers whose edge is `depth` pixels away."""
    return np.clip(depth + 0.5, 0, 1)


def _background(view: _View, who: _Sitters) -> np.ndarray:
    """A wall, a little brighter above: `(m, 3, 64, 64)`."""
    wall = view.background * (1 - 0.003 * view.y)  # (m, 64, 1)
    return np.repeat(who.tint * wall[:, None], SIZE, axis=3)


def _hair(view: _View, who: _Sitters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the hair's outline, its brightness and the part before the face.

    Each is `(m, 64, 64)`.
    """
    top = np.clip(-view.y / (_CROWN + _RIM), 0, 1)
    radius = np.maximum((who.width + _RIM) * np.sqrt(1 - top**2.4), 1)  # (m, 64, 1)
    x = view.x + 3 * view.sin  # the hair's axis lies behind the face's
    across = np.clip(x / radius, -1, 1)
    longitude = np.arcsin(across) - view.azimuth
    wave = np.sin(11 * longitude + who.strands) + np.sin(19 * longitude + 3 * who.strands)
    outline = np.minimum(_inside(radius - np.abs(x)), _inside(who.length + 0.6 * wave - view.y)) * (top < 1)
    hairline = view.fringe + 5 * np.square(longitude / who.part) * np.clip(-view.fringe / 17, 0, 1) + 0.5 * wave
    beside = (np.abs(longitude) - who.part) * radius
    in_front = outline * _inside(np.maximum(beside, hairline - view.y))
    lit = view.lit(across, 0.9 * top) * (1 + 0.08 * np.sin(31 * longitude + who.strands) + 0.06 * wave)
    return outline, lit, in_front


def _body(image: np.ndarray, view: _View, who: _Sitters) -> None:
    """Neck, in the chin's shadow, and shoulders."""
    x = view.x + 2 * view.sin
    neck = 7.5 + np.square(np.maximum(view.y - 17, 0)) / 30
    cover = np.minimum(_inside(neck - np.abs(x)), _inside(view.y - 8))
    _paint(image, cover, who.skin * (0.72 * view.lit(np.clip(x / neck, -1, 1), 0.0))[:, None])
    shoulders = 1 - np.sqrt(np.square(x / 25) + np.square((view.y - 42) / 19))
    _paint(image, _inside(19 * shoulders), who.shirt * view.lit(np.clip(x / 25, -1, 1), 0.2)[:, None])


def _ears(image: np.ndarray, view: _View, who: _Sitters, near: bool) -> None:
    """Paint an ear on either side of the head.

    An ear lies behind the head's edge, or on the head where it is turned to the viewer.
    """
    for side in (-1.5, 1.5):
        seen = np.cos(view.azimuth + side)
        x = view.x - view.axis - (who.width + 0.5) * np.sin(view.azimuth + side)
        across = 1.6 + 1.2 * np.maximum(seen, 0)
        depth = 1 - np.sqrt(np.square(x / across) + np.square((view.y - 2.5) / 4.8))
        cover = _inside(across * depth) * np.clip(4 * seen - 0.8 if near else 1.4 - 4 * np.abs(seen), 0, 1)
        _paint(image, cover, who.skin * (0.8 * view.lit(np.sin(view.azimuth + side), 0.0))[:, None])


def _eyes(face: np.ndarray, view: _View, who: _Sitters, lit: np.ndarray) -> None:
    """Both at once: the face is the same left and right."""
    laugh, frown = np.maximum(view.expression, 0), np.maximum(-view.expression, 0)
    u, y = np.abs(view.u[:, _ROWS, _COLUMNS]) - _EYES_AT, view.y[:, _ROWS] - _EYE_HEIGHT
    half = 2.0 - 0.7 * laugh - 0.6 * frown
    shape = half * (1 - np.square(u / 3.9))  # height of the opening above and below its middle
    opening = shape - np.abs(y + 0.5 * laugh)
    from_middle = np.sqrt(np.square(u) + np.square(y))
    _paint(face, _inside(opening + 0.9), who.skin * (0.35 * lit))  # lashes
    _paint(face, _inside(opening), 0.95 * np.minimum(lit, 1.05))
    _paint(face, np.minimum(_inside(2.0 - from_middle), _inside(opening)), who.iris * lit)
    _paint(face, np.minimum(_inside(0.8 - from_middle), _inside(opening)), 0.05 * lit)


def _brows(face: np.ndarray, view: _View, who: _Sitters, lit: np.ndarray) -> None:
    """Raised and arched in a laugh, drawn down and together in a frown."""
    laugh, frown = np.maximum(view.expression, 0), np.maximum(-view.expression, 0)
    u, y = np.abs(view.u[:, _ROWS, _COLUMNS]) - _EYES_AT + 0.8 * frown, view.y[:, _ROWS]
    middle = _EYE_HEIGHT - 5.4 - 1.6 * laugh + 1.3 * frown + np.square(u) * 0.06 * (1 + laugh - frown)
    middle = middle - 0.42 * frown * u + 0.05 * u
    cover = np.minimum(_inside(who.brows + 0.2 - np.abs(y - middle)), _inside(4.6 - np.abs(u)))
    _paint(face, cover, (0.6 * who.hair + 0.05) * lit)


def _mouth(face: np.ndarray, view: _View, who: _Sitters, lit: np.ndarray) -> None:
    """Paint lips around a dark opening with teeth.

    The corners go up in a laugh and down in a frown.
    """
    laugh, frown = np.maximum(view.expression, 0), np.maximum(-view.expression, 0)
    u, y = view.u[:, _ROWS, _COLUMNS], view.y[:, _ROWS] - _MOUTH_HEIGHT
    arc = np.square(u / (6.4 + 3.2 * laugh - 0.2 * frown))  # 1 at the corners
    inner = np.maximum(1 - arc, 0)
    upper = 4.4 * frown * (arc - 0.5) - 3.8 * laugh * (arc - 0.4)  # the edges of the opening
    lower = upper + (0.2 + 6.8 * laugh) * inner
    opening = np.minimum(y - upper, lower - y)
    lips = np.minimum(y - upper + 1.5 * np.sqrt(inner), lower - y + 1.8 * np.sqrt(inner))
    _paint(face, _inside(lips) * (inner > 0), who.skin * _colour(0.82, 0.42, 0.42) * lit)
    _paint(face, _inside(opening + 0.2) * (inner > 0), _colour(0.28, 0.05, 0.06) * lit)
    teeth = np.minimum(opening - 0.3, upper + 0.3 + 3.8 * laugh - y)
    _paint(face, _inside(teeth) * (inner > 0) * np.minimum(4 * laugh, 1), 0.97 * np.minimum(lit, 1.05))


def _nose(face: np.ndarray, view: _View, who: _Sitters) -> None:
    """A wedge that stands off the face and is lit on its own two sides."""
    y = view.y[:, _ROWS]
    down = np.clip((y + 3) / 10, 0, 1)  # 0 at the root, 1 at the tip
    middle = view.axis[:, _ROWS] + view.sin * (view.radius[:, _ROWS] + 4.5 * down - 1)
    half = 0.8 + (2.6 + 0.9 * np.abs(view.sin)) * np.square(down)
    x = view.x[..., _COLUMNS] - middle
    cover = np.minimum(_inside(half - np.abs(x)), np.minimum(_inside(y + 4), _inside(7 - y)))
    across = np.clip(view.sin + 0.7 * x / half, -1, 1)
    _paint(face, 0.85 * cover, who.skin * (view.lit(across, 0.1) * 0.98)[:, None])
    shadow = np.minimum(_inside(half - np.abs(x)), _inside(1 - np.abs(y - 7.2)))
    _paint(face, 0.45 * shadow, 0.45 * who.skin)


def _colour(red: float, green: float, blue: float) -> np.ndarray:
    return np.array([red, green, blue], np.float32)[None, :, None, None]
