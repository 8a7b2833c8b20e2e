// The explorer in a notebook: scene in, point and training out.

import { unpack } from "./arrays.js";
import { make } from "./draw.js";
import { Explorer } from "./explorer.js";
import { Scene } from "./scene.js";

export function render({ model, el }) {
  const { data, arrays } = JSON.parse(model.get("scene")), root = make("section", { class: "zeeman", "aria-label": "Latent explorer" });
  el.append(root);
  let told = 0;
  const explorer = new Explorer(root, new Scene(data, unpack(arrays)), {
    told: ({ z, training, sample }) => {
      clearTimeout(told); // Python hears of where the pointer rests
      told = setTimeout(() => { model.set({ point: z, training, sample }); model.save_changes(); }, 60);
    },
  });
  model.on("change:point", () => { const z = model.get("point"); if (String(z) !== String(explorer.z)) explorer.show(z); });
  return () => root.remove();
}
