// What the page holds of a run: trainings with codes, decoders and states, the same samples in all of them.

import { makeDecoder } from "./decoder.js";
import { read } from "./physics.js";
import { makeStates } from "./states.js";

export const PALETTE = ["#2b83bd", "#d9641b", "#1b9e7a", "#c777a5", "#d99a1c", "#5fb0dd", "#6a5fb5", "#a3446f", "#93932f", "#44aa99"];
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
export const subscript = (n) => Array.from(String(n), (digit) => SUBSCRIPTS[digit]).join("");

export class Training {
  constructor(scene, record, arrays, place) {
    Object.assign(this, record, { place });
    this.codes = arrays[`codes ${place}`];
    this.clusters = arrays[`clusters ${place}`];
    this.coordinates = arrays[`lifted ${place}`];
    this.scale = arrays[`scale ${place}`] ?? null;
    this.raw = record.decoder ? makeDecoder(record.decoder, arrays) : null;
    this.spectrum = record.states ? makeStates(record.states, arrays) : null;
    this.nStates = this.coordinates.length / scene.n;
  }

  code(sample) { return Array.from(this.codes.subarray(this.latent * sample, this.latent * (sample + 1))); }
  state(sample) { return Array.from(this.coordinates.subarray(this.nStates * sample, this.nStates * (sample + 1))); }
  reading(z, raw = null) { return raw || this.raw ? read(raw ?? this.raw(z), this.output) : null; }

  // Points (sample, 2) in two latent axes or two energy states
  points(frame, [a, b]) {
    if (frame === "latent" && this.latent === 1) return pairs(this.codes, 1, 0, this.coordinates, this.nStates, 0);
    if (frame === "latent") return pairs(this.codes, this.latent, a, this.codes, this.latent, b);
    return pairs(this.coordinates, this.nStates, a, this.coordinates, this.nStates, b);
  }

  nearest(z, count, among = null) {
    const d = this.latent, total = among ? among.length : this.codes.length / d, best = [];
    for (let k = 0; k < total; k++) {
      const i = among ? among[k] : k;
      let square = 0;
      for (let a = 0; a < d; a++) square += (this.codes[d * i + a] - z[a]) ** 2;
      if (best.length < count || square < best.at(-1)[0]) {
        best.push([square, i]);
        best.sort((x, y) => x[0] - y[0]);
        if (best.length > count) best.pop();
      }
    }
    return best.map(([square, sample]) => ({ sample, distance: Math.sqrt(square) }));
  }
}

function pairs(one, strideOne, a, two, strideTwo, b) {
  const n = one.length / strideOne, found = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) [found[2 * i], found[2 * i + 1]] = [one[strideOne * i + a], two[strideTwo * i + b]];
  return found;
}

export class Scene {
  constructor(data, arrays) {
    Object.assign(this, { data, arrays, n: arrays.labels.length, labels: arrays.labels, groups: arrays.groups });
    this.trainings = data.trainings.map((record, place) => new Training(this, record, arrays, place));
    this.best = this.trainings[data.best];
    this.pictured = arrays.pictured ?? null;
    this.diagrams = Object.fromEntries(Object.entries(data.diagrams).map(([path, record]) => [path, { ...record, energies: arrays[`diagram ${path}`] }]));
    this.range = data.picture.range ?? this.rangeOfSamples();
  }

  // Decoded means of one point, flat and row-major
  decode(z, training = this.best) {
    if (!training.raw) throw new Error(training.note || "this page holds no decoder; load RUN/model with zeeman.BetaVAE.load");
    return training.reading(z).means;
  }

  // Grey range of data without natural bounds: what the samples decode to
  rangeOfSamples() {
    if (!this.best.raw) return [0, 1];
    const step = Math.max(1, Math.floor(this.n / 50)), found = [0, 0];
    for (let i = 0; i < this.n; i += step)
      for (const m of this.best.reading(this.best.code(i)).shown) [found[0], found[1]] = [Math.min(found[0], m), Math.max(found[1], m)];
    return found;
  }

  real(sample) {
    const k = this.pictured?.indexOf(sample) ?? -1, sites = this.data.real?.sites;
    return k < 0 ? null : this.arrays.real.subarray(sites * k, sites * (k + 1));
  }

  clusterColour(c) { return PALETTE[c % PALETTE.length]; }
  labelColour(sample) { return this.data.colours[this.labels[sample]]; }

  // Names of the known groups, each above its samples
  names(points) {
    return this.data.groups.map((text, g) => {
      const x = [], y = [];
      let label = 0;
      for (let i = 0; i < this.n; i++)
        if (this.groups[i] === g) {
          x.push(points[2 * i]);
          y.push(points[2 * i + 1]);
          label = this.labels[i];
        }
      const rank = (values, q) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
      return { text, colour: this.data.colours[label], x: rank(x, 0.5), y: rank(y, 0.995) };
    }).filter(({ x }) => x !== undefined);
  }
}
