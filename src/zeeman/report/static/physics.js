// What a decoder's fields say: p(x|z) = e^{-H(x)} / Z of independent sites at temperature 1, as in zeeman.meanfield.
// Bernoulli H = -b h x, x in {0, 1}; categorical H = -b h[x]; Gaussian H = -h x + x^2 / 2. F = -ln Z = <H> - S, nats.

import { logistic } from "./decoder.js";

const logOnePlusExp = (v) => (v > 0 ? v : 0) + Math.log1p(Math.exp(-Math.abs(v)));

// raw: the decoder's output (channel, site...), the last channel that of local inverse temperatures if tempered
export function read(raw, { output, tempered, shape, low = 0 }) {
  const channels = shape.length > 1 || isCategorical(output) ? shape[0] : 1, each = raw.length / channels;
  const bare = raw.subarray(0, raw.length - (tempered ? each : 0));
  const inverse = tempered ? Float64Array.from(raw.subarray(raw.length - each), logistic) : null;
  const fields = Float64Array.from(bare, (h, i) => (inverse ? h * inverse[i % each] : h));
  const site = isCategorical(output) ? states(fields, each, output, low) : (output === "sigmoid" ? bernoulli : gaussian)(fields);
  const entropy = site.energy.map((e, i) => e + site.logZ[i]);
  return { shown: site.means, ...site, inverse, entropy, F: -sum(site.logZ), H: sum(site.energy), S: sum(entropy) };
}

export const isCategorical = (output) => output === "softmax" || output === "expectation";
export const sum = (values) => { let s = 0; for (const v of values) s += v; return s; };

function bernoulli(fields) {
  const means = Float32Array.from(fields, logistic);
  return { means, fields, logZ: fields.map(logOnePlusExp), energy: fields.map((h) => -h * logistic(h)) };
}

function gaussian(fields) {
  const logZ = fields.map((h) => 0.5 * (h * h + Math.log(2 * Math.PI))), energy = fields.map((h) => 0.5 * (1 - h * h));
  return { means: Float32Array.from(fields), fields, logZ, energy };
}

// Fields of a site sum to zero over its states, whose values are low, low + 1, ...; the field is that of the likeliest
function states(all, each, output, low) {
  const q = all.length / each, shares = new Float32Array(all.length), fields = new Float64Array(each);
  const logZ = new Float64Array(each), energy = new Float64Array(each), expected = new Float32Array(each);
  for (let i = 0; i < each; i++) {
    let mean = 0, top = -Infinity, total = 0;
    for (let s = 0; s < q; s++) mean += all[s * each + i] / q;
    for (let s = 0; s < q; s++) top = Math.max(top, all[s * each + i] - mean);
    for (let s = 0; s < q; s++) total += Math.exp(all[s * each + i] - mean - top);
    for (let s = 0; s < q; s++) {
      const h = all[s * each + i] - mean, p = Math.exp(h - top) / total;
      shares[s * each + i] = p;
      expected[i] += (low + s) * p;
      energy[i] -= h * p;
    }
    logZ[i] = top + Math.log(total);
    fields[i] = top;
  }
  return { means: output === "softmax" ? shares : expected, shown: expected, fields, logZ, energy };
}

// F with s = 2x - 1 in place of x: H differs by -sum h / 2, so that up and down count alike
export const onSpins = ({ F, fields }) => F + sum(fields) / 2;

// A decoded configuration as spins s = 2 mean - 1 of independent sites: order parameters, and -J sum_b J_b s s' / n - h m
export function weigh(means, { patterns, couplings, field }, arrays, phase) {
  const s = means.map((m) => 2 * m - 1), n = s.length, { bonds, strengths } = arrays;
  const parameters = patterns.map((name) => {
    const pattern = arrays[`pattern ${name}`];
    return [name, s.reduce((total, v, i) => total + v * pattern[i], 0) / n];
  });
  let total = 0;
  for (let b = 0; b < strengths.length; b++) total += strengths[b] * s[bonds[2 * b]] * s[bonds[2 * b + 1]];
  return { parameters, energy: (-(couplings[phase] ?? 1) * total - field * sum(s)) / n };
}
