"use strict";
// A trained generator, run in plain JavaScript: PyTorch's layers, one image at a time, channels last. Numbers are kept in
// single precision and summed in double, which is twice as fast here as rounding every sum.

const HALVES = (() => {  // the number of each of the 65536 half-precision patterns
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = bits >> 10 & 31, fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    table[bits] = bits >> 15 ? -size : size;
  }
  return table;
})();

// Weights as they lie in the page: base64 of deflated half floats, all low bytes before all high ones.
async function readWeights(text) {
  const packed = Uint8Array.from(atob(text.trim()), character => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer()), n = bytes.length / 2;
  return Float32Array.from({length: n}, (_, i) => HALVES[bytes[i] | bytes[n + i] << 8]);
}

class Generator {
  // layers: [kind, ...numbers] in order; weights: their tensors in the same order, as PyTorch lays them out.
  constructor(layers, weights) {
    let at = 0;
    const take = n => weights.subarray(at, at += n);
    const make = {linear, normalise, leaky, image, deconvolve, squash};
    this.steps = layers.map(([kind, ...numbers]) => make[kind](take, ...numbers));
    if (at !== weights.length) throw new Error(`${weights.length - at} weights are left over`);
  }

  // noise and codes -> a pixel's channels side by side, in [0, 1]
  draw(noise, codes) {
    return this.steps.reduce((x, step) => step(x), Float32Array.from([...noise, ...codes]));
  }
}

function linear(take, inputs, outputs) {
  const weight = take(inputs * outputs), bias = take(outputs), y = new Float32Array(outputs);
  return x => {
    for (let o = 0, w = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let i = 0; i < inputs; i++, w++) sum += x[i] * weight[w];
      y[o] = sum;
    }
    return y;
  };
}

function normalise(take, channels, epsilon) {  // batch normalisation with the statistics of training
  const [weight, bias, mean, variance] = [0, 1, 2, 3].map(() => take(channels));
  const scale = weight.map((w, c) => w / Math.sqrt(variance[c] + epsilon));
  const shift = bias.map((b, c) => b - mean[c] * scale[c]);
  return x => {
    for (let i = 0, c = 0; i < x.length; i++) {
      x[i] = x[i] * scale[c] + shift[c];
      if (++c === channels) c = 0;
    }
    return x;
  };
}

function leaky(take, slope) {
  return x => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] *= slope;
    return x;
  };
}

function image(take, channels, height, width) {  // PyTorch's channels first -> channels last
  const y = new Float32Array(channels * height * width), area = height * width;
  return x => {
    for (let c = 0, i = 0; c < channels; c++) for (let p = 0; p < area; p++, i++) y[p * channels + c] = x[i];
    return y;
  };
}

// Transposed convolution. Output pixels of one phase (y and x modulo the stride) see the same taps of the kernel, so
// that each phase is a small ordinary convolution; two neighbours and four channels are summed at a time.
function deconvolve(take, inputs, outputs, kernel, stride, padding, extra, side) {
  const weight = take(inputs * outputs * kernel * kernel), bias = take(outputs);
  const blocks = Math.ceil(outputs / 4), wide = (side - 1) * stride - 2 * padding + kernel + extra;
  const reach = Math.ceil(kernel / stride), padded = side + 2 * reach + 2;
  const y = new Float32Array(wide * wide * outputs), x = new Float32Array(padded * padded * inputs);
  const phases = [];
  for (let py = 0; py < stride; py++) for (let px = 0; px < stride; px++) {
    const taps = [];
    for (let ky = (py + padding) % stride; ky < kernel; ky += stride)
      for (let kx = (px + padding) % stride; kx < kernel; kx += stride)
        taps.push([ky, kx, ((py + padding - ky) / stride * padded + (px + padding - kx) / stride) * inputs]);
    const packed = new Float32Array(blocks * taps.length * inputs * 4);  // [block][tap][input][4]
    let at = 0;
    for (let b = 0; b < blocks; b++) for (const [ky, kx] of taps) for (let i = 0; i < inputs; i++)
      for (let o = 4 * b; o < 4 * b + 4; o++, at++)
        if (o < outputs) packed[at] = weight[((i * outputs + o) * kernel + ky) * kernel + kx];
    phases.push({py, px, packed, offsets: Int32Array.from(taps, tap => tap[2])});
  }
  const room = new Float32Array(blocks * 4);
  room.set(bias);
  return given => {
    for (let row = 0; row < side; row++)
      x.set(given.subarray(row * side * inputs, (row + 1) * side * inputs), ((row + reach) * padded + reach) * inputs);
    for (const phase of phases) phaseOf(phase, x, y, room, {inputs, outputs, stride, side, wide, padded, reach, blocks});
    return y;
  };
}

function phaseOf({py, px, packed, offsets}, x, y, bias, shape) {
  const {inputs, outputs, stride, side, wide, padded, reach, blocks} = shape, taps = offsets.length;
  for (let qy = 0; qy <= side && stride * qy + py < wide; qy++) for (let qx = 0; stride * qx + px < wide; qx += 2) {
    const from = ((qy + reach) * padded + qx + reach) * inputs;
    const to = ((stride * qy + py) * wide + stride * qx + px) * outputs, next = stride * outputs;
    const both = stride * (qx + 1) + px < wide;
    for (let b = 0, w = 0; b < blocks; b++) {
      const o = 4 * b;
      let a0 = bias[o], a1 = bias[o + 1], a2 = bias[o + 2], a3 = bias[o + 3], b0 = a0, b1 = a1, b2 = a2, b3 = a3;
      for (let t = 0; t < taps; t++) {
        const start = from + offsets[t];
        for (let i = start, j = start + inputs; i < start + inputs; i++, j++, w += 4) {
          const p = x[i], q = x[j], w0 = packed[w], w1 = packed[w + 1], w2 = packed[w + 2], w3 = packed[w + 3];
          a0 = a0 + p * w0; a1 = a1 + p * w1; a2 = a2 + p * w2; a3 = a3 + p * w3;
          b0 = b0 + q * w0; b1 = b1 + q * w1; b2 = b2 + q * w2; b3 = b3 + q * w3;
        }
      }
      const n = outputs - o;
      y[to + o] = a0;
      if (n > 1) y[to + o + 1] = a1;
      if (n > 2) y[to + o + 2] = a2;
      if (n > 3) y[to + o + 3] = a3;
      if (!both) continue;
      y[to + next + o] = b0;
      if (n > 1) y[to + next + o + 1] = b1;
      if (n > 2) y[to + next + o + 2] = b2;
      if (n > 3) y[to + next + o + 3] = b3;
    }
  }
}

function squash(take, gain) {  // a sigmoid; gain 2 is (tanh + 1) / 2
  return x => x.map(value => 1 / (1 + Math.exp(-gain * value)));
}
