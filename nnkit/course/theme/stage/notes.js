// The speaker's window, live: the page NOTES, which listens.
const speaker = () => {
  const channel = new BroadcastChannel("nnkit-notes");
  let told = null;
  channel.onmessage = ({ data }) => { if (data === "tell" && told) channel.postMessage(told); };
  // the window has no styles of this page: formulas as browsers draw them themselves
  const text = cell => {
    const notes = cell.node.querySelector(".jp-RenderedMarkdown")?.cloneNode(true);
    for (const formula of notes?.querySelectorAll("mjx-container") ?? [])
      formula.replaceWith(formula.querySelector("math") ?? "");
    return notes?.innerHTML ?? "";
  };
  return {
    open: () => {
      const { fullLabextensionsUrl } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
      window.open(`${fullLabextensionsUrl}/nnkit-present/${NOTES}`, "nnkit-notes", "width=960,height=640");
    },
    tell: (slides, titles, at) => {
      const seconds = slides.map(({ minutes }) => 60 * minutes);
      const sum = values => values.reduce((all, value) => all + value, 0);
      told = {
        title: titles[at].title, next: titles[at + 1]?.title, number: at + 1, slides: slides.length,
        notes: slides[at].notes.map(text).join(""),
        seconds: seconds[at], before: sum(seconds.slice(0, at)), total: sum(seconds),
      };
      channel.postMessage(told);
    },
  };
};
