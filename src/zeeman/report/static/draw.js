// Canvas helpers: colours from the page's style, pictures of one datum, small charts.

export const number = (value, digits = 3) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

export function palette(element) {
  const style = getComputedStyle(element), read = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["paper", "card", "ink", "soft", "rule", "accent", "warm", "sans"].map((name) => [name, read(name)]));
}

export function fit(canvas) {
  const scale = Math.min(globalThis.devicePixelRatio || 1, 3), width = canvas.clientWidth, height = canvas.clientHeight;
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// The figures' diverging map and a grey one, [r, g, b] of t in [0, 1]
const DIVERGING = [[11, 74, 120], [94, 159, 201], [244, 242, 238], [221, 138, 85], [143, 52, 0]];
export const grey = (t) => { const v = 255 * t; return [v, v, v]; };
export function diverging(t) {
  const at = 4 * Math.min(Math.max(t, 0), 1), i = Math.min(Math.floor(at), 3);
  return DIVERGING[i].map((low, c) => low + (at - i) * (DIVERGING[i + 1][c] - low));
}

// values (row, column) as one pixel a site, or as a profile where there is one row, marks of others beside it
export function picture(canvas, values, [rows, columns], [low, high], colour, ink, beside = null, other = ink) {
  if (rows === 1) return profile(canvas, values, low, high, ink, beside, other);
  if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows), span = high - low || 1;
  for (let i = 0; i < rows * columns; i++) {
    const [r, g, b] = colour(Math.min(Math.max((values[i] - low) / span, 0), 1));
    image.data[4 * i] = r;
    image.data[4 * i + 1] = g;
    image.data[4 * i + 2] = b;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function profile(canvas, values, low, high, ink, beside, other) {
  const { context, width, height } = fit(canvas), step = width / values.length, span = high - low || 1;
  const y = (v) => height * ((high - Math.min(Math.max(v, low), high)) / span), zero = y(Math.max(low, Math.min(high, 0)));
  context.fillStyle = ink;
  values.forEach((v, i) => context.fillRect(i * step, Math.min(y(v), zero), Math.max(step - 1, 0.6), Math.max(Math.abs(y(v) - zero), 0.75)));
  context.fillStyle = other;
  beside?.forEach((v, i) => context.fillRect(i * step, y(v) - 1, Math.max(step - 1, 0.6), 2));
}

export function ticks(low, high, most = 5) {
  const power = Math.floor(Math.log10((high - low) / most)), steps = [1, 2, 5, 10].map((f) => f * 10 ** power);
  const step = steps.find((s) => (high - low) / s <= most), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push([i * step, number(i * step, digits)]);
  return found;
}

// A frame with ticks; returns the maps from values to pixels
export function frame({ context, width, height }, [x0, x1], [y0, y1], { xLabel, yLabel, margin, colours, xTicks, yTicks }) {
  const { left, right, top, bottom } = margin;
  const toX = (x) => left + ((x - x0) / (x1 - x0)) * (width - left - right);
  const toY = (y) => height - bottom - ((y - y0) / (y1 - y0)) * (height - top - bottom);
  context.strokeStyle = colours.rule;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, width - left - right - 1, height - top - bottom - 1);
  context.font = `12px ${colours.sans}`;
  context.fillStyle = colours.soft;
  context.textAlign = "center";
  for (const [v, text] of xTicks ?? ticks(x0, x1)) context.fillText(text, toX(v), height - bottom + 15);
  context.textAlign = "right";
  for (const [v, text] of yTicks ?? ticks(y0, y1)) context.fillText(text, left - 5, toY(v) + 4);
  context.fillStyle = colours.ink;
  context.textAlign = "center";
  if (xLabel) context.fillText(xLabel, (left + width - right) / 2, height - 4);
  if (yLabel) {
    context.save();
    context.translate(11, (top + height - bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(yLabel, 0, 0);
    context.restore();
  }
  return { toX, toY };
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}
