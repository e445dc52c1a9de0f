"""Draw a solid in a room with every factor known, in place of 3D Shapes.

The factors and their order are those of 3D Shapes.

A square room under the sky is seen by a camera. The camera goes around the solid in the room's middle. Rays
through every pixel find what is there. Floor, wall, solid and sky each have a share of a pixel. These shares,
each times its brightness, are the four **maps** of a view.

An image is the sum of maps times colours. So 480 views and three tables of ten colours hold all 480 000
images. They are composed when they are asked for.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from math import prod
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np

from idgan_sc.data.images import Factors, Images, procedural_source, save_images
from idgan_sc.files import DataError, write_atomic

SIZE = 64
FACTORS = Factors(
    names=("floor", "wall", "object", "scale", "shape", "orientation"),
    sizes=(10, 10, 10, 8, 4, 15),
    values=(
        *[tuple((np.arange(10) / 10).tolist())] * 3,  # hue
        tuple(np.linspace(0.75, 1.25, 8).tolist()),
        (0.0, 1.0, 2.0, 3.0),  # cube, cylinder, sphere, capsule
        tuple(np.linspace(-30, 30, 15).tolist()),  # degrees that the camera has gone around
    ),
    discrete=("shape",),
)
N = prod(FACTORS.sizes)
VIEWS = FACTORS.sizes[3:]  # what the maps depend on
FLOOR, WALL, SOLID, SKY = range(4)

# Lengths are in units of the solid at scale 1; x to the right, y away from the camera at 0 degrees, z up.
_DISTANCE, _HEIGHT, _WIDE = 3.0, 1.06, 0.506  # of the camera from the solid and above the floor; half its field of view
_ROOM, _WALLS = 5.1, 2.86  # half the room's side, the walls' height
_CUBE, _CYLINDER, _SPHERE, _CAPSULE = 0.45, (0.47, 1.08), 0.54, (0.42, 1.7)  # half the side; radius and height
_TO_LIGHT = np.array([-0.36, 0.16, 1.0]) / np.linalg.norm([-0.36, 0.16, 1.0])
_SKY = (154, 225, 249)
_RAYS = 3  # through a pixel, across and down
_MARKS = (
    (-4.1, 2.1),
    (-2.6, 1.0),
    (-0.4, 2.0),
    (1.9, 1.3),
    (3.3, 2.2),
    (4.3, 0.8),
)  # of the walls' plaster: along a wall, above the floor


def prepare(
    folder: str | Path,
    source: str = "procedural",
    file: str | Path | None = None,
    cache: str | Path | None = None,
) -> Images:
    """Draw the data set in `folder`: the whole grid, as maps and colours.

    Parameters
    ----------
    source, file, cache
        As for the data sets that are downloaded; only "procedural", without a file, is possible.

    Raises
    ------
    DataError
        If another source or a file is asked for.
    """
    procedural_source("rooms", source, file)
    write_atomic(Path(folder) / "colours.npy", lambda temporary: np.save(temporary, colours(), allow_pickle=False))
    return save_images(
        folder,
        views(),
        name="rooms",
        source="procedural room renderer",
        licence="MIT (drawn by this project)",
        shape=(3, SIZE, SIZE),
        n=N,
        factors=FACTORS,
        classes=np.indices(FACTORS.sizes, dtype=np.uint8).reshape(len(FACTORS.sizes), -1).T,
        composed=(prod(VIEWS), 4, SIZE, SIZE),
    )


class Composed:
    """Compose images (N, 64, 64, 3) uint8 when they are indexed.

    They are indexed as an array of them would be.
    """

    def __init__(self, maps: np.ndarray, tables: np.ndarray) -> None:
        """Take maps (views, 4, 64, 64) uint8 and tables (4, 10, 3) uint8.

        The tables are the colours of floor, wall, solid and sky.
        """
        self.maps, self.tables = maps, tables
        self.shape, self.dtype = (N, *maps.shape[2:], 3), np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        chosen = np.arange(N)[index]
        rows = np.atleast_1d(chosen).ravel()
        view, hues = rows % prod(VIEWS), np.unravel_index(rows // prod(VIEWS), FACTORS.sizes[:3])
        colour = np.stack([self.tables[part, hue] for part, hue in enumerate((*hues, np.zeros_like(view)))], axis=1)
        composed = compose(self.maps[view], colour)
        return composed.reshape(*np.shape(chosen), *self.shape[1:])


def compose(maps: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Compose images (B, 64, 64, 3) uint8 of maps and colours.

    The maps are (B, 4, 64, 64) and the colours (B, 4, 3), both uint8. The sums are rounded to nearest.
    """
    flat = maps.reshape(len(maps), 4, -1).astype(np.float32)
    total = colour.transpose(0, 2, 1).astype(np.float32) @ flat  # (B, 3, 64²) whole numbers up to 255²: exact
    whole = total.astype(np.uint16) + np.uint16(128)
    whole += whole >> 8  # now the upper byte is total / 255, rounded
    return (whole >> 8).astype(np.uint8).reshape(len(maps), 3, *maps.shape[2:]).transpose(0, 2, 3, 1)


def open_pixels(folder: Path, maps: np.ndarray) -> Composed:
    """The images that a folder's maps and colours hold.

    Raises
    ------
    DataError
        If the colours are missing or damaged.
    """
    path, expected = folder / "colours.npy", colours()
    try:
        tables = np.load(path, allow_pickle=False)
    except Exception as error:  # a damaged header can raise anything in NumPy
        raise DataError(
            f"{path} cannot be read ({shorten(str(error), 200)}): delete the folder and run `idgan-sc data` again"
        ) from error
    if tables.shape != expected.shape or tables.dtype != np.uint8:
        raise DataError(
            f"{path} holds {tables.dtype} {tables.shape}, expected uint8 {expected.shape}: delete the folder"
        )
    return Composed(maps, tables)


def colours() -> np.ndarray:
    """Return the colours of floor, wall, solid and sky, (4, 10, 3) uint8.

    Floor, wall and solid have ten hues of full saturation. The sky has one colour.
    """
    hues = [colorsys.hsv_to_rgb(hue, 1.0, 1.0) for hue in FACTORS.values[0]]
    table = np.rint(255 * np.array(hues)).astype(np.uint8)
    return np.stack([table, table, table, np.tile(np.array(_SKY, np.uint8), (10, 1))])


# ------------------------------------------------------------------------------------------------------------- drawing
def views() -> Iterator[np.ndarray]:
    """Yield the maps of every view in the order of the grid.

    The views of one scale and shape come at a time: (15, 4, 64, 64) uint8.
    """
    rooms = [_Room(angle) for angle in np.radians(FACTORS.values[5])]
    for scale, shape in np.ndindex(*VIEWS[:2]):
        yield np.stack([room.with_solid(shape, FACTORS.values[3][scale]) for room in rooms])


class _Room:
    """Hold the empty room as seen from one side.

    It keeps the camera's rays (R, 3), what each ray meets, and how bright that is.
    """

    def __init__(self, angle: float) -> None:
        sin, cos = np.sin(angle), np.cos(angle)
        self.camera = np.array([_DISTANCE * sin, -_DISTANCE * cos, _HEIGHT])
        at = (np.arange(SIZE * _RAYS) + 0.5) / (SIZE * _RAYS) * 2 - 1
        across, down = (axis.ravel() * _WIDE for axis in np.meshgrid(at, at))
        self.rays = np.stack([cos * across - sin, sin * across + cos, -down], axis=1)
        self.ahead = np.array([-sin, cos, 0.0])
        self._meet_room()

    def _meet_room(self) -> None:
        """The nearest of floor and walls; above the walls is the sky."""
        with np.errstate(divide="ignore", invalid="ignore"):
            to_floor = np.where(self.rays[:, 2] < 0, -self.camera[2] / self.rays[:, 2], np.inf)
            to_sides = [(np.sign(self.rays[:, i]) * _ROOM - self.camera[i]) / self.rays[:, i] for i in (0, 1)]
        to_wall, side = np.minimum(*to_sides), to_sides[0] < to_sides[1]
        self.depth = np.minimum(to_floor, to_wall)
        self.points = self.camera + self.depth[:, None] * self.rays
        self.floor = to_floor < to_wall
        self.wall = ~self.floor & (self.points[:, 2] < _WALLS)
        facing = np.where(side, np.where(self.rays[:, 0] > 0, 0.72, 0.8), 1.0)  # the far wall is the brightest
        self.bright = np.where(self.floor, self._floor(), facing * self._plaster(side))

    def _floor(self) -> np.ndarray:
        """A little darker far from the middle."""
        return 1 - 0.02 * np.hypot(self.points[:, 0], self.points[:, 1])

    def _plaster(self, side: np.ndarray) -> np.ndarray:
        """Marks on the walls, by which they can be told to turn."""
        along, high = np.where(side, self.points[:, 1], self.points[:, 0]), self.points[:, 2]
        near = [np.square((along - x) / 0.4) + np.square((high - z - 0.3 * (along - x)) / 0.3) for x, z in _MARKS]
        return 1 - 0.07 * (np.min(near, axis=0) < 1)

    def with_solid(self, shape: int, scale: float) -> np.ndarray:
        """Return the maps (4, 64, 64) uint8 of the room with a solid.

        The solid throws a shadow on the floor.
        """
        depth, normal = _meet(shape, self.camera / scale, self.rays)
        hit = depth * scale < self.depth
        solid = np.where(hit, self._lit(normal), 0.0)
        shadow, _ = _meet(shape, self.points / scale, np.broadcast_to(_TO_LIGHT, self.points.shape))
        floor = self.bright * np.where(np.isfinite(shadow), 0.36, 1.0)
        parts = [self.floor * floor, self.wall * self.bright, None, ~(self.floor | self.wall) * 1.0]
        maps = np.stack([solid if part is None else np.where(hit, 0.0, part) for part in parts], axis=1)
        pixels = maps.reshape(SIZE, _RAYS, SIZE, _RAYS, 4).mean((1, 3))
        return _bytes(pixels).transpose(2, 0, 1)

    def _lit(self, normal: np.ndarray) -> np.ndarray:
        """Return the brightness of a surface.

        The light comes from all around, from above and from the camera's own lamp.
        """
        return np.minimum(
            0.5 + 0.45 * np.maximum(normal @ _TO_LIGHT, 0) + 0.45 * np.maximum(-normal @ self.ahead, 0), 1
        )


def _bytes(shares: np.ndarray) -> np.ndarray:
    """Shares in [0, 1] as bytes whose sum over the last axis never exceeds 255."""
    whole = np.floor(255 * shares)
    spare = np.minimum(255 - whole.sum(-1, keepdims=True), 4)
    rest = 255 * shares - whole
    rank = np.argsort(np.argsort(-rest, axis=-1, kind="stable"), axis=-1, kind="stable")
    return (whole + ((rest >= 0.5) & (rank < spare))).astype(np.uint8)


def _meet(shape: int, start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far along rays (R, 3) the solid of scale 1 is met.

    The distance is infinite where the solid is not met. The normal there is (R, 3).
    """
    if shape == 0:
        return _meet_cube(start, rays)
    if shape == 1:
        radius, height = _CYLINDER
        parts = [_meet_tube(start, rays, radius, 0, height), _meet_lid(start, rays, radius, height)]
    elif shape == 2:
        parts = [_meet_ball(start, rays, _SPHERE, _SPHERE)]
    else:
        radius, height = _CAPSULE
        balls = [_meet_ball(start, rays, radius, z) for z in (radius, height - radius)]
        parts = [_meet_tube(start, rays, radius, radius, height - radius), *balls]
    depth, normal = parts[0]
    for other, its_normal in parts[1:]:
        nearer = other < depth
        depth, normal = np.where(nearer, other, depth), np.where(nearer[:, None], its_normal, normal)
    return depth, normal


def _meet_cube(start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.array([-_CUBE, -_CUBE, 0]), np.array([_CUBE, _CUBE, 2 * _CUBE])
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = np.sort([(low - start) / rays, (high - start) / rays], axis=0)
    enter, leave = near.max(1), far.min(1)
    axis = near.argmax(1)
    normal = np.zeros_like(rays)
    normal[np.arange(len(rays)), axis] = -np.sign(rays[np.arange(len(rays)), axis])
    return np.where((enter < leave) & (enter > 1e-6), enter, np.inf), normal


def _meet_tube(
    start: np.ndarray, rays: np.ndarray, radius: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """The side of an upright cylinder."""
    start = np.broadcast_to(start, rays.shape)
    depth = _root(start[:, :2], rays[:, :2], radius)
    point = start + np.where(np.isfinite(depth), depth, 0)[:, None] * rays
    inside = (point[:, 2] >= low) & (point[:, 2] <= high)
    return np.where(inside, depth, np.inf), np.column_stack([point[:, :2] / radius, np.zeros(len(rays))])


def _meet_lid(start: np.ndarray, rays: np.ndarray, radius: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    start = np.broadcast_to(start, rays.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (height - start[:, 2]) / rays[:, 2]
    point = start[:, :2] + np.where(np.isfinite(depth), depth, 0)[:, None] * rays[:, :2]
    inside = (np.square(point).sum(1) <= radius**2) & (depth > 1e-6)
    return np.where(inside, depth, np.inf), np.broadcast_to(np.array([0.0, 0.0, 1.0]), rays.shape)


def _meet_ball(start: np.ndarray, rays: np.ndarray, radius: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    start = np.broadcast_to(start, rays.shape) - [0.0, 0.0, height]
    depth = _root(start, rays, radius)
    return depth, (start + np.where(np.isfinite(depth), depth, 0)[:, None] * rays) / radius


def _root(start: np.ndarray, rays: np.ndarray, radius: float) -> np.ndarray:
    """Return the nearer depth where |start + depth · ray| equals the radius.

    It is infinite where there is none ahead.
    """
    square, half = np.square(rays).sum(1), (start * rays).sum(1)
    inner = half**2 - square * (np.square(start).sum(1) - radius**2)
    depth = (-half - np.sqrt(np.maximum(inner, 0))) / square
    return np.where((inner > 0) & (depth > 1e-6), depth, np.inf)
