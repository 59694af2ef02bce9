// The notebook as it was held: a copy with all that was typed and shown, for the students. The
// server writes slides of it beside it, see nnkit/course/held.py.
const base64 = async address => {
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
};
// A widget is nothing without its kernel: the picture in it stays, as it is now.
const picture = async node => {
  const image = node?.querySelector("img");
  if (!image) return null;
  const { alt, width, height } = image;
  return {
    output_type: "display_data", data: { "image/png": await base64(image.src), "text/plain": alt },
    metadata: { "image/png": { alt, width: Number(image.getAttribute("width")) || width, height: Number(image.getAttribute("height")) || height } },
  };
};
const saveHeld = async (panel, contents) => {
  const notebook = panel.content.model.toJSON(), { path } = panel.context;
  delete notebook.metadata.jupytext;
  for (const [index, cell] of notebook.cells.entries()) {
    const shown = panel.content.widgets[index].outputArea?.widgets;
    if (!shown) continue;
    const outputs = await Promise.all(cell.outputs.map((output, place) =>
      output.data?.["application/vnd.jupyter.widget-view+json"] ? picture(shown[place]?.node) : output));
    cell.outputs = outputs.filter(Boolean); // of a finished bar nothing is left
  }
  const now = new Date(), two = number => String(number).padStart(2, "0");
  const time = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}.${two(now.getMinutes())}`;
  const saved = `held/${path.replace(/\.\w+$/, "")} ${time}.ipynb`;
  await contents.save(saved, { type: "notebook", format: "json", content: notebook });
  return saved;
};
