// All trainings side by side, pointers linked: the same sample in every latent space, before and after lifting.

import { grey, make, number, picture } from "./draw.js";
import { Plane } from "./plane.js";

const spread = (values) => { const mean = values.reduce((s, v) => s + v, 0) / values.length; return Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / Math.max(1, values.length - 1)); };

export class Together {
  constructor(root, scene, onSample) {
    Object.assign(this, { root, scene, panes: [] });
    const grid = make("div", { class: "panes", style: `--count: ${scene.trainings.length}` });
    const head = (text) => grid.append(make("div", { class: "rowhead" }, text));
    grid.append(make("div"), ...scene.trainings.map((t) => make("b", {}, t.name)));
    for (const [frame, text] of [["latent", "before: latent z₁, z₂"], ["states", "after: states f₁, f₂"]]) {
      head(text);
      scene.trainings.forEach((training) => {
        const canvas = make("canvas", { class: "pane", tabindex: "0", role: "application", "aria-label": `${training.name}, ${text}` });
        const plane = new Plane(canvas, { move: (x, y) => onSample(plane.nearest([x, y])[0]), draw() {} }, { small: true });
        plane.points_ = training.points(frame, [0, 1]);
        this.panes.push({ plane, training, frame });
        grid.append(canvas);
      });
    }
    if (scene.trainings.some((t) => t.raw)) {
      head("decoded");
      this.decoded = scene.trainings.map((training) => {
        const canvas = make("canvas", { class: "means", role: "img", "aria-label": `Decoded by ${training.name}` }), free = make("small");
        grid.append(make("div", {}, canvas, free));
        return { training, canvas, free };
      });
    }
    this.said = make("p", { class: "note", "aria-live": "polite" });
    const legend = scene.data.labels.map((text, i) => make("span", { style: `--mark: ${scene.data.colours[i]}` }, text));
    root.replaceChildren(make("div", { class: "scroll" }, grid), scene.data.labelled ? make("p", { class: "legend" }, ...legend) : "", this.said);
  }

  paint(colours, colourOf) {
    this.colours = colours;
    for (const { plane } of this.panes) {
      plane.show(plane.points_, { colourOf });
      plane.paint(colours);
    }
  }

  // Ring `sample` everywhere; say how far its trainings agree
  select(sample) {
    const { scene } = this;
    for (const { plane } of this.panes) {
      const here = [plane.points_[2 * sample], plane.points_[2 * sample + 1]];
      plane.probe(here, { rings: [here] });
    }
    for (const { training, canvas, free } of this.decoded ?? []) {
      const found = training.reading(training.code(sample));
      canvas.hidden = !found;
      free.textContent = found ? `F = ${number(found.F, 2)}` : "not in this page";
      if (found) picture(canvas, found.shown, scene.data.picture.shape, scene.range, grey, this.colours.accent);
    }
    const two = (frame, a) => scene.trainings.map((t) => (frame === "latent" ? t.code(sample) : t.state(sample))[a] ?? 0);
    const text = (frame, names) => names.map((name, a) => `${name} ± ${number(spread(two(frame, a)), 2)}`).join(", ");
    this.said.textContent = `Sample ${sample}. Spread over the ${scene.trainings.length} trainings: before lifting ${text("latent", ["z₁", "z₂"])}; after, ${text("states", ["f₁", "f₂"])}.`;
  }
}
