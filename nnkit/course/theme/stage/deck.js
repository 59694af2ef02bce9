// An exported deck on the stage: reveal.js shows the slides. `stage` and `fold` come from stage.js.
const slides = () => [...document.querySelectorAll(".slides section[data-number]:not(.stack)")];

const cellsOf = slide => [...slide.querySelectorAll(".jp-Cell:not(.notes *)")].map(node => ({
  node, hidden: node.classList.contains("celltag_source_hidden"),
  code: node.querySelector(".jp-InputArea-editor")?.textContent ?? null,
}));
const foldAll = () => {
  for (const slide of slides()) {
    slide.style.setProperty("--scale", slide.dataset.scale || 1);
    slide.dataset.code = fold(cellsOf(slide), slide.dataset.layout) ? "C: code" : "";
  }
};
// The speaker view takes notes without the page's styles: formulas as browsers draw them themselves.
const plainNotes = () => {
  for (const formula of document.querySelectorAll("aside.notes mjx-container"))
    formula.replaceWith(formula.querySelector("math"));
};
const fitted = new WeakSet(); // a slide has no size before it is shown
const fitSlide = slide => {
  if (fitted.has(slide)) return;
  fitted.add(slide);
  if (slide.dataset.layout !== "code" && fit(slide, cellsOf(slide))) slide.dataset.code = "C: code";
};

const key = stage({
  root: () => document.querySelector(".reveal"),
  slides: () => slides().map(slide => ({
    number: Number(slide.dataset.number), topic: slide.dataset.topic,
    title: slide.querySelector("h1, h2, h3, h4")?.textContent.trim() ?? "",
  })),
  current: () => Number(Reveal.getCurrentSlide().dataset.number) - 1,
  go: index => {
    const { h, v } = Reveal.getIndices(slides()[index]);
    Reveal.slide(h, v);
  },
  next: () => Reveal.next(), back: () => Reveal.prev(),
  overview: () => Reveal.toggleOverview(), leave: () => Reveal.toggleOverview(),
  speaker: () => Reveal.getPlugin("notes").open(), escape: "overview",
});
addEventListener("keydown", event => {
  if (event.key === "Enter" && Reveal.isOverview()) Reveal.toggleOverview(false);
  else key(event);
}, true);
