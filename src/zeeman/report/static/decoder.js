// A decoder small enough to run in a page: layers that take and return flat row-major Float32Arrays.
// `zeeman.report.layers` writes the records; the last layer here writes the fields that physics.js reads.

// Four sums at once: each addition waits for the one before it
function linear({ inputs, outputs, weight, bias }, x) {
  const y = new Float32Array(outputs), whole = inputs - (inputs % 4);
  for (let o = 0, at = 0; o < outputs; o++, at += inputs) {
    let a = bias ? bias[o] : 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < whole; i += 4) {
      a += weight[at + i] * x[i];
      b += weight[at + i + 1] * x[i + 1];
      c += weight[at + i + 2] * x[i + 2];
      d += weight[at + i + 3] * x[i + 3];
    }
    for (let i = whole; i < inputs; i++) a += weight[at + i] * x[i];
    y[o] = a + b + (c + d);
  }
  return y;
}

// Channels last inside, so that the innermost loop runs over neighbours in memory; four channels that are not zero at once
function convTranspose2d({ inputs, outputs, kernel: [kh, kw], stride, padding, size: [h, w], result: [H, W], taps, bias }, x) {
  const y = new Float64Array(H * W * outputs), live = new Int32Array(inputs + 3), area = kh * kw;
  for (let r = 0; r < h; r++)
    for (let q = 0; q < w; q++) {
      let count = 0;
      for (let c = 0; c < inputs; c++) if (x[(c * h + r) * w + q] !== 0) live[count++] = c;
      for (let g = 0; g < count; g += 4) {
        const own = (k) => (g + k < count ? live[g + k] : live[g]), value = (k) => (g + k < count ? x[(live[g + k] * h + r) * w + q] : 0);
        const c0 = own(0), c1 = own(1), c2 = own(2), c3 = own(3), v0 = value(0), v1 = value(1), v2 = value(2), v3 = value(3);
        for (let a = 0; a < kh; a++) {
          const row = r * stride[0] - padding[0] + a;
          if (row < 0 || row >= H) continue;
          for (let b = 0; b < kw; b++) {
            const column = q * stride[1] - padding[1] + b;
            if (column < 0 || column >= W) continue;
            const tap = a * kw + b, to = (row * W + column) * outputs;
            const t0 = (c0 * area + tap) * outputs, t1 = (c1 * area + tap) * outputs, t2 = (c2 * area + tap) * outputs, t3 = (c3 * area + tap) * outputs;
            for (let o = 0; o < outputs; o++) y[to + o] += v0 * taps[t0 + o] + v1 * taps[t1 + o] + (v2 * taps[t2 + o] + v3 * taps[t3 + o]);
          }
        }
      }
    }
  const z = new Float32Array(y.length);
  for (let o = 0; o < outputs; o++)
    for (let s = 0; s < H * W; s++) z[o * H * W + s] = y[s * outputs + o] + (bias ? bias[o] : 0);
  return z;
}

// Weight (in, out, kh, kw) as (in, kh, kw, out)
function tapsOf({ inputs, outputs, kernel: [kh, kw], weight }) {
  const taps = new Float64Array(weight.length), area = kh * kw; // of the type they are added in
  for (let c = 0; c < inputs; c++)
    for (let o = 0; o < outputs; o++)
      for (let k = 0; k < area; k++) taps[(c * area + k) * outputs + o] = weight[(c * outputs + o) * area + k];
  return taps;
}

function affine({ channels, scale, shift }, x) {
  const each = x.length / channels;
  return x.map((value, i) => { const c = Math.floor(i / each); return value * scale[c] + shift[c]; });
}

function pad({ size: [channels, h, w], before: [top, left], result: [H, W] }, x) {
  const y = new Float32Array(channels * H * W);
  for (let c = 0; c < channels; c++)
    for (let r = Math.max(0, top); r < Math.min(H, h + top); r++)
      for (let q = Math.max(0, left); q < Math.min(W, w + left); q++)
        y[(c * H + r) * W + q] = x[(c * h + r - top) * w + q - left];
  return y;
}

// Fields over a plane: centre + sum_k amount_k(z) mode_k, amounts cubic (Catmull-Rom) between grid points
function table({ grid, reach, count, sites, amounts, modes, centre }, z) {
  const weights = (f) => [
    f * (-0.5 + f * (1 - 0.5 * f)), 1 + f * f * (1.5 * f - 2.5), f * (0.5 + f * (2 - 1.5 * f)), f * f * (0.5 * f - 0.5),
  ];
  const clamp = (i) => Math.min(Math.max(i, 0), grid - 1);
  const place = (value) => {
    const u = clamp(((value + reach) / (2 * reach)) * (grid - 1)), i = Math.min(Math.floor(u), grid - 2);
    return [i, weights(u - i)];
  };
  const [j, wx] = place(z[0]), [i, wy] = place(z[1]);
  const amount = new Float64Array(count), field = Float64Array.from(centre);
  for (let a = 0; a < 4; a++)
    for (let b = 0; b < 4; b++) {
      const weight = wy[a] * wx[b], at = (clamp(i + a - 1) * grid + clamp(j + b - 1)) * count;
      for (let k = 0; k < count; k++) amount[k] += weight * amounts[at + k];
    }
  for (let k = 0; k < count; k++) for (let s = 0, at = k * sites; s < sites; s++) field[s] += amount[k] * modes[at + s];
  return Float32Array.from(field);
}

export const logistic = (v) => 1 / (1 + Math.exp(-v));
const LAYERS = {
  linear, affine, pad, table, conv_transpose2d: convTranspose2d,
  relu: (_, x) => x.map((v) => (v > 0 ? v : 0)),
  leaky_relu: ({ negative_slope: slope }, x) => x.map((v) => (v > 0 ? v : slope * v)),
  tanh: (_, x) => x.map(Math.tanh),
  sigmoid: (_, x) => x.map(logistic),
};

// A weight stored as blocks of columns, each with one scale a column
function assemble({ inputs, outputs, weight, ...arrays }) {
  if (weight) return weight;
  const whole = new Float32Array(inputs * outputs);
  for (let b = 0, start = 0; arrays[`block ${b}`]; b++) {
    const block = arrays[`block ${b}`], scale = arrays[`scale ${b}`], columns = scale.length;
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < columns; c++) whole[o * inputs + start + c] = block[o * columns + c] * scale[c];
    start += columns;
  }
  return whole;
}

export function makeDecoder({ latent, layers }, arrays) {
  const bound = layers.map((layer) => {
    const own = Object.entries(layer.arrays ?? {}).map(([key, name]) => [key, arrays[name]]);
    const full = { ...layer, ...Object.fromEntries(own) };
    if (layer.kind === "linear") full.weight = assemble(full);
    if (layer.kind === "conv_transpose2d") full.taps = tapsOf(full);
    return full;
  });
  return (z) => {
    const point = Array.from(z, Number);
    if (point.length !== latent || !point.every(Number.isFinite))
      throw new TypeError(`decode(z) needs ${latent} finite numbers, got ${JSON.stringify(z)}`);
    return bound.reduce((x, layer) => LAYERS[layer.kind](layer, x), Float32Array.from(point));
  };
}
