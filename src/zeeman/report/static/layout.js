// The explorer's elements. Native buttons, selects and ranges: keyboard and screen readers know them.

import { make } from "./draw.js";
import { subscript } from "./scene.js";

const options = (pairs) => pairs.map(([value, text]) => make("option", { value }, text));

// One choice among a few, as a row of buttons; returns the row, and set(value)
export function choice(label, pairs, onChoose) {
  const buttons = pairs.map(([value, text]) => make("button", { type: "button", "data-value": value, "aria-pressed": "false", onclick: () => onChoose(value) }, text));
  const row = make("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
  row.set = (value) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.value === String(value))));
  return row;
}

const labelled = (text, element) => make("label", {}, make("span", {}, text), element);
const select = (pairs, onchange) => make("select", { onchange }, ...options(pairs));
const frameOf = (canvas, text, extra = null) => make("figure", {}, canvas, make("figcaption", {}, text, extra));
const canvas = (name, label, attributes = {}) => make("canvas", { class: name, role: "img", "aria-label": label, ...attributes });

// Ids are given where the document has none yet: on a report's own page
export function layout(root, scene, act) {
  const { data } = scene, many = scene.trainings.length > 1, lattice = data.picture.shape[0] > 1;
  const id = (name) => (document.getElementById(name) ? null : name), anyDecoder = scene.trainings.some((t) => t.output);
  const e = {
    mode: many ? choice("View", [["one", "One training"], ["all", "All side by side"]], act.mode) : null,
    training: many ? labelled("Training", select(scene.trainings.map((t, i) => [i, t.name]), (ev) => act.training(Number(ev.target.value)))) : null,
    frame: choice("Frame", [["latent", "Latent axes"], ["states", "Energy states"]], act.frame),
    axes: [0, 1].map((side) => select([], (ev) => act.axis(side, Number(ev.target.value)))),
    rest: labelled("Other axes", select([["nearest", "of the nearest sample"], ["held", "held"]], (ev) => act.rest(ev.target.value))),
    colour: labelled("Colour", select([["labels", data.labelled ? "known labels" : "clusters"], ...(data.labelled ? [["clusters", "clusters found"]] : [])], (ev) => act.colour(ev.target.value))),
    shade: labelled("Shade", select([["", "none"], ...(anyDecoder ? [["F", data.spins ? "free energy on spins" : "free energy F"]] : []), ...Array.from({ length: Math.min(4, scene.best.nStates) }, (_, m) => [m + 1, `state f${subscript(m + 1)}`])], (ev) => act.shade(ev.target.value))),
    shadeSaid: make("small"),
    plane: make("canvas", { class: "plane", id: id("plane"), tabindex: "0", role: "application", "aria-label": "Latent plane; arrow keys move the point, Shift for larger steps" }),
    means: canvas("means", "Decoded mean configuration", { id: id("decoded") }),
    fields: canvas("fields", "Local fields"), inverse: canvas("inverse", "Local temperatures"), entropy: canvas("entropy", "Local entropies"),
    ladder: canvas("ladder", "States at this point"), real: make("div", { class: "real" }), values: {},
    exact: make("p", { class: "note", "aria-live": "polite" }),
    movie: make("div", { class: "movie" }), curve: canvas("curve", "Free energy along the path"), second: data.spins ? canvas("curve", "Energy per site along the path") : null,
    draw: make("button", { type: "button", "aria-pressed": "false", onclick: act.draw }, "Draw a path"),
    start: make("button", { type: "button", onclick: () => act.end(0) }, "Start here"), stop: make("button", { type: "button", onclick: () => act.end(1) }, "End here"),
    play: make("button", { type: "button", onclick: act.play }, "Play"),
    along: make("input", { type: "range", min: 0, max: 1, step: 0.005, value: 0, "aria-label": "Place on the path", oninput: (ev) => act.along(Number(ev.target.value)) }),
    diagram: canvas("diagram", "Zeeman diagram: levels against strength; drag, or use the slider"), path: choice("Path of densities", Object.keys(scene.diagrams).map((p) => [p, p === "prior" ? "Prior to data" : "Sharpening"]), act.perturbation),
    strength: make("input", { type: "range", min: 0, max: 1, step: 0.005, value: 1, "aria-label": "Strength λ", oninput: (ev) => act.strength(Number(ev.target.value)) }),
    levels: make("p", { class: "levels" }), all: make("div", { class: "together", hidden: true }),
  };
  const rows = [["at", "Latent point"], ["cluster", "Cluster"], ["level", "Energy level"]];
  if (anyDecoder) rows.push(["free", data.spins ? "F = −ln Z, x in 0, 1" : "Free energy F = −ln Z"], ["mean energy", "⟨H⟩ and entropy S"]);
  if (data.spins) rows.push(["spin free", "F on spins ±1"], ...data.spins.patterns.map((p) => [`value ${p}`, p.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase())]), ["energy", "Energy per site"]);
  const list = make("dl", { class: "readout", id: id("readout") });
  for (const [key, text] of rows) list.append(make("dt", {}, text), (e.values[key] = make("dd", { id: id(key) }, "–")));
  const small = [["fields", "field hₖ"], ["inverse", "temperature 1/βₖ"], ["entropy", "entropy Sₖ"]].map(([key, text]) => (e[`${key}Figure`] = frameOf(e[key], text)));
  e.pictures = anyDecoder ? make("div", { class: lattice ? "pictures" : "pictures profiles" }, frameOf(e.means, lattice || !data.real ? "mean mₖ" : "mean mₖ, and the nearest sample"), ...small) : null;
  e.realTitle = make("h3", {}, "Nearest samples");
  const look = make("div", { class: "look" }, e.pictures, e.exact, list);
  const spectrum = make("div", { class: "panel" }, make("h3", {}, "States at this point, fₘ(z) against Eₘ"), e.ladder);
  e.one = make("div", { class: "one" }, make("div", { class: "here" }, e.plane, e.realTitle, e.real), make("div", {}, look, spectrum));
  const movie = make("div", { class: "panel path" }, make("h3", {}, "A path between two points"),
    make("div", { class: "tools" }, e.draw, e.start, e.stop, e.play), e.movie, e.along, e.curve, e.second);
  const zeeman = Object.keys(scene.diagrams).length ? make("div", { class: "panel" }, make("h3", {}, "Zeeman diagram"), make("div", { class: "tools" }, e.path), e.diagram, e.strength, e.levels) : null;
  e.below = make("div", { class: "below" }, zeeman, anyDecoder ? movie : null);
  e.axesRow = make("span", { class: "axes" }, labelled("Axes", e.axes[0]), labelled("and", e.axes[1]));
  const how = "Move over the plane, drag a finger, or focus it and use the arrow keys (Shift for larger steps). Drawing a path is a drag too; from the keyboard, Start here and End here.";
  const several = Object.keys(data.spins?.couplings ?? {}).length, about = data.spins?.about ? `: ${data.spins.about}` : "";
  const weighed = data.spins ? ` Energies per site are means over draws${several ? ", with the coupling of the nearest sample's phase (along a path, of the phase it starts in)" : ""}${about}.` : "";
  root.replaceChildren(make("div", { class: "tools" }, e.mode, e.training, e.frame, e.axesRow, e.rest, e.colour, e.shade), e.one, e.all, e.below, make("p", { class: "note" }, how + weighed));
  e.shade.append(e.shadeSaid);
  return e;
}

export { options };
