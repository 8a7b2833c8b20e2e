// The states of one latent space, f_m(z) = sum_j coefficients_jm p_j(z - origin), and what is read from them.
// `zeeman.report.states` writes the records.

const PARTS = { gaussians, mixture };

// p_j: Gaussians at landmarks, divided by their sum
function gaussians({ centres, coefficients, width, origin, count, latent, states }, z, found) {
  const p = new Float64Array(count);
  let least = Infinity;
  for (let j = 0; j < count; j++) {
    let square = 0;
    for (let a = 0; a < latent; a++) square += (z[a] - origin[a] - centres[j * latent + a]) ** 2;
    p[j] = square;
    least = Math.min(least, square);
  }
  let total = 0;
  for (let j = 0; j < count; j++) total += p[j] = Math.exp((least - p[j]) / (2 * width * width));
  for (let j = 0; j < count; j++) for (let m = 0; m < states; m++) found[m] += (p[j] / total) * coefficients[j * states + m];
  return Math.sqrt(least);
}

// p_j: components of a Gaussian mixture at several widths, each width's divided by their sum
function mixture({ means, precisions, offsets, coefficients, widths, origin, count, latent, states }, z, found) {
  const logs = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    logs[j] = offsets[j];
    for (let a = 0; a < latent; a++)
      for (let b = 0; b < latent; b++)
        logs[j] -= 0.5 * precisions[(j * latent + a) * latent + b] *
          (z[a] - origin[a] - means[j * latent + a]) * (z[b] - origin[b] - means[j * latent + b]);
  }
  const top = Math.max(...logs);
  widths.forEach((w, k) => {
    const p = logs.map((v) => Math.exp((v - top) / (w * w)));
    const total = p.reduce((s, v) => s + v, 0);
    for (let j = 0; j < count; j++)
      for (let m = 0; m < states; m++) found[m] += (p[j] / total) * coefficients[(k * count + j) * states + m];
  });
  return 0;
}

export function makeStates(spec, arrays) {
  const n = spec.energies.length, k = spec.clusters;
  const parts = spec.parts.map((part) => ({
    ...part, states: n, ...Object.fromEntries(Object.entries(part.arrays).map(([key, name]) => [key, arrays[name]])),
  }));
  const turn = arrays[spec.rotation], local = arrays[spec.local];
  function states(z) {
    const found = new Float64Array(n);
    let apart = 0;
    for (const part of parts) apart = Math.max(apart, PARTS[part.kind](part, z, found));
    return { found, outside: apart > spec.reach };
  }
  return {
    energies: spec.energies, localized: spec.localized,
    // f (state), lifted coordinates (state - 1), the cluster with the largest localized state
    read(z) {
      const { found: f, outside } = states(z), lifted = new Float64Array(n - 1), cells = new Float64Array(k);
      for (let a = 0; a < n - 1; a++) for (let b = 0; b < n - 1; b++) lifted[b] += f[a + 1] * turn[a * (n - 1) + b];
      for (let m = 0; m < k; m++) for (let c = 0; c < k; c++) cells[c] += f[m] * local[m * k + c];
      return { f, lifted, cluster: cells.indexOf(Math.max(...cells)), outside };
    },
  };
}
