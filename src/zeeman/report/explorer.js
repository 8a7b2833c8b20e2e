// The latent explorer: a decoder small enough to run in the page, and the plane it is explored on.
// No dependencies. Data come from <script id="zeeman-data"> (JSON) and <script id="zeeman-arrays"> (base64).

// ---- arrays ---------------------------------------------------------------------------------------------------

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const TYPES = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, int8: Int8Array, int16: Int16Array, int32: Int32Array };

export function unpack(arrays) {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { dtype, data }]) => [name, new TYPES[dtype](bytesOf(data).buffer)]),
  );
}

// ---- layers: each takes and returns a flat row-major Float32Array ------------------------------------------------

function linear({ inputs, outputs, weight, bias }, x) {
  const y = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let sum = bias ? bias[o] : 0;
    for (let i = 0, at = o * inputs; i < inputs; i++) sum += weight[at + i] * x[i];
    y[o] = sum;
  }
  return y;
}

// Channels last inside, so that the innermost loop runs over neighbours in memory
function convTranspose2d({ inputs, outputs, kernel: [kh, kw], stride, padding, size: [h, w], result: [H, W], taps, bias }, x) {
  const y = new Float64Array(H * W * outputs);
  for (let c = 0; c < inputs; c++)
    for (let r = 0; r < h; r++)
      for (let q = 0; q < w; q++) {
        const value = x[(c * h + r) * w + q];
        if (value === 0) continue;
        for (let a = 0; a < kh; a++) {
          const row = r * stride[0] - padding[0] + a;
          if (row < 0 || row >= H) continue;
          for (let b = 0; b < kw; b++) {
            const column = q * stride[1] - padding[1] + b;
            if (column < 0 || column >= W) continue;
            const from = ((c * kh + a) * kw + b) * outputs, to = (row * W + column) * outputs;
            for (let o = 0; o < outputs; o++) y[to + o] += value * taps[from + o];
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
  const taps = new Float32Array(weight.length), area = kh * kw;
  for (let c = 0; c < inputs; c++)
    for (let o = 0; o < outputs; o++)
      for (let k = 0; k < area; k++) taps[(c * area + k) * outputs + o] = weight[(c * outputs + o) * area + k];
  return taps;
}

function affine({ channels, scale, shift }, x) {
  const each = x.length / channels;
  return x.map((value, i) => { const c = Math.floor(i / each); return value * scale[c] + shift[c]; });
}

function softmax({ channels }, x) {
  const each = x.length / channels, y = new Float32Array(x.length);
  for (let i = 0; i < each; i++) {
    let top = -Infinity, sum = 0;
    for (let c = 0; c < channels; c++) top = Math.max(top, x[c * each + i]);
    for (let c = 0; c < channels; c++) sum += y[c * each + i] = Math.exp(x[c * each + i] - top);
    for (let c = 0; c < channels; c++) y[c * each + i] /= sum;
  }
  return y;
}

function expectation({ channels }, x) {
  const shares = softmax({ channels }, x), each = x.length / channels;
  const y = new Float32Array(each);
  for (let c = 0; c < channels; c++) for (let i = 0; i < each; i++) y[i] += c * shares[c * each + i];
  return y;
}

// Fields h under their own inverse temperatures: sigmoid(last channel) h
function temper({ channels }, x) {
  const each = x.length / channels, last = (channels - 1) * each;
  return x.subarray(0, last).map((h, i) => h * logistic(x[last + (i % each)]));
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

const logistic = (v) => 1 / (1 + Math.exp(-v));
const LAYERS = {
  linear, affine, softmax, expectation, temper, pad, table, conv_transpose2d: convTranspose2d,
  relu: (_, x) => x.map((v) => (v > 0 ? v : 0)),
  leaky_relu: ({ negative_slope: slope }, x) => x.map((v) => (v > 0 ? v : slope * v)),
  tanh: (_, x) => x.map(Math.tanh),
  sigmoid: (_, x) => x.map(logistic),
};

// ---- decoders ---------------------------------------------------------------------------------------------------

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

// ---- physics of one decoded configuration: s = 2 mean - 1, independent sites -----------------------------------------

export function weigh(means, spins, arrays, phase) {
  const s = means.map((m) => 2 * m - 1), n = s.length, bonds = arrays.bonds, found = [];
  for (const name of spins.patterns) {
    const pattern = arrays[`pattern ${name}`];
    found.push([name, s.reduce((sum, v, i) => sum + v * pattern[i], 0) / n]);
  }
  let sum = 0;
  for (let b = 0; b < bonds.length; b += 2) sum += s[bonds[b]] * s[bonds[b + 1]];
  return { parameters: found, energy: (-(spins.couplings[phase] ?? 1) * sum) / n };
}

// ---- drawing ------------------------------------------------------------------------------------------------------

const number = (value, digits = 3) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

function fit(canvas) {
  const scale = Math.min(window.devicePixelRatio || 1, 3), { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { context, width, height };
}

function drawMeans(canvas, means, [rows, columns], [low, high]) {
  if (rows === 1) return drawProfile(canvas, means, low, high);
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const grey = (255 * (means[i] - low)) / (high - low);
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function drawProfile(canvas, means, low, high) {
  const { context, width, height } = fit(canvas);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#0072b2";
  const step = width / means.length, zero = height * (high / (high - low));
  means.forEach((m, i) => {
    const top = height * ((high - m) / (high - low));
    context.fillRect(i * step, Math.min(top, zero), Math.max(step - 1, 1), Math.max(Math.abs(top - zero), 1));
  });
}

function mount(data, arrays, decode) {
  const canvas = document.getElementById("plane"), decoded = document.getElementById("decoded");
  const { points, labels, clusters, codes } = arrays, { colours, extent, axes } = data.plane, n = labels.length;
  const [x0, x1, y0, y1] = extent, margin = { left: 52, right: 10, top: 10, bottom: 38 };
  const at = { x: data.plane.start[0], y: data.plane.start[1] };
  const backdrop = document.createElement("canvas");
  let view;

  // Grey range of data without natural bounds: what the samples decode to
  function rangeOfSamples() {
    const step = Math.max(1, Math.floor(n / 50)), d = data.latentDim, found = [0, 0];
    for (let i = 0; i < n; i += step)
      for (const m of decode(codes.subarray(d * i, d * (i + 1)))) [found[0], found[1]] = [Math.min(found[0], m), Math.max(found[1], m)];
    return found;
  }
  const range = data.picture.range ?? (decode ? rangeOfSamples() : null);

  const toX = (x) => margin.left + ((x - x0) / (x1 - x0)) * (view.width - margin.left - margin.right);
  const toY = (y) => view.height - margin.bottom - ((y - y0) / (y1 - y0)) * (view.height - margin.top - margin.bottom);

  function paintBackdrop() {
    view = fit(canvas);
    const style = getComputedStyle(document.documentElement), { context, width, height } = view;
    const ink = style.getPropertyValue("--ink"), soft = style.getPropertyValue("--soft");
    context.clearRect(0, 0, width, height);
    context.strokeStyle = style.getPropertyValue("--rule");
    context.lineWidth = 1;
    context.strokeRect(margin.left + 0.5, margin.top + 0.5, width - margin.left - margin.right, height - margin.top - margin.bottom);
    context.fillStyle = soft;
    context.font = `12px ${style.getPropertyValue("--sans")}`;
    context.textAlign = "center";
    for (const t of data.plane.ticks[0]) context.fillText(t.replace("-", "−"), toX(Number(t)), height - margin.bottom + 16);
    context.textAlign = "right";
    for (const t of data.plane.ticks[1]) context.fillText(t.replace("-", "−"), margin.left - 6, toY(Number(t)) + 4);
    context.fillStyle = ink;
    context.textAlign = "center";
    context.fillText(axes[0], (width + margin.left) / 2, height - 5);
    context.save();
    context.translate(11, (height - margin.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(axes[1], 0, 0);
    context.restore();
    context.globalAlpha = n > 1500 ? 0.5 : 0.75;
    for (let i = 0; i < n; i++) {
      context.fillStyle = colours[labels[i]];
      context.beginPath();
      context.arc(toX(points[2 * i]), toY(points[2 * i + 1]), n > 1500 ? 1.5 : 2.2, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
    context.font = `600 13px ${style.getPropertyValue("--sans")}`;
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = style.getPropertyValue("--card");
    for (const { text, label, x, y } of data.plane.names) {
      context.fillStyle = colours[label];
      context.strokeText(text, toX(x), toY(y) + 4);
      context.fillText(text, toX(x), toY(y) + 4);
    }
    backdrop.width = canvas.width;
    backdrop.height = canvas.height;
    backdrop.getContext("2d").drawImage(canvas, 0, 0);
  }

  function paintProbe() {
    const { context } = view;
    context.clearRect(0, 0, view.width, view.height);
    context.drawImage(backdrop, 0, 0, view.width, view.height);
    const x = toX(at.x), y = toY(at.y);
    const style = getComputedStyle(document.documentElement);
    for (const [colour, width] of [[style.getPropertyValue("--card"), 4.5], [style.getPropertyValue("--ink"), 1.75]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 8, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 8 * dx, y + 8 * dy);
        context.lineTo(x + 14 * dx, y + 14 * dy);
      }
      context.stroke();
    }
  }

  function nearest() {
    let best = 0, least = Infinity;
    for (let i = 0; i < n; i++) {
      const d = (points[2 * i] - at.x) ** 2 + (points[2 * i + 1] - at.y) ** 2;
      if (d < least) [least, best] = [d, i];
    }
    return best;
  }

  const say = (id, text) => { const place = document.getElementById(id); if (place) place.textContent = text; };

  function update() {
    const sample = nearest(), d = data.latentDim;
    const z = data.plane.free ? [at.x, at.y] : Array.from(codes.subarray(d * sample, d * (sample + 1)));
    say("at", z.length <= 4 ? `(${z.map((v) => number(v, 2)).join(", ")})` : `of sample ${sample}`);
    say("cluster", `${clusters[sample]}${data.plane.clusterNames[clusters[sample]] ?? ""}`);
    if (decode) {
      const means = decode(z);
      drawMeans(decoded, means, data.picture.shape, range);
      if (data.spins) {
        const { parameters, energy } = weigh(means, data.spins, arrays, data.plane.phases[labels[sample]]);
        for (const [name, value] of parameters) say(`value ${name}`, number(value));
        say("energy", `${number(energy)} |J|`);
      }
    }
    paintProbe();
  }

  function move(x, y) {
    at.x = Math.min(Math.max(x, x0), x1);
    at.y = Math.min(Math.max(y, y0), y1);
    update();
  }

  const point = (event) => {
    const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    move(
      x0 + ((px - margin.left) / (view.width - margin.left - margin.right)) * (x1 - x0),
      y0 + ((view.height - margin.bottom - py) / (view.height - margin.top - margin.bottom)) * (y1 - y0),
    );
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const step = (event.shiftKey ? 0.1 : 0.02) * (x1 - x0);
    move(at.x + step * way[0], at.y + step * way[1]);
  });
  const repaint = () => { paintBackdrop(); update(); };
  new ResizeObserver(repaint).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  repaint();
}

const element = globalThis.document?.getElementById("zeeman-data");
if (element) {
  const data = JSON.parse(element.textContent), arrays = unpack(JSON.parse(document.getElementById("zeeman-arrays").textContent));
  const decode = data.decoder ? makeDecoder(data.decoder, arrays) : null;
  const refuse = () => { throw new Error("this report holds no decoder; load RUN/model with zeeman.BetaVAE.load"); };
  window.zeeman = { decode: decode ?? refuse, latentDim: data.latentDim, nReplicas: data.nReplicas };
  mount(data, arrays, decode);
}
