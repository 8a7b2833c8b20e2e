// A path between two points: evenly spaced steps on it, and its energy as a curve.

import { fit, frame, ticks } from "./draw.js";

export const distance = (a, b) => Math.sqrt(a.reduce((s, v, i) => s + (v - b[i]) ** 2, 0));

// `count` points at equal distances along a polyline of any dimension
export function evenly(line, count) {
  const along = [0];
  for (let i = 1; i < line.length; i++) along.push(along[i - 1] + distance(line[i - 1], line[i]));
  const whole = along.at(-1);
  return Array.from({ length: count }, (_, k) => {
    const s = (whole * k) / (count - 1);
    let i = along.findIndex((v) => v >= s);
    if (i < 1) i = whole > 0 && s > 0 ? along.length - 1 : 1;
    const step = along[i] - along[i - 1], f = step ? (s - along[i - 1]) / step : 0;
    return line[i - 1].map((v, a) => v + f * (line[Math.min(i, line.length - 1)][a] - v));
  });
}

// A drawn line with its trembling taken out: every point the mean of its neighbours, the ends kept
export function smooth(line) {
  const even = evenly(line, 60);
  return even.map((point, i) => {
    const reach = Math.min(4, i, even.length - 1 - i), near = even.slice(i - reach, i + reach + 1);
    return point.map((_, a) => near.reduce((s, p) => s + p[a], 0) / near.length);
  });
}

// values along the path (t in [0, 1]), with a strip of the clusters that it crosses and a mark at t
export function curve(canvas, values, marks, t, label, colours) {
  const view = fit(canvas), { context } = view, low = Math.min(...values), high = Math.max(...values);
  const pad = 0.08 * (high - low) || 1, margin = { left: 64, right: 10, top: 8, bottom: 16 };
  const { toX, toY } = frame(view, [0, 1], [low - pad, high + pad], { yLabel: label, margin, colours, xTicks: [], yTicks: ticks(low - pad, high + pad, 4) });
  const n = values.length, wide = (toX(1) - toX(0)) / (n - 1);
  marks.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(toX(i / (n - 1)) - (i ? wide / 2 : 0), toY(low - pad) + 3, i && i < n - 1 ? wide + 0.5 : wide / 2 + 0.5, 6);
  });
  Object.assign(context, { strokeStyle: colours.accent, lineWidth: 2, lineJoin: "round" });
  context.beginPath();
  values.forEach((v, i) => context[i ? "lineTo" : "moveTo"](toX(i / (n - 1)), toY(v)));
  context.stroke();
  const at = t * (n - 1), i = Math.min(Math.floor(at), n - 2), here = values[i] + (at - i) * (values[i + 1] - values[i]);
  Object.assign(context, { fillStyle: colours.warm, strokeStyle: colours.card, lineWidth: 1.5 });
  context.beginPath();
  context.arc(toX(t), toY(here), 4.5, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}
