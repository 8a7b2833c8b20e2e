// A plane of samples with a probe: pointer, finger and arrow keys move it; in drawing mode they draw a path.

import { fit, frame } from "./draw.js";

const WIDE = { left: 46, right: 10, top: 10, bottom: 36 }, NARROW = { left: 5, right: 5, top: 5, bottom: 5 };

export class Plane {
  // canvas; on = { move(x, y), draw(points, done) }; small planes have no axes
  constructor(canvas, on, { small = false } = {}) {
    Object.assign(this, { canvas, on, small, margin: small ? NARROW : WIDE, backdrop: document.createElement("canvas"), drawing: false, path: null });
    canvas.addEventListener("pointermove", (event) => this.pointed(event));
    canvas.addEventListener("pointerdown", (event) => this.pointed(event, true));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.lifted());
    canvas.addEventListener("keydown", (event) => this.keyed(event));
  }

  // points Float32Array (sample, 2), marks (sample) -> colour, axes names, names [{text, colour, group}]
  show(points, { colourOf, axes = ["", ""], names = [], extent = null, shade = null }) {
    Object.assign(this, { points, colourOf, axes, names, shade, extent: extent ?? around(points), at: this.at ?? [0, 0] });
  }

  paint(colours) {
    this.colours = colours;
    this.view = fit(this.canvas);
    const { context, width, height } = this.view, [x0, x1, y0, y1] = this.extent, n = this.points.length / 2;
    const bare = this.small ? { xTicks: [], yTicks: [] } : { xLabel: this.axes[0], yLabel: this.axes[1] };
    Object.assign(this, frame(this.view, [x0, x1], [y0, y1], { ...bare, margin: this.margin, colours }));
    const radius = this.small ? 1.1 : n > 1500 ? 1.5 : 2.2;
    context.save();
    context.beginPath();
    context.rect(this.margin.left, this.margin.top, width - this.margin.left - this.margin.right, height - this.margin.top - this.margin.bottom);
    context.clip();
    if (this.shade) {
      context.globalAlpha = 0.6;
      context.drawImage(this.shade, this.margin.left, this.margin.top, width - this.margin.left - this.margin.right, height - this.margin.top - this.margin.bottom);
    }
    context.globalAlpha = n > 1500 || this.small ? 0.55 : 0.75;
    for (let i = 0; i < n; i++) {
      context.fillStyle = this.colourOf(i);
      context.beginPath();
      context.arc(this.toX(this.points[2 * i]), this.toY(this.points[2 * i + 1]), radius, 0, 2 * Math.PI);
      context.fill();
    }
    context.restore();
    if (!this.small) this.paintNames(context, colours);
    [this.backdrop.width, this.backdrop.height] = [this.canvas.width, this.canvas.height];
    this.backdrop.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  paintNames(context, colours) {
    context.font = `600 13px ${colours.sans}`;
    context.textAlign = "center";
    Object.assign(context, { lineWidth: 4, lineJoin: "round", strokeStyle: colours.card });
    for (const { text, colour, x, y } of this.names) {
      const [px, py] = [this.toX(x), Math.max(this.toY(y) - 6, this.margin.top + 14)];
      context.fillStyle = colour;
      context.strokeText(text, px, py);
      context.fillText(text, px, py);
    }
  }

  // The probe at (x, y), samples to ring, the path and where the movie stands on it
  probe(at, { rings = [], stand = null } = {}) {
    this.at = at;
    if (!this.view) return;
    const { context, width, height } = this.view, { ink, card, accent } = this.colours;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.backdrop, 0, 0, width, height);
    const ends = [this.toX(at[0]), this.toY(at[1])];
    const twice = (draw, colour = ink, line = 1.75) => {
      for (const [style, thick] of [[card, line + 2.75], [colour, line]]) {
        Object.assign(context, { strokeStyle: style, lineWidth: thick, lineJoin: "round" });
        context.beginPath();
        draw();
        context.stroke();
      }
    };
    if (this.path?.length > 1)
      twice(() => this.path.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](this.toX(x), this.toY(y))), accent, 2);
    for (const [x, y] of rings)
      twice(() => context.arc(this.toX(x), this.toY(y), this.small ? 5 : 4.5, 0, 2 * Math.PI), ink, this.small ? 2 : 1.25);
    if (stand) twice(() => context.arc(this.toX(stand[0]), this.toY(stand[1]), 5, 0, 2 * Math.PI), accent, 2.5);
    if (this.small) return;
    twice(() => {
      context.arc(...ends, 8, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(ends[0] + 8 * dx, ends[1] + 8 * dy);
        context.lineTo(ends[0] + 14 * dx, ends[1] + 14 * dy);
      }
    });
  }

  nearest([x, y], count = 1) {
    const n = this.points.length / 2, best = [];
    for (let i = 0; i < n; i++) {
      const square = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
      if (best.length < count || square < best.at(-1)[0]) {
        let place = best.length;
        while (place && best[place - 1][0] > square) place--;
        best.splice(place, 0, [square, i]);
        if (best.length > count) best.pop();
      }
    }
    return best.map(([, i]) => i);
  }

  value(event) {
    const box = this.canvas.getBoundingClientRect(), [x0, x1, y0, y1] = this.extent, m = this.margin;
    return this.clamped([
      x0 + ((event.clientX - box.left - m.left) / (this.view.width - m.left - m.right)) * (x1 - x0),
      y0 + ((this.view.height - m.bottom - event.clientY + box.top) / (this.view.height - m.top - m.bottom)) * (y1 - y0),
    ]);
  }

  clamped([x, y]) {
    const [x0, x1, y0, y1] = this.extent;
    return [Math.min(Math.max(x, x0), x1), Math.min(Math.max(y, y0), y1)];
  }

  pointed(event, down = false) {
    if (!this.view) return;
    const at = this.value(event);
    if (this.drawing && down) {
      this.canvas.setPointerCapture?.(event.pointerId);
      this.line = [at];
    } else if (this.drawing && this.line) this.line.push(at);
    if (this.line) this.on.draw(this.line, false);
    this.on.move(...at);
  }

  lifted() {
    const line = this.line;
    this.line = null;
    if (line) this.on.draw(line, true);
  }

  keyed(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const step = (event.shiftKey ? 0.1 : 0.02) * (this.extent[1] - this.extent[0]);
    this.on.move(...this.clamped([this.at[0] + step * way[0], this.at[1] + step * way[1]]));
  }
}

// A square about the points, a fifth wider than they are
export function around(points) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; i++) {
    low[i % 2] = Math.min(low[i % 2], points[i]);
    high[i % 2] = Math.max(high[i % 2], points[i]);
  }
  const half = 0.6 * Math.max(high[0] - low[0], high[1] - low[1]) || 1;
  return [0, 1].flatMap((a) => [(low[a] + high[a]) / 2 - half, (low[a] + high[a]) / 2 + half]);
}
