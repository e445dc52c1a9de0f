"use strict";
// The nearest of all 737 280 true sprites, in a worker: the renderer of data/dsprites.py, whose images are not stored
// but crossed line by line. A true image is a set of intervals of pixels, so that its product with a generated image
// is a sum of differences of that image's running sums.
const SHAPES = ["square", "ellipse", "heart"], SIZES = 6, TURN = 39, PLACES = 32, SIDE = 64;
const ORIGIN = 480, LINES = 961, SYMMETRY = [4, 2, 1];
const FACTORS = ["shape", "size", "rotation", "x", "y"];

function outline(shape, scale, orientation) {  // corners around the centre, y down, as `_outline`
  const points = [];
  if (shape === 0) for (const [x, y] of [[1, 1], [1, -1], [-1, -1], [-1, 1]]) points.push([9.5996 * x, 9.5996 * y]);
  if (shape === 1) for (let i = 0; i < 128; i++) {
    const t = (i + .5) * (2 * Math.PI / 128);
    points.push([12.768 * Math.cos(t), 7.215 * Math.sin(t)]);
  }
  if (shape === 2) for (let i = 0; i < 150; i++) {
    const t = i * (2 * Math.PI / 150), bow = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t);
    points.push([9.6 * Math.sin(t) ** 3, -19.2 / 29 * bow - 1.44]);
  }
  const size = .5 + scale * .1, angle = orientation * (2 * Math.PI / 39);
  const cos = size * Math.cos(angle), sin = size * Math.sin(angle);
  return points.map(([x, y]) => [cos * x + sin * y, cos * y - sin * x]);
}

function crossings(shape, scale, orientation) {  // for each grid line, where the outline crosses it, from left to right
  const corners = outline(shape, scale, orientation), found = new Map();
  corners.forEach(([x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length];
    const first = Math.ceil(31 * y + ORIGIN + .5), last = Math.ceil(31 * nextY + ORIGIN + .5);
    for (let line = Math.min(first, last); line < Math.max(first, last); line++) {
      const at = x + ((line - ORIGIN - .5) / 31 - y) * (nextX - x) / (nextY - y);
      found.set(line, [...found.get(line) ?? [], at]);
    }
  });
  const start = new Int32Array(LINES + 1), places = [];
  for (let line = 0; line < LINES; line++) {
    places.push(...(found.get(line) ?? []).sort((a, b) => a - b));
    start[line + 1] = places.length;
  }
  return {start, places: Float64Array.from(places)};
}

const POSITIONS = Float64Array.from({length: PLACES}, (_, i) => 32 / 31 * i + 15.5);

// Rows of a sprite at height y, each with its crossings: `visit(row, crossing, sign)`.
function* rowsOf({start}, y) {
  for (let row = 0; row < SIDE; row++) {
    const line = 31 * row - 32 * y;
    if (line >= 0 && line < LINES && start[line + 1] > start[line]) yield [row, start[line], start[line + 1]];
  }
}

function drawSprite(kind, x, y) {  // 64×64 pixels of 0 and 1
  const pixels = new Uint8Array(SIDE * SIDE);
  for (const [row, first, last] of rowsOf(kind, y)) for (let c = first; c < last; c += 2) {
    const from = Math.ceil(kind.places[c] + POSITIONS[x]), to = Math.ceil(kind.places[c + 1] + POSITIONS[x]);
    pixels.fill(1, row * SIDE + from, row * SIDE + to);
  }
  return pixels;
}

function shrink(pixels, size) {  // to the size of the generated images: 64, or means of 2×2 pixels
  if (size === SIDE) return Float32Array.from(pixels);
  const small = new Float32Array(size * size);
  pixels.forEach((value, i) => { small[(i / SIDE >> 1) * size + (i % SIDE >> 1)] += value / 4; });
  return small;
}

const SQUARES = (() => {  // of four counts of up to 4, a half byte each: the sum of their squares
  const table = new Uint8Array(65536);
  for (let i = 0; i < 65536; i++) for (let n = i; n; n >>>= 4) table[i] += (n & 15) ** 2;
  return table;
})();
const squares = word => SQUARES[word & 65535] + SQUARES[word >>> 16];
const twos = word => (word & 0x55555555) + (word >>> 1 & 0x55555555);

class Sprites {
  constructor(size) {  // 32 or 64 pixels a side
    this.size = size;
    this.kinds = [];
    for (let shape = 0; shape < 3; shape++) for (let scale = 0; scale < SIZES; scale++)
      for (let orientation = 0; orientation < TURN; orientation++)
        this.kinds.push({shape, scale, orientation, ...crossings(shape, scale, orientation)});
    this.norms = new Uint16Array(this.kinds.length * PLACES * PLACES);  // |image|² times 16, or times 1 at 64 pixels
    this.kinds.forEach((kind, number) => this.addNorms(kind, number * PLACES * PLACES));
  }

  addNorms(kind, first) {
    const high = new Uint32Array(SIDE * PLACES), low = new Uint32Array(SIDE * PLACES);  // a row's 64 pixels, by x
    for (let y = 0; y < PLACES; y++) {
      high.fill(0);
      low.fill(0);
      let top = SIDE, end = 0;
      for (const [row, from, to] of rowsOf(kind, y)) {
        top = Math.min(top, row);
        end = row;
        for (let c = from; c < to; c++) for (let x = 0; x < PLACES; x++) {
          const column = Math.ceil(kind.places[c] + POSITIONS[x]), at = row * PLACES + x;
          high[at] ^= column < 32 ? 0xffffffff >>> column : 0;
          low[at] ^= column < 32 ? 0xffffffff : 0xffffffff >>> column - 32;
        }
      }
      for (let x = 0; x < PLACES; x++) {
        let sum = 0;
        for (let row = top & ~1; row <= end; row += 2) for (const words of [high, low]) {
          const a = twos(words[row * PLACES + x]), b = twos(words[(row + 1) * PLACES + x]);
          if (a || b) sum += this.ofPair(a, b);
        }
        this.norms[first + y * PLACES + x] = sum;
      }
    }
  }

  ofPair(a, b) {  // two rows, each as counts of two neighbours: squares of the 2×2 counts, or the count itself
    const even = (a & 0x33333333) + (b & 0x33333333), odd = (a >>> 2 & 0x33333333) + (b >>> 2 & 0x33333333);
    if (this.size !== SIDE) return squares(even) + squares(odd);
    let n = 0;
    for (let word = even + odd; word; word >>>= 4) n += word & 15;
    return n;
  }

  // The nearest true image of a generated one (size², one channel in [0, 1]): its factors, pixels and distance, which
  // is |g - x|² over |x|².
  nearest(g) {
    const scale = this.size === SIDE ? 1 : 4, half = SIDE / this.size, unit = this.size === SIDE ? 1 : 16;
    const sums = new Float64Array(SIDE * (SIDE + 1));  // running sums along each row of 64 pixels
    let square = 0;
    for (const value of g) square += value * value;
    for (let row = 0; row < SIDE; row++) for (let c = 0; c < SIDE; c++)
      sums[row * 65 + c + 1] = sums[row * 65 + c] + g[Math.floor(row / half) * this.size + Math.floor(c / half)] / scale;
    let best = Infinity, found = null;
    const product = new Float64Array(PLACES);
    this.kinds.forEach((kind, number) => {
      const {start, places} = kind;
      for (let y = 0; y < PLACES; y++) {
        product.fill(0);
        for (let row = 0; row < SIDE; row++) {
          const line = 31 * row - 32 * y;
          if (line < 0 || line >= LINES) continue;
          for (let c = start[line]; c < start[line + 1]; c++) {
            const at = places[c], sign = (c - start[line]) % 2 ? 1 : -1;
            for (let x = 0; x < PLACES; x++) product[x] += sign * sums[row * 65 + Math.ceil(at + POSITIONS[x])];
          }
        }
        for (let x = 0; x < PLACES; x++) {
          const distance = this.norms[(number * PLACES + y) * PLACES + x] / unit - 2 * product[x];
          if (distance < best) { best = distance; found = {number, x, y}; }
        }
      }
    });
    const {number, x, y} = found, {shape, scale: size, orientation} = this.kinds[number];
    const norm = this.norms[(number * PLACES + y) * PLACES + x] / unit;
    return {factors: [shape, size, orientation, x, y], relative: (best + square) / norm,
      pixels: shrink(drawSprite(this.kinds[number], x, y), this.size)};
  }
}

// An angle below the period of a shape's symmetry, in quarters of a step of 1/39 turn.
const quarters = (orientation, symmetry) => 4 * orientation % (4 * TURN / symmetry);

// Which factors of two sprites differ by more than so many steps, as `changed` of evaluation/generators.
function changedFactors(a, b, tolerance) {
  const symmetry = Math.max(SYMMETRY[a[0]], SYMMETRY[b[0]]);
  return FACTORS.map((_, i) => {
    let steps = Math.abs(a[i] - b[i]);
    if (i === 2) {
      const around = Math.abs(quarters(a[2], symmetry) - quarters(b[2], symmetry));
      steps = Math.min(around, 4 * TURN / symmetry - around) / 4;
    }
    return steps > tolerance[i];
  });
}

if (typeof document === "undefined") {
  let sprites = null;
  onmessage = ({data: {id, size, image}}) => {
    if (sprites?.size !== size) sprites = new Sprites(size);
    postMessage({id, ...sprites.nearest(image)});
  };
}
