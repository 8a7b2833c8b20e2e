// The latent explorer: one point z, and everything that is known there.

import { diverging, grey, make, number, palette, picture } from "./draw.js";
import { layout, options } from "./layout.js";
import { Diagram, ladder, levelsAt } from "./levels.js";
import { curve, evenly, smooth } from "./path.js";
import { isCategorical, onSpins, weigh } from "./physics.js";
import { around, Plane } from "./plane.js";
import { subscript } from "./scene.js";
import { Together } from "./together.js";

const STEPS = 60, FEWEST = 16, PATIENCE = 250; // of a path: steps, and milliseconds to decode them in
const SHADING = 1200; // milliseconds for a shade
const FRAMES = 8, NEAREST = 6, SECONDS = 5;

// What one call takes once the browser has compiled it: the least of five
function milliseconds(call) {
  const each = Array.from({ length: 5 }, () => { const began = performance.now(); call(); return performance.now() - began; });
  return Math.max(0.1, Math.min(...each));
}

export class Explorer {
  // ask(training, z) -> Promise of the whole decoder's output; told(state) hears of every move
  constructor(root, scene, { ask = null, told = null } = {}) {
    Object.assign(this, { root, scene, ask, told, training: scene.best, mode: "one", frame: "latent", axes: [0, 1], rest: "nearest", colour: "labels", shade: "", strength: 1, along: 0, asked: 0 });
    this.perturbation = Object.keys(scene.diagrams)[0] ?? null;
    this.e = layout(root, scene, this.actions());
    this.plane = new Plane(this.e.plane, { move: (x, y) => this.move(x, y), draw: (line, done) => this.drawn(line, done) });
    this.diagram = new Diagram(this.e.diagram, (l) => this.act.strength(l));
    this.reframe();
    this.begin();
    this.watch();
  }

  actions() {
    const after = (change) => (value) => { change(value); this.reframe(); this.show(this.z); };
    this.act = {
      mode: (value) => { this.mode = value; this.reframe(); this.show(this.z, this.at); },
      training: after((i) => this.choose(i)),
      frame: after((value) => { this.frame = value; this.axes = [0, 1]; }),
      axis: (side, value) => { this.axes[side] = value; this.reframe(); this.show(this.z); },
      rest: (value) => { this.rest = value; this.held = this.z; },
      colour: (value) => { this.colour = value; this.repaint(); },
      shade: (value) => { this.shade = value; this.repaint(); },
      draw: () => { this.plane.drawing = !this.plane.drawing; this.e.draw.setAttribute("aria-pressed", String(this.plane.drawing)); },
      end: (which) => { this.ends[which] = this.z; this.travel(this.ends); },
      play: () => this.play(),
      along: (t) => { this.along = t; this.show(this.stand(), null); },
      perturbation: (value) => { this.perturbation = value; this.repaint(); },
      strength: (l) => { this.strength = l; this.e.strength.value = l; this.repaint(); },
    };
    return this.act;
  }

  // The same sample under another training, as near as the probe is to one
  choose(i) {
    const { sample } = this.training.nearest(this.z, 1)[0];
    this.training = this.scene.trainings[i];
    this.z = this.training.code(sample);
    this.ends = this.endpoints();
    this.travel(this.ends);
  }

  // ---- where the point is ----

  begin() {
    this.z = this.scene.data.start == null ? this.training.code(0) : this.training.code(this.scene.data.start);
    this.held = this.z;
    this.ends = this.endpoints();
    this.repaint();
    this.show(this.z);
    requestAnimationFrame(() => setTimeout(() => this.travel(this.ends))); // after the first frame
  }

  // From the cluster of the starting sample to the one whose middle is farthest from it
  endpoints() {
    const { codes, clusters, latent } = this.training, middles = new Map();
    for (let i = 0; i < clusters.length; i++) {
      const one = middles.get(clusters[i]) ?? middles.set(clusters[i], { n: 0, z: new Array(latent).fill(0) }).get(clusters[i]);
      one.n++;
      for (let a = 0; a < latent; a++) one.z[a] += codes[latent * i + a];
    }
    const means = [...middles.values()].map(({ n, z }) => z.map((v) => v / n)), apart = (z) => z.reduce((s, v, a) => s + (v - this.z[a]) ** 2, 0);
    if (means.length < 2) return [this.training.code(0), this.z];
    return [this.z, means.reduce((far, z) => (apart(z) > apart(far) ? z : far))];
  }

  free() { return this.frame === "latent" && this.training.latent <= 2; }

  move(x, y) {
    this.e.play.textContent = "Play";
    this.playing = false;
    const { training } = this;
    if (this.free()) return this.show(training.latent === 1 ? [x] : [x, y], [x, y]);
    const held = this.frame === "latent" && this.rest === "held", z = held ? [...this.held] : training.code(this.plane.nearest([x, y])[0]);
    if (this.frame === "latent") [z[this.axes[0]], z[this.axes[1]]] = [x, y];
    this.show(z, [x, y]);
  }

  // Where z lies on the plane shown
  project(z) {
    const lifted = () => this.training.spectrum?.read(z).lifted ?? this.training.state(this.training.nearest(z, 1)[0].sample);
    if (this.frame === "states") return this.axes.map((a) => lifted()[a]);
    return this.training.latent === 1 ? [z[0], lifted()[0]] : this.axes.map((a) => z[a]);
  }

  // ---- what is shown ----

  show(z, at = null) {
    this.z = z;
    this.at = at ?? this.project(z);
    const { training, scene } = this;
    this.near = training.nearest(z, NEAREST, scene.pictured);
    this.closest = training.nearest(z, 1)[0].sample;
    this.place = training.spectrum?.read(z) ?? null;
    if (this.mode === "all") this.together.select(this.closest);
    else this.present(training.reading(z), training.note);
    if (this.mode === "one" && this.ask && (training.approximate || !training.raw) && training.output) this.inquire(z);
    this.told?.({ z, training: training.place, sample: this.closest });
  }

  // The whole decoder, where a server runs it: one question at a time, the latest point last
  async inquire(z) {
    this.wanted = z;
    if (this.waiting) return;
    this.waiting = true;
    try {
      while (this.wanted) {
        const [asked, training] = [this.wanted, this.training];
        this.wanted = null;
        const raw = await this.ask(training.place, asked);
        if (!this.wanted && training === this.training && this.z === asked) this.present(training.reading(asked, raw), "Decoded by the server with the whole network.");
      }
    } catch (error) {
      this.e.exact.textContent = `The server does not answer (${error.message}). ${this.training.note}`;
    }
    this.waiting = false;
  }

  present(found, said) {
    const { e, scene, z, place, training } = this, { data } = scene, put = (key, text) => { if (e.values[key]) e.values[key].textContent = text; };
    this.found = found;
    put("at", z.length <= 8 ? `(${z.map((v) => number(v, z.length > 4 ? 1 : 2)).join(", ")})` : `near sample ${this.closest}`);
    const cluster = place ? place.cluster : training.clusters[this.closest];
    put("cluster", `${cluster}${data.clusterNames[cluster] ?? ""}${place?.outside ? ", far from all samples" : ""}`);
    put("level", this.level(cluster));
    if (place) ladder(e.ladder, training.spectrum.energies, place.lifted, this.colours, training.states.clusters);
    e.exact.textContent = said;
    if (found) {
      this.pictures(found);
      put("free", `${number(found.F, 3)} nats`);
      put("mean energy", `${number(found.H, 2)}, ${number(found.S, 2)}`);
      if (data.spins) {
        put("spin free", `${number(onSpins(found), 3)} nats`);
        const { parameters, energy } = weigh(found.means, data.spins, scene.arrays, data.labels[scene.labels[this.closest]]);
        for (const [name, value] of parameters) put(`value ${name}`, number(value));
        put("energy", `${number(energy)} |J|`);
      }
    }
    this.neighbours();
    this.probe();
  }

  // The energy of the cluster's localized state; in one connected set, that of the state largest here
  level(cluster) {
    const { spectrum, states } = this.training;
    if (!spectrum) return "–";
    if (states.clusters > 1) return `E = ${number(spectrum.localized[cluster])}, localized`;
    const { f } = this.place, m = f.reduce((best, v, i) => (i && Math.abs(v) > Math.abs(f[best]) ? i : best), 1);
    return `E${subscript(m)} = ${number(spectrum.energies[m])}, f${subscript(m)} = ${number(f[m], 2)}`;
  }

  pictures(found) {
    const { e, scene } = this, shape = scene.data.picture.shape, { accent, warm } = this.colours;
    const most = Math.max(1e-9, ...found.fields.map(Math.abs)), { output } = this.training.output;
    picture(e.means, found.shown, shape, scene.range, grey, accent, scene.real(this.near[0].sample), warm);
    e.fieldsFigure.hidden = output === "identity";
    e.entropyFigure.hidden = output === "identity" || Boolean(found.inverse);
    e.inverseFigure.hidden = !found.inverse;
    if (output !== "identity") picture(e.fields, found.fields, shape, isCategorical(output) ? [0, most] : [-most, most], diverging, accent);
    e.fieldsFigure.lastChild.textContent = `field hₖ, |h| ≤ ${number(most, 1)}`;
    if (!e.entropyFigure.hidden) picture(e.entropy, found.entropy, shape, [0, Math.log(isCategorical(output) ? this.training.output.shape[0] - this.training.output.tempered : 2)], grey, warm);
    if (!found.inverse) return;
    const warmth = found.inverse.map((b) => 1 / b), hottest = Math.max(...warmth);
    picture(e.inverse, warmth, shape, [1, hottest], (t) => diverging(0.5 + t / 2), warm);
    e.inverseFigure.lastChild.textContent = `temperature 1/βₖ ≤ ${number(hottest, 1)}`;
  }

  neighbours() {
    const { e, scene } = this;
    const called = (sample) => (scene.data.labelled ? scene.data.labels[scene.labels[sample]] : String(sample));
    const items = this.near.map(({ sample, distance }) => [sample, `${called(sample)} · ${number(distance, distance < 0.1 ? 3 : 2)}`]);
    const key = items.flat().join();
    if (key === this.nearKey) return;
    this.nearKey = key;
    if (e.real.children.length !== items.length)
      e.real.replaceChildren(...items.map(() => make("figure", {}, scene.pictured ? make("canvas", { role: "img", "aria-label": "A real sample" }) : null, make("figcaption"))));
    items.forEach(([sample, text], i) => {
      const figure = e.real.children[i], values = scene.real(sample);
      figure.lastChild.textContent = text;
      if (values) picture(figure.firstChild, values, scene.data.picture.shape, scene.range, grey, this.colours.soft);
    });
  }

  probe() {
    const rings = this.near.slice(0, 1).map(({ sample }) => [this.plane.points[2 * sample], this.plane.points[2 * sample + 1]]);
    this.plane.probe(this.at, { rings: this.free() ? [] : rings, stand: this.film ? this.project(this.stand()) : null });
    this.e.along.value = this.along;
    if (!this.film || this.drawnCurve === this.curveKey()) return;
    this.drawnCurve = this.curveKey();
    const marks = this.film.clusters.map((c) => this.scene.clusterColour(c)), { colours } = this;
    curve(this.e.curve, this.film.shown, marks, this.along, this.scene.data.spins ? "F on spins" : "F (nats)", colours);
    if (this.e.second) curve(this.e.second, this.film.energy, marks, this.along, "E per site", colours);
  }

  // The curve is drawn anew for another path, place on it, size or scheme
  curveKey() { return [this.along, this.film.shown, this.e.curve.clientWidth, this.colours.ink].join(); }

  // ---- paths ----

  drawn(line, done) {
    this.plane.path = line;
    if (!done || line.length < 2) return;
    const ends = [line[0], line.at(-1)].map(([x, y]) => (this.free() ? (this.training.latent === 1 ? [x] : [x, y]) : this.training.code(this.plane.nearest([x, y])[0])));
    this.ends = ends;
    this.act.draw();
    this.along = 0;
    this.travel(this.free() && this.training.latent === 2 ? smooth(line) : ends);
  }

  // Decode the path through `line` (points of the latent space) at equal distances
  travel(line) {
    const { training, scene } = this, { spins } = scene.data;
    const steps = Math.round(Math.min(STEPS, Math.max(FEWEST, PATIENCE / milliseconds(() => training.reading(line[0])))));
    this.codes = evenly(line, steps);
    this.plane.path = this.codes.map((z) => this.project(z));
    const read = this.codes.map((z) => training.reading(z)), place = this.codes.map((z) => training.spectrum?.read(z).cluster ?? training.clusters[training.nearest(z, 1)[0].sample]);
    const phase = scene.data.labels[scene.labels[training.nearest(this.codes[0], 1)[0].sample]]; // the coupling it starts with, all along
    this.film = read[0] && {
      free: read.map(({ F }) => F), shown: spins ? read.map(onSpins) : read.map(({ F }) => F), clusters: place,
      energy: spins ? read.map(({ means }) => weigh(means, spins, scene.arrays, phase).energy) : [],
    };
    if (this.film) this.strip(read);
    this.probe();
  }

  strip(read) {
    const { movie } = this.e, { shape } = this.scene.data.picture;
    if (!movie.children.length) movie.append(...Array.from({ length: FRAMES }, () => make("canvas", { role: "img", "aria-label": "A step of the path" })));
    Array.from(movie.children).forEach((canvas, i) => picture(canvas, read[Math.round((i * (read.length - 1)) / (FRAMES - 1))].shown, shape, this.scene.range, grey, this.colours.accent));
  }

  stand() {
    const last = this.codes.length - 1, at = this.along * last, i = Math.min(Math.floor(at), last - 1);
    return this.codes[i].map((v, a) => v + (at - i) * (this.codes[i + 1][a] - v));
  }

  play() {
    if (!this.codes) return;
    this.playing = !this.playing;
    this.e.play.textContent = this.playing ? "Pause" : "Play";
    if (this.along >= 1) this.along = 0;
    let before = null;
    const step = (now) => {
      if (!this.playing) return;
      this.along = Math.min(1, this.along + (before === null ? 0 : (now - before) / (1000 * SECONDS)));
      before = now;
      this.show(this.stand());
      if (this.along >= 1) this.act.play();
      else requestAnimationFrame(step);
    };
    if (this.playing) requestAnimationFrame(step);
  }

  // ---- the plane and the levels ----

  // Choose the points, names and controls of the frame
  reframe() {
    const { e, training, scene } = this, latent = this.frame === "latent", count = latent ? training.latent : training.nStates;
    this.axes = this.axes.map((a, side) => (a < count ? a : side));
    e.mode?.set(this.mode);
    e.frame.set(this.frame);
    e.training?.lastChild && (e.training.lastChild.value = String(training.place));
    e.axes.forEach((select, side) => {
      select.replaceChildren(...options(Array.from({ length: count }, (_, a) => [a, `${latent ? "z" : "f"}${subscript(a + 1)}`])));
      select.value = String(this.axes[side]);
    });
    e.axesRow.hidden = count < 3;
    e.rest.hidden = !latent || training.latent < 3;
    const all = this.mode === "all";
    [e.one.hidden, e.below.hidden, e.all.hidden] = [all, all, !all];
    for (const control of [e.training, e.frame, e.axesRow, e.rest]) if (control && all) control.hidden = true;
    e.frame.hidden = e.shade.hidden = all;
    if (e.training) e.training.hidden = all;
    if (all) this.together ??= new Together(e.all, scene, (sample) => this.show(this.training.code(sample)));
    if (this.codes) this.plane.path = this.codes.map((z) => this.project(z));
    this.colours && this.repaint();
  }

  axisName(a) {
    if (this.frame === "latent") return (this.training === this.scene.best && this.scene.data.axes?.[a]) || `z${subscript(a + 1)}`;
    return `f${subscript(a + 1)}, E = ${number(this.training.spectrum?.energies[a + 1] ?? 0)}`;
  }

  colourOf(sample) {
    return this.colour === "clusters" ? this.scene.clusterColour(this.training.clusters[sample]) : this.scene.labelColour(sample);
  }

  repaint() {
    this.colours = palette(this.root);
    const colourOf = (sample) => this.colourOf(sample), { e, training, scene, frame } = this;
    if (this.mode === "all") this.together.paint(this.colours, colourOf);
    else {
      const points = training.points(frame, this.axes), axes = training.latent === 1 && frame === "latent" ? ["z₁", "f₁"] : this.axes.map((a) => this.axisName(a));
      this.plane.show(this.cloud(points), { shade: this.shading(points), colourOf, axes, names: this.colour === "labels" && this.strength > 0.98 ? scene.names(points) : [], extent: around(points) });
      this.plane.paint(this.colours);
    }
    if (this.perturbation && this.mode === "one") {
      e.path.set(this.perturbation);
      const diagram = scene.diagrams[this.perturbation], levels = levelsAt(diagram, this.strength).filter(Number.isFinite);
      this.diagram.paint(diagram, this.strength, this.colours, scene.best.states?.clusters ?? 1);
      e.levels.textContent = `λ = ${number(this.strength, 2)}: E = ${levels.slice(0, 8).map((v) => number(v, 2)).join(", ")}${levels.length > 8 ? ", …" : ""}`;
    }
    this.nearKey = null;
    if (!this.at) return;
    if (this.mode === "all") this.together.select(this.closest);
    else this.present(this.found, e.exact.textContent);
  }

  // F or a state over the plane, on a grid as fine as about a second allows; its size is said beside the choice
  shading(points) {
    const { shade, training, e } = this, { spins } = this.scene.data, asF = shade === "F", key = [shade, training.place].join();
    e.shade.hidden = !this.free() || training.latent !== 2;
    if (!shade || e.shade.hidden || (asF ? !training.raw : !training.spectrum)) return null;
    if (this.shadeKey === key) return this.shadeMap;
    const [x0, x1, y0, y1] = around(points), value = (z) => (asF ? (spins ? onSpins : ({ F }) => F)(training.reading(z)) : training.spectrum.read(z).lifted[shade - 1]);
    const size = Math.max(16, Math.min(96, Math.floor(Math.sqrt(SHADING / milliseconds(() => value([x0, y0]))))));
    const values = Float64Array.from({ length: size * size }, (_, k) => value([x0 + (((k % size) + 0.5) / size) * (x1 - x0), y1 - ((Math.floor(k / size) + 0.5) / size) * (y1 - y0)]));
    this.shadeKey = key;
    const most = Math.max(...values.map(Math.abs)), low = asF ? Math.min(...values) : -most, high = asF ? Math.max(...values) : most;
    const map = make("canvas");
    picture(map, values, [size, size], [low, high], diverging);
    e.shadeSaid.textContent = `${asF ? `F from ${number(low, 1)} to ${number(high, 1)} nats` : `|f| ≤ ${number(most, 2)}`}, on ${size} × ${size} points`;
    return (this.shadeMap = map);
  }

  // Samples of q_l: means and l of their width, or data in the place of prior draws
  cloud(points) {
    const { strength: l, training, scene } = this;
    if (l >= 1 || this.frame !== "latent" || training.latent < 2 || !this.perturbation) return points;
    const found = Float32Array.from(points), { noise, share } = scene.arrays;
    for (let i = 0; i < scene.n; i++)
      for (let side = 0; side < 2; side++) {
        const e = noise[2 * i + side];
        if (this.perturbation === "prior") { if (share[i] >= l) found[2 * i + side] = e; }
        else if (training.scale) found[2 * i + side] += (1 - l) * e * training.scale[training.latent * i + this.axes[side]];
      }
    return found;
  }

  // Sizes and colours follow the window and the scheme
  watch() {
    const again = () => this.repaint();
    new ResizeObserver(again).observe(this.root);
    globalThis.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", again);
  }
}
