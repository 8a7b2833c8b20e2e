// Levels: the Zeeman diagram, whose strength is dragged, and the ladder of states at one point.

import { fit, frame, number, ticks } from "./draw.js";

const MARGIN = { left: 46, right: 12, top: 10, bottom: 36 };

// Levels E(l) at strength l, linear between the computed points
export function levelsAt({ strength, energies, states }, l) {
  const place = l * (strength.length - 1), i = Math.min(Math.floor(place), strength.length - 2), f = place - i;
  return Array.from({ length: states }, (_, m) => (1 - f) * energies[i * states + m] + f * energies[(i + 1) * states + m]);
}

export class Diagram {
  constructor(canvas, onStrength) {
    Object.assign(this, { canvas, held: false });
    const drag = (event) => {
      const box = canvas.getBoundingClientRect();
      onStrength(Math.min(Math.max((event.clientX - box.left - MARGIN.left) / (this.view.width - MARGIN.left - MARGIN.right), 0), 1));
    };
    canvas.addEventListener("pointerdown", (event) => { this.held = true; canvas.setPointerCapture?.(event.pointerId); drag(event); });
    canvas.addEventListener("pointermove", (event) => this.held && drag(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.held = false; });
  }

  paint(diagram, l, colours, clusters) {
    this.view = fit(this.canvas);
    const { context } = this.view, { strength, energies, states } = diagram;
    const top = reach(energies);
    const xTicks = [0, 0.25, 0.5, 0.75, 1].map((v) => [v, String(v)]);
    const { toX, toY } = frame(this.view, [0, 1], [0, top], { xLabel: "strength λ", yLabel: "energy", margin: MARGIN, colours, xTicks, yTicks: ticks(0, top) });
    const shade = (m) => (m < clusters ? colours.accent : colours.soft);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top - 6, this.view.width - MARGIN.left, this.view.height - MARGIN.top - MARGIN.bottom + 12);
    context.clip();
    for (let m = 0; m < states; m++) {
      Object.assign(context, { strokeStyle: shade(m), lineWidth: m < clusters ? 2 : 1.1, lineJoin: "round" });
      context.beginPath();
      let pen = false;
      strength.forEach((x, i) => {
        const y = energies[i * states + m];
        if (Number.isFinite(y)) context[pen ? "lineTo" : "moveTo"](toX(x), toY(y));
        pen = Number.isFinite(y);
      });
      context.stroke();
    }
    Object.assign(context, { strokeStyle: colours.warm, lineWidth: 1.5 });
    context.beginPath();
    context.moveTo(toX(l), toY(0));
    context.lineTo(toX(l), toY(top));
    context.stroke();
    levelsAt(diagram, l).forEach((y) => {
      if (!Number.isFinite(y)) return;
      Object.assign(context, { fillStyle: colours.warm, strokeStyle: colours.card, lineWidth: 1.5 });
      context.beginPath();
      context.arc(toX(l), toY(y), 4, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    });
    context.restore();
  }
}

// High enough for nine levels of ten: close to the data alone the highest ones leave the picture
function reach(energies) {
  const sorted = energies.filter(Number.isFinite).sort();
  return 1.08 * Math.min(sorted.at(-1), 1.5 * sorted[Math.floor(0.9 * (sorted.length - 1))]) || 1;
}

// Bars f_m(z), a row a level, lowest energy at the bottom
export function ladder(canvas, energies, values, colours, clusters) {
  const view = fit(canvas), { context, width, height } = view, n = energies.length - 1, row = height / n;
  const middle = 62 + (width - 62) / 2, half = (width - 62) / 2 - 4, reach = Math.max(2, ...Array.from(values, Math.abs));
  context.fillStyle = colours.rule;
  context.fillRect(middle - 0.5, 0, 1, height);
  for (let m = 1; m <= n; m++) {
    const y = height - (m - 0.5) * row, long = (half * values[m - 1]) / reach;
    context.fillStyle = m < clusters ? colours.accent : colours.soft;
    context.fillRect(Math.min(middle, middle + long), y - 0.32 * row, Math.max(Math.abs(long), 1), 0.64 * row);
    context.font = `${Math.min(12, row)}px ${colours.sans}`;
    context.fillStyle = colours.soft;
    context.textAlign = "left";
    context.fillText(number(energies[m], energies[m] < 0.1 ? 3 : 2), 0, y + 4);
  }
}
