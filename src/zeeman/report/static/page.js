// A report's page: the scene from its own elements, window.zeeman, and the explorer; a server's answers if there is one.

import { unpack } from "./arrays.js";
import { Explorer } from "./explorer.js";
import { Scene } from "./scene.js";

export function open(document) {
  const text = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = text("zeeman-data"), scene = new Scene(data, unpack(text("zeeman-arrays")));
  const decode = (z, training = data.best) => scene.decode(z, scene.trainings[training]);
  window.zeeman = { decode, latentDim: data.latentDim, nReplicas: data.nReplicas, scene };
  const server = document.querySelector("meta[name=zeeman-server]")?.content;
  window.zeeman.explorer = new Explorer(document.getElementById("explorer"), scene, { ask: server ? asking(server) : null });
}

// The whole decoder's output from the server that serves this page
function asking(address) {
  return async (training, z) => {
    const reply = await fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ training, z: [z] }) });
    if (!reply.ok) throw new Error(`${reply.status} ${reply.statusText}`);
    return new Float32Array(await reply.arrayBuffer());
  };
}

if (globalThis.document?.getElementById("zeeman-data")) open(document);
