// The playground on a page of its own. The weights of `course` are in the page; those of other
// networks are scripts beside it, since a page from the disk may not fetch files.

import { mountPlayground } from "./playground.js";

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

async function load(name) {
  if (!(name in window.LENET_NETWORKS)) {
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `networks/${name}.js`;
      script.onload = resolve;
      script.onerror = () =>
        reject(new Error(`The file networks/${name}.js is not beside the page.`));
      document.head.append(script);
    });
  }
  return bytesOf(window.LENET_NETWORKS[name]);
}

const playground = mountPlayground(document.querySelector("#playground"), {
  names: ["course", "best"],
  load,
  guard: () => load("characters"),
});
playground.take(0, "course");
