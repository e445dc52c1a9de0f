"use strict";
// The page: two generators side by side, the claims, and a point for every seed.
const data = JSON.parse(document.getElementById("data").textContent);
const THUMBNAILS = 9, STEPS = 20, LOOP = 4000, REST = 250, BUDGET = 10;  // a strip's images; key presses over a slider's
// range; ms of a loop there and back, until a slider rests, and of drawing in one frame

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const minus = text => text.replace("-", "−");
const colourOf = row => `var(--${row.system}, var(--soft))`;

// ------------------------------------------------------------------------------------------------ trained generators
const live = new Map();
function trained(g) {  // the generator of a row of `data.generators`, its weights read when it is first asked for
  if (!live.has(g.id)) {
    const text = document.getElementById(`weights-${g.id}`).textContent;
    live.set(g.id, readWeights(text).then(weights => new Generator(g.layers, weights)));
  }
  return live.get(g.id);
}

function paint(context, pixels, size, channels, left = 0) {
  const image = context.createImageData(size, size);
  for (let p = 0; p < size * size; p++) {
    for (let c = 0; c < 3; c++) image.data[4 * p + c] = Math.round(255 * pixels[p * channels + (channels === 3 ? c : 0)]);
    image.data[4 * p + 3] = 255;
  }
  context.putImageData(image, left, 0);
}

let searching = null;
const asked = new Map();
function nearestSprite(pixels, size) {  // of all true sprites, found in a worker
  if (!searching) {
    const source = new Blob([document.getElementById("script-sprites").textContent], {type: "text/javascript"});
    searching = new Worker(URL.createObjectURL(source));
    searching.onmessage = ({data: found}) => { asked.get(found.id)(found); asked.delete(found.id); };
    searching.onerror = () => { for (const done of asked.values()) done(null); asked.clear(); };
  }
  return new Promise(done => {
    const id = nearestSprite.next = (nearestSprite.next ?? 0) + 1;
    asked.set(id, done);
    searching.postMessage({id, size, image: Float32Array.from(pixels)});
  });
}

function spriteWords([shape, size, rotation, x, y]) {
  const degrees = (rotation * 360 / TURN) % (360 / SYMMETRY[shape]);
  return `${SHAPES[shape]}, size ${size + 1} of 6, rotation ${Math.round(degrees)}°, x ${x}, y ${y} of 31`;
}

// -------------------------------------------------------------------------------------------------------------- cards
class Card {
  constructor(side, other) {
    this.side = side;
    this.article = element("article", {class: "generator", "data-side": side, "aria-label": `${side} generator`});
    this.dirty = new Set();
    this.version = 0;
  }

  async choose(g) {
    this.stop();
    this.g = g;
    this.start = 0;
    const version = ++this.version, generator = await trained(g);
    if (version !== this.version) return;
    this.generator = generator;
    this.build();
    this.reset();
  }

  build() {
    const {g} = this, k = g.anchors[0].length;
    this.article.style.setProperty("--colour", colourOf(g));
    Object.assign(this.article.dataset, {id: g.id});
    const systems = element("select", {});
    for (const name of new Set(data.generators.map(row => row.data)))
      systems.append(element("optgroup", {label: name}, ...data.generators.filter(row => row.data === name)
        .map(row => element("option", {value: row.id, ...(row === g ? {selected: ""} : {})}, row.label))));
    systems.addEventListener("change", () => show({[this.side]: systems.value}));
    const starts = element("select", {}, ...g.anchors.map((_, a) => element("option", {value: a}, String(a + 1))));
    starts.addEventListener("change", () => { this.start = Number(starts.value); this.reset(); });
    const again = element("button", {type: "button"}, "Back to the start");
    again.addEventListener("click", () => this.reset());
    const draw = element("button", {type: "button"}, "New noise");
    draw.addEventListener("click", () => this.newNoise());
    const canvas = (words, size = g.size) => element("canvas", {width: size, height: size, role: "img", "aria-label": words});
    this.canvas = canvas("generated image");
    this.small = canvas(`${this.side} image`);
    this.change = canvas("change since the start");
    this.sprite = canvas("nearest true sprite");
    this.says = element("p", {class: "says", "aria-live": "polite"});
    this.found = element("figcaption", {}, "Nearest true sprite");
    const figure = (name, drawn, caption) => element("figure", {class: name}, drawn, caption);
    this.rows = [];
    this.part = null;
    this.dirty.clear();
    const used = element("div", {class: "codes"}), unused = element("div", {class: "codes"});
    for (let j = 0; j < k; j++) (g.dead.includes(j) ? unused : used).append(this.row(j, `code ${j + 1}`, g.strongest[j], g.reach));
    const noise = element("div", {class: "codes"});
    g.noise[0].forEach((_, j) => noise.append(this.row(k + j, `noise ${j + 1}`, "", g.noise_reach)));
    this.article.replaceChildren(
      element("h3", {}, `${g.label} on ${g.title}, seed ${g.seed}`),
      element("div", {class: "controls"}, element("label", {}, "System ", systems), element("label", {}, "Start ", starts), again, draw),
      element("div", {class: "stage"}, figure("main", this.canvas, element("figcaption", {}, "Generated now")),
        figure("difference", this.change, element("figcaption", {}, "Change since the start")),
        ...(g.match ? [figure("true", this.sprite, this.found)] : [])),
      this.says, used,
      ...(g.dead.length ? [element("details", {}, element("summary", {}, `${g.dead.length} codes that the β-VAE does not use`), unused)] : []),
      element("details", {}, element("summary", {}, `Noise: ${g.noise[0].length} numbers without a meaning`), noise),
      ...g.matrices.map(m => matrix(g, m)));
    for (const details of this.article.querySelectorAll("details")) details.addEventListener("toggle", () => this.redraw());
  }

  row(j, name, strongest, reach) {  // a slider, its values played in a loop, and a strip of images along it
    const {g} = this, id = `${this.side}-${name.replace(" ", "-")}`;
    const slider = element("input", {type: "range", id, min: -reach, max: reach, step: "any"});
    const play = element("button", {type: "button", class: "play", "aria-pressed": "false", "aria-label": `Play ${name}`}, "▶");
    const strip = element("canvas", {class: "strip", width: THUMBNAILS * (g.size + 1) - 1, height: g.size, role: "img",
      "aria-label": `${THUMBNAILS} images along ${name}`});
    const shown = element("output", {for: id});
    const label = element("label", {for: id}, name, ...(strongest ? [element("span", {class: "small"}, strongest)] : []));
    slider.addEventListener("input", () => { this.stop(); this.set(j, Number(slider.value)); });
    slider.addEventListener("keydown", event => {
      const to = afterKey(event.key, this.values[j], reach);
      if (to === null) return;
      event.preventDefault();
      this.stop();
      this.set(j, to);
    });
    strip.addEventListener("click", event => {
      const at = Math.floor(THUMBNAILS * event.offsetX / strip.clientWidth);
      this.stop();
      this.set(j, along(at, reach));
    });
    play.addEventListener("click", () => this.play(j));
    this.rows[j] = {slider, strip, shown, play, reach};
    return element("div", {class: "code"}, play, label, element("div", {class: "track"}, slider, strip), shown);
  }

  get codes() { return this.values.slice(0, this.g.anchors[0].length); }
  get noise() { return this.values.slice(this.g.anchors[0].length); }

  draw(values) {  // the image of all codes and the noise, as [codes, noise]
    const k = this.g.anchors[0].length;
    return this.generator.draw(values.slice(k), values.slice(0, k));
  }

  reset() {
    this.stop();
    this.values = Float32Array.from([...this.g.anchors[this.start], ...this.g.noise[this.start]]);
    this.begin();
  }

  newNoise() {
    const {noise_reach: reach, noise} = this.g, uniform = reach === 1, k = this.g.anchors[0].length;
    const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    noise[0].forEach((_, j) => { this.values[k + j] = uniform ? 2 * Math.random() - 1 : Math.max(-reach, Math.min(reach, normal())); });
    this.begin();
  }

  begin() {  // from here on changes count
    this.first = this.draw(this.values).slice();
    this.firstValues = this.values.slice();
    this.match = null;
    this.rows.forEach((_, j) => this.dirty.add(j));
    this.refresh();
    factorSliders();
  }

  set(j, value) {
    this.values[j] = value;
    this.rows.forEach((_, i) => { if (i !== j) this.dirty.add(i); });
    this.refresh();
  }

  refresh() {
    const {g} = this;
    this.rows.forEach(({slider, shown}, j) => {
      const words = minus(this.values[j].toFixed(2));
      if (Math.fround(slider.value) !== this.values[j]) slider.value = this.values[j];
      if (shown.value !== words) shown.value = words;
      slider.setAttribute("aria-valuetext", words);
    });
    this.now = this.draw(this.values).slice();
    for (const canvas of [this.canvas, this.small]) paint(canvas.getContext("2d"), this.now, g.size, g.channels);
    const change = this.now.map((value, i) => Math.abs(value - this.first[i]));
    paint(this.change.getContext("2d"), change, g.size, g.channels);
    this.article.dataset.drawn = JSON.stringify([...this.values]);
    this.redraw();
    clearTimeout(this.resting);
    if (!this.playing) this.resting = setTimeout(() => this.rest(), REST);
  }

  redraw() {  // strips, a few images a frame; each of the values that it began with
    if (this.frame) return;
    const work = () => {
      const end = performance.now() + BUDGET;
      while (performance.now() < end) if (!this.thumbnail()) { this.frame = 0; this.part = null; return; }
      this.frame = requestAnimationFrame(work);
    };
    this.frame = requestAnimationFrame(work);
  }

  thumbnail() {  // draw one more image of a strip; whether there was one to draw
    if (!this.part || this.part.at === THUMBNAILS) {
      const j = [...this.dirty].find(i => this.rows[i].strip.offsetParent !== null);
      if (j === undefined) return false;
      this.dirty.delete(j);
      this.part = {j, at: 0, values: this.values.slice()};
    }
    const {j, values} = this.part, {strip, reach} = this.rows[j], {size, channels} = this.g;
    values[j] = along(this.part.at, reach);
    paint(strip.getContext("2d"), this.draw(values), size, channels, this.part.at * (size + 1));
    this.part.at++;
    return true;
  }

  play(j) {
    const was = this.playing?.j;
    this.stop();
    if (was === j) return;
    const {reach, play} = this.rows[j], turn = LOOP / 4 * (1 + this.values[j] / reach) - LOOP / 4, began = performance.now();
    play.setAttribute("aria-pressed", "true");
    play.textContent = "❚❚";
    const step = now => {
      this.set(j, reach * wave(now - began + turn));
      this.playing.frame = requestAnimationFrame(step);
    };
    this.playing = {j, frame: requestAnimationFrame(step)};
  }

  stop() {
    stopFactor();
    if (!this.playing) return;
    cancelAnimationFrame(this.playing.frame);
    const {play} = this.rows[this.playing.j];
    play.setAttribute("aria-pressed", "false");
    play.textContent = "▶";
    this.playing = null;
    this.refresh();
  }

  async rest() {  // what is drawn now, in words; beside a sprite the nearest true one, and which factors changed
    const moved = [...this.values].flatMap((value, j) => value === this.firstValues[j] ? [] : [this.nameOf(j)]);
    const words = moved.length ? `Moved since the start: ${moved.join(", ")}.` : "At the start.";
    this.canvas.setAttribute("aria-label", `Image of ${this.g.label} on ${this.g.data}. ${words}`);
    if (!this.g.match) { this.says.textContent = words; return; }
    const version = this.version, values = JSON.stringify([...this.values]), {size} = this.g;
    if (!this.match) {
      const first = nearestSprite(this.first, size);
      this.says.textContent = `${words} Searching the true sprites …`;
      const match = await first;
      if (version !== this.version) return;
      this.match ??= match;
    }
    const found = moved.length ? await nearestSprite(this.now, size) : this.match;
    if (version !== this.version || values !== JSON.stringify([...this.values])) return;
    if (!found || !this.match) { this.says.textContent = `${words} This browser cannot search the true sprites.`; return; }
    paint(this.sprite.getContext("2d"), found.pixels, size, 1);
    const like = found.relative <= data.abstain, text = spriteWords(found.factors);
    this.sprite.setAttribute("aria-label", `Nearest true sprite: ${text}`);
    this.found.textContent = `Nearest true sprite, distance ${found.relative.toFixed(2)}`;
    const changed = changedFactors(this.match.factors, found.factors, data.tolerance);
    const names = FACTORS.filter((_, i) => changed[i]);
    const both = like && this.match.relative <= data.abstain;
    const change = !moved.length ? "" : !both ? " Too unlike a sprite to say what changed."
      : names.length ? ` Changed: ${names.join(", ")}.` : " No factor changed.";
    this.says.textContent = `${words} ${like ? "Nearest" : "Like no sprite; nearest"}: ${text}.${change}`;
    this.article.dataset.rested = values;
  }

  nameOf(j) {
    const k = this.g.anchors[0].length;
    return j < k ? `code ${j + 1}` : `noise ${j - k + 1}`;
  }
}

const along = (at, reach) => reach * (2 * at / (THUMBNAILS - 1) - 1);
const wave = time => { const t = ((time + LOOP / 4) % LOOP + LOOP) % LOOP / LOOP; return t < .5 ? 4 * t - 1 : 3 - 4 * t; };

function afterKey(key, value, reach) {  // where a key takes a slider from -reach to reach; null if nowhere
  const step = 2 * reach / STEPS;
  const to = {ArrowRight: value + step, ArrowUp: value + step, ArrowLeft: value - step, ArrowDown: value - step,
    PageUp: value + 5 * step, PageDown: value - 5 * step, Home: -reach, End: reach}[key];
  return to === undefined ? null : Math.max(-reach, Math.min(reach, to));
}

function matrix(g, m) {
  const own = new Set(m.own.map(String)), most = Math.max(1, ...m.rows.flat());
  const head = element("tr", {}, element("th", {scope: "col"}, "code"),
    ...m.factors.map(name => element("th", {scope: "col"}, name)), ...m.beside ? [element("th", {scope: "col"}, "evenness")] : []);
  const rows = m.rows.map((row, code) => element("tr", {}, element("th", {scope: "row"}, String(code + 1)),
    ...row.map((value, factor) => {
      const shade = `background: color-mix(in srgb, var(--colour) ${Math.round(45 * value / most)}%, var(--paper))`;
      const cell = element("td", {style: shade}, value === null ? "–" : m.percent ? `${Math.round(100 * value)} %` : value.toFixed(2));
      if (own.has(`${code},${factor}`)) cell.className = "own";
      return cell;
    }), ...m.beside ? [element("td", {}, m.beside[code] === null ? "–" : m.beside[code].toFixed(2))] : []));
  return element("details", {}, element("summary", {}, m.title),
    element("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `${g.label} on ${g.data}: ${m.title}`},
      element("table", {class: "matrix"}, element("thead", {}, head), element("tbody", {}, ...rows))),
    element("p", {class: "small"}, m.about));
}

// ------------------------------------------------------------------------------------- one slider a factor, both cards
const cards = {left: new Card("left"), right: new Card("right")};
const both = [cards.left, cards.right];
const factors = element("div", {class: "factors", hidden: ""}), chooser = element("div", {class: "choose", role: "group", "aria-label": "Data set"});
let driven = [], factorPlaying = null;

function matchingCode(g, factor) {  // the used code that is most associated with a factor, and how strongly
  const table = g.matrices[0], column = table.factors.indexOf(factor);
  const strengths = table.rows.map((row, code) => g.dead.includes(code) ? -1 : row[column]);
  const code = strengths.indexOf(Math.max(...strengths));
  return {code, strength: table.percent ? `${Math.round(100 * strengths[code])} %` : `${strengths[code].toFixed(2)} SD`};
}

function sweep(card, code) {  // what a code adds to the image on the way through its range, mean over the starts
  const total = new Float64Array(card.now.length), {g} = card;
  g.anchors.forEach((anchor, a) => [-.8, .8].forEach(at => {
    const values = Float32Array.from([...anchor, ...g.noise[a]]);
    values[code] = at * g.reach;
    card.draw(values).forEach((pixel, i) => { total[i] += Math.sign(at) * pixel; });
  }));
  return total;
}

function direction(codes) {  // -1 where the second card's code must fall for both pictures to change alike
  const [a, b] = both.map((card, i) => sweep(card, codes[i]));
  if (a.length !== b.length) return 1;
  return a.reduce((sum, value, i) => sum + value * b[i], 0) < 0 ? -1 : 1;
}

function buildFactors() {
  stopFactor();
  driven = [];
  const [left, right] = both.map(card => card.g);
  const shared = left.matrices.length && right.matrices.length
    ? left.matrices[0].factors.filter(name => right.matrices[0].factors.includes(name)) : [];
  const rows = shared.map(name => {
    const found = both.map(card => matchingCode(card.g, name)), codes = found.map(row => row.code), id = `factor-${name}`;
    const slider = element("input", {type: "range", id, min: -1, max: 1, step: "any"});
    const play = element("button", {type: "button", class: "play", "aria-pressed": "false", "aria-label": `Play ${name} in both`}, "▶");
    const entry = {name, codes, slider, play, sign: null};
    slider.addEventListener("input", () => { both.forEach(card => card.stop()); drive(entry, Number(slider.value)); });
    slider.addEventListener("keydown", event => {
      const to = afterKey(event.key, Number(slider.value), 1);
      if (to === null) return;
      event.preventDefault();
      both.forEach(card => card.stop());
      drive(entry, to);
    });
    play.addEventListener("click", () => playFactor(entry));
    driven.push(entry);
    return element("div", {class: "factor"}, play, element("label", {for: id}, name), slider,
      element("p", {class: "small"}, `left: code ${codes[0] + 1}, ${found[0].strength}; right: code ${codes[1] + 1}, ${found[1].strength}`));
  });
  factors.hidden = !rows.length;
  factors.replaceChildren(element("h3", {style: "margin: 0 0 .3rem"}, "One slider for a factor, in both"),
    element("div", {class: "both"}, ...both.map(card => card.small)), element("div", {class: "sliders"}, ...rows));
  factorSliders();
}

function factorSliders() {  // each where the left card's code is
  for (const {slider, codes} of driven) slider.value = cards.left.values[codes[0]] / cards.left.g.reach;
}

function drive(entry, to) {
  entry.sign ??= direction(entry.codes);
  entry.slider.value = to;
  cards.left.set(entry.codes[0], to * cards.left.g.reach);
  cards.right.set(entry.codes[1], entry.sign * to * cards.right.g.reach);
}

function playFactor(entry) {
  const was = factorPlaying?.entry;
  both.forEach(card => card.stop());
  if (was === entry) return;
  entry.play.setAttribute("aria-pressed", "true");
  entry.play.textContent = "❚❚";
  const began = performance.now(), turn = LOOP / 4 * Number(entry.slider.value);
  const step = now => {
    drive(entry, wave(now - began + turn));
    both.forEach(card => clearTimeout(card.resting));
    factorPlaying.frame = requestAnimationFrame(step);
  };
  factorPlaying = {entry, frame: requestAnimationFrame(step)};
}

function stopFactor() {
  if (!factorPlaying) return;
  const {entry, frame} = factorPlaying;
  factorPlaying = null;
  cancelAnimationFrame(frame);
  entry.play.setAttribute("aria-pressed", "false");
  entry.play.textContent = "▶";
  both.forEach(card => card.refresh());
}

async function show(ids) {  // generators by side
  const find = id => data.generators.find(g => g.id === id);
  await Promise.all(Object.entries(ids).map(([side, id]) => cards[side].choose(find(id))));
  buildFactors();
  for (const button of chooser.children)
    button.setAttribute("aria-pressed", String(both.every(card => card.g.dataset === button.dataset.name)));
}

function startGenerators() {
  const place = document.getElementById("generators");
  const missing = !data.generators.length ? "No generator can be shown yet."
    : "DecompressionStream" in window ? "" : "This browser is too old to run the generators.";
  if (missing) { place.append(missing); return; }
  for (const name of new Set(data.generators.map(g => g.dataset))) {
    const [first, second = first] = data.generators.filter(g => g.dataset === name);
    const button = element("button", {type: "button", "data-name": name, "aria-pressed": "false"}, first.title);
    button.addEventListener("click", () => show({left: first.id, right: second.id}));
    chooser.append(button);
  }
  place.append(chooser, factors, element("div", {class: "side"}, cards.left.article, cards.right.article));
  const [first, second = first] = data.generators.filter(g => g.dataset === data.generators[0].dataset);
  show({left: first.id, right: second.id});
}

// -------------------------------------------------------------------------------------------------------- seeds plotted
const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const tip = document.getElementById("tip");
function tell(target, words) {
  const box = target.getBoundingClientRect();
  tip.textContent = words;
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(box.left + 12, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(box.top - 34, 4) + "px";
}

// Offsets that keep points of radius r, at x from left to right, clear of each other: each as near the row as it can be.
function swarm(xs, r) {
  const apart = 2 * r + .6, placed = [];
  for (const x of xs) {
    const near = placed.filter(point => x - point.x < apart);
    const free = y => near.every(point => (x - point.x) ** 2 + (y - point.y) ** 2 >= apart ** 2 - 1e-9);
    const tries = [0, ...near.flatMap(point => {
      const reach = Math.sqrt(apart ** 2 - (x - point.x) ** 2);
      return [point.y + reach, point.y - reach];
    })].filter(free);
    placed.push({x, y: tries.reduce((best, y) => Math.abs(y) < Math.abs(best) ? y : best)});
  }
  return placed.map(point => point.y);
}

function niceTicks(low, high) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  const ticks = [];
  for (let t = Math.ceil(low / step - 1e-9); t * step <= high + 1e-9; t++) ticks.push(Number((t * step).toPrecision(6)));
  return {ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9))};
}

function dots(box, rows, words, bounds, paired = false) {  // rows of seeds on one scale: points, mean and interval, paper, baseline
  const width = Math.max(260, box.clientWidth), wide = width > 600, left = wide ? 235 : 10, r = wide ? 5 : 4.5;
  const all = rows.flatMap(row => [...row.seeds.map(seed => seed[1]), row.low, row.high, row.paper, row.baseline]).filter(v => v !== null);
  const pad = (Math.max(...all) - Math.min(...all)) * .06 || .05;
  const [low, high] = bounds ?? [Math.min(...all) - pad, Math.max(...all) + pad];
  const x = value => left + (value - low) / (high - low) * (width - left - 14);
  const drawing = svg("svg", {class: "plot", role: "group", "aria-label": words}), lines = svg("g", {}), marks = svg("g", {});
  const circles = [];
  let y = wide ? 4 : 2;
  for (const row of rows) {
    const sorted = [...row.seeds].sort((a, b) => a[1] - b[1]), offsets = swarm(sorted.map(seed => x(seed[1])), r);
    const above = Math.max(r, ...offsets.map(o => r - o)), below = Math.max(r, ...offsets.map(o => r + o));
    if (!wide) y += 15;
    const centre = y + above + 2, bar = centre + below + 6;
    const label = svg("text", wide ? {x: left - 12, y: centre + 4, "text-anchor": "end"} : {x: left, y: y - 2}, row.label);
    if (row.baseline !== null && row.baseline !== undefined) marks.append(svg("line", {class: "baseline", x1: x(row.baseline), x2: x(row.baseline), y1: y + 1, y2: bar + 3}));
    if (row.low !== null) marks.append(svg("line", {class: "bar", x1: x(row.low), x2: x(row.high), y1: bar, y2: bar}));
    if (row.mean !== null) marks.append(svg("line", {class: "mean", x1: x(row.mean), x2: x(row.mean), y1: bar - 5, y2: bar + 5}));
    if (row.paper !== null) marks.append(svg("path", {class: "printed", d: `M${x(row.paper)} ${bar - 6} l5 6 l-5 6 l-5 -6 z`}));
    drawing.append(label);
    circles.push(sorted.map(([seed, value], i) => svg("circle", {class: "seed", cx: x(value), cy: centre + offsets[i], r,
      style: `--colour:${colourOf(row)}`, "data-seed": seed, "data-family": row.family, tabindex: i ? -1 : 0, role: "img",
      "aria-label": `${row.label}, seed ${seed}: ${minus(value.toFixed(3))}`})));
    y = bar + (wide ? 9 : 11);
    drawing.append(svg("line", {class: "rule", x1: wide ? 0 : left, x2: width, y1: y, y2: y}));
  }
  const {ticks, decimals} = niceTicks(low, high);
  for (const t of ticks) drawing.prepend(svg("line", {class: "grid", x1: x(t), x2: x(t), y1: 0, y2: y}),
    svg("text", {class: "tick", x: x(t), y: y + 15, "text-anchor": "middle"}, minus(t.toFixed(decimals))));
  drawing.setAttribute("viewBox", `0 0 ${width} ${Math.ceil(y + 20)}`);
  const joined = svg("g", {});
  for (const [seed] of paired ? rows[0].seeds : []) {
    const same = circles.flat().filter(circle => circle.dataset.seed === String(seed));
    if (same.length > 1) joined.append(polyline("pair", same));
  }
  drawing.append(marks, joined, lines, ...circles.flat());
  light(drawing, lines, circles);
  box.replaceChildren(drawing);
}

const polyline = (name, circles) => svg("polyline",
  {class: name, points: circles.map(c => `${c.getAttribute("cx")},${c.getAttribute("cy")}`).join(" ")});

function light(drawing, lines, circles) {  // a seed in every row at once, joined between paired rows
  const off = () => {
    tip.hidden = true;
    drawing.classList.remove("lighting");
    lines.replaceChildren();
    for (const lit of drawing.querySelectorAll(".lit")) lit.classList.remove("lit");
  };
  const on = circle => {
    off();
    const same = circles.flat().filter(other => other.dataset.seed === circle.dataset.seed);
    drawing.classList.add("lighting");
    for (const other of same) other.classList.add("lit");
    for (const family of new Set(same.map(other => other.dataset.family))) {
      const pair = same.filter(other => other.dataset.family === family);
      if (pair.length > 1) lines.append(polyline("join", pair));
    }
    tell(circle, circle.getAttribute("aria-label"));
  };
  circles.forEach((row, i) => row.forEach((circle, j) => {
    circle.addEventListener("mouseenter", () => on(circle));
    circle.addEventListener("mouseleave", off);
    circle.addEventListener("focus", () => on(circle));
    circle.addEventListener("blur", off);
    circle.addEventListener("keydown", event => {  // one tab stop a row; along it in the order of position
      const ofSeed = k => circles[k]?.find(other => other.dataset.seed === circle.dataset.seed);
      const next = {ArrowRight: row[j + 1], ArrowLeft: row[j - 1], Home: row[0], End: row.at(-1),
        ArrowDown: ofSeed(i + 1), ArrowUp: ofSeed(i - 1)}[event.key];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }));
}

function plot(name) {
  const rows = data.scores.filter(row => row.metric === name);
  dots(document.getElementById("plot"), rows, `${rows[0].metric_label}: seeds by system`, [0, 1]);
}

function plotChecks(details) {
  for (const box of details.querySelectorAll(".dots")) {
    const rows = data.checks[box.dataset.check], paired = rows.length > 1 && rows[0].family === rows[1].family;
    dots(box, rows, "The seeds of this check", undefined, paired);
  }
}

// ---------------------------------------------------------------------------------------------------- the page as such
function startPlots() {
  const metric = document.getElementById("metric");
  if (!metric) return;
  for (const [name, words] of new Map(data.scores.map(row => [row.metric, row.metric_label]))) metric.append(element("option", {value: name}, words));
  if (!data.scores.length) { document.getElementById("plot").append("No seed has been scored yet."); return; }
  metric.addEventListener("change", () => plot(metric.value));
  plot(metric.value);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    plot(metric.value);
    for (const open of document.querySelectorAll(".claim[open]")) plotChecks(open);
  });
}

function startClaims() {
  const claims = [...document.querySelectorAll(".claim")], button = document.getElementById("all");
  if (!button) return;
  for (const claim of claims) claim.addEventListener("toggle", () => { if (claim.open) plotChecks(claim); });
  const openAll = open => { for (const claim of claims) claim.open = open; };
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = !claims.every(claim => claim.open);
    openAll(open);
    button.textContent = open ? "Close all" : "Open all";
  });
  const follow = () => {
    const target = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.matches("details")) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", follow);
  follow();
  let were = [];
  addEventListener("beforeprint", () => { were = [...document.querySelectorAll("main details:not([open])")].filter(d => !d.closest("#play")); for (const d of were) d.open = true; });
  addEventListener("afterprint", () => { for (const d of were) d.open = false; });
}

function startTheme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `${button.textContent} colours`); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
}

startTheme();
startGenerators();
startClaims();
startPlots();
