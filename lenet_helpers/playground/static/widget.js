// The playground in a notebook: networks come from Python, strokes go there.

import { mountPlayground } from "./playground.js";

export function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // keys pressed here are no commands of JupyterLab
  const networks = model.get("networks");
  const guard = model.get("guard");
  const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  const playground = mountPlayground(el, {
    names: Object.keys(networks),
    load: async (name) => bytes(model.get("networks")[name]),
    guard: async () => bytes(guard),
    drawn(strokes) {
      model.set("strokes", strokes);
      model.save_changes();
    },
  });
  const redraw = () => playground.setStrokes(model.get("strokes"));
  const renew = () => playground.take(0, Object.keys(model.get("networks"))[0]);
  model.on("change:networks", renew);
  renew();
  redraw();
  return () => model.off("change:networks", renew);
}
