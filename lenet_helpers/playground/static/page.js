// The playground on a page of its own. The weights of `course` are in the page; those of other
// networks are scripts beside it, since a page from the disk may not fetch files.

import { mountPlayground } from "./playground.js";

// Drawings to start from, in pixels of the pad.
const EXAMPLES = {
  3: [[[85, 75], [125, 45], [180, 60], [185, 105], [130, 132], [190, 150], [205, 200], [155, 238], [85, 215]]],
  7: [[[75, 60], [140, 62], [205, 58], [160, 130], [125, 235]]],
  0: [[[150, 45], [95, 75], [75, 145], [100, 220], [150, 238], [200, 205], [210, 130], [190, 70], [150, 45]]],
  4: [[[120, 45], [90, 110], [80, 150], [140, 152], [210, 145]], [[180, 90], [172, 170], [165, 240]]],
  8: [[[190, 75], [140, 45], [95, 80], [140, 130], [195, 185], [150, 238], [95, 205], [140, 135], [190, 75]]],
};

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

async function load(name) {
  if (!(name in window.LENET_NETWORKS)) {
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `networks/${name}.js`;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`The file networks/${name}.js is not beside the page.`));
      document.head.append(script);
    });
  }
  return bytesOf(window.LENET_NETWORKS[name]);
}

const playground = mountPlayground(document.querySelector("#playground"), {
  names: ["course", "best"],
  load,
  examples: EXAMPLES,
});
playground.take(0, "course");
