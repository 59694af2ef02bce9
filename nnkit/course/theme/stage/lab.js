// A JupyterLab extension without a build: a module federation container with one plugin, which
// presents the notebook that is open as slides. `stage` and `fold` come from stage.js, before it.
let scope; // of the modules that JupyterLab shares
const shared = async name => (await Object.values(scope[name])[0].get())();

const plugin = (INotebookTracker, NotebookActions, { showDialog, showErrorMessage, Dialog }) => ({
  id: "nnkit-present:plugin",
  autoStart: true,
  requires: [INotebookTracker],
  activate({ commands, shell, serviceManager }, tracker) {
    let panel = null; // that is presented
    let at = 0, steps = 0; // the slide, and how many of its fragments are shown
    const unfolded = new Set(); // cells folded by hand whose code lies over the slide
    let left = null; // how the window was before
    const kept = path => `nnkit-present:${path}`;

    const metadata = (cell, name) => cell.model.getMetadata(name);
    const type = cell => metadata(cell, "slideshow")?.slide_type;
    const tagged = (cell, ...names) => names.some(name => metadata(cell, "tags")?.includes(name));
    let core = false; // only the core of the lecture is shown
    const slidesOf = notebook => { // as in nnkit/course/slides.py
      const slides = [];
      for (const cell of notebook.widgets) {
        const kind = type(cell), above = slides.at(-1);
        if (kind === "notes") above?.notes.push(cell);
        if (["skip", "notes"].includes(kind)) continue;
        if (!above || ["slide", "subslide"].includes(kind)) slides.push({
          cells: [], notes: [],
          topic: metadata(cell, "topic") ?? (kind === "subslide" && above?.topic || ""),
        });
        slides.at(-1).cells.push(cell);
      }
      for (const slide of slides)
        slide.minutes = slide.notes.reduce((sum, cell) => sum + (metadata(cell, "minutes") ?? 0), 0) || 1;
      return slides;
    };
    const shownOf = notebook => slidesOf(notebook).flatMap(slide => {
      const [first] = slide.cells;
      if (core) return tagged(first, "core", "core-only") ? [slide] : [];
      const cells = slide.cells.filter(cell => !tagged(cell, "core-only"));
      return cells.includes(first) ? [{ ...slide, cells }] : [];
    });
    const cellsOf = notebook => shownOf(notebook).map(slide => slide.cells);
    const slideOf = (notebook, index) => {
      const before = notebook.widgets.slice(0, index + 1);
      return Math.max(0, cellsOf(notebook).findLastIndex(cells => before.includes(cells[0])));
    };
    const title = cells => {
      const heading = cells.map(cell => /^#+\s+(.*)$/m.exec(
        cell.model.type === "markdown" ? cell.model.sharedModel.source : "")).find(Boolean);
      return heading ? heading[1].replace(/[$`*]/g, "") : "";
    };
    const described = notebook => shownOf(notebook).map(({ cells, topic }, index) =>
      ({ number: index + 1, title: title(cells), topic }));
    const spoken = name => name.replace(/_/, " ").replace(/_/g, " ").replace(/ [a-z]/, c => c.toUpperCase());
    const footer = (path, first) => {
      const [folder, file] = path.split("/").slice(-2);
      if (!file) return first;
      return `${spoken(folder)}  ·  ${core ? "The core" : `Part ${file.split("_")[0]}: ${first}`}`;
    };

    const render = () => {
      if (!panel) return;
      const notebook = panel.content, slides = cellsOf(notebook), all = described(notebook);
      if (!slides.length) return;
      at = Math.min(at, slides.length - 1);
      const cells = slides[at], waiting = cells.filter(cell => type(cell) === "fragment");
      for (const cell of notebook.widgets) {
        cell.node.classList.toggle("nnkit-on", cells.includes(cell));
        cell.node.classList.toggle("nnkit-waiting", waiting.indexOf(cell) >= steps);
      }
      const page = notebook.node.querySelector(".jp-WindowedPanel-viewport");
      const layout = metadata(cells[0], "layout") ?? "";
      const parts = cells.map(cell => ({
        node: cell.node, hidden: Boolean(cell.inputHidden) || unfolded.has(cell),
        code: cell.model.type === "code" ? cell.model.sharedModel.source : null,
      }));
      const folded = [fold(parts, layout), layout !== "code" && !laid() && fit(page, parts)].some(Boolean);
      Object.assign(page.dataset, {
        number: at + 1, total: slides.length, topic: all[at].topic, layout, code: folded ? "C: code" : "",
        footer: footer(panel.context.path, all[0].title),
      });
      sessionStorage.setItem(kept(panel.context.path), JSON.stringify([at, steps, core]));
      notes.tell(shownOf(notebook), all, at);
    };
    const laid = () => panel.node.classList.contains("nnkit-code"); // code over the slide
    const fragments = () => cellsOf(panel.content)[at].filter(cell => type(cell) === "fragment").length;
    const go = (index, shown = Infinity) => {
      const slides = cellsOf(panel.content), notebook = panel.content;
      at = Math.min(Math.max(index, 0), slides.length - 1);
      steps = Math.min(shown, fragments());
      notebook.mode = "command";
      notebook.activeCellIndex = notebook.widgets.indexOf(slides[at][0]);
      notebook.deselectAll();
      notebook.node.focus({ preventScroll: true }); // out of an editor or a widget
      render();
    };

    const present = (index, shown = 0, short = core) => {
      panel = tracker.currentWidget;
      core = short && hasCore(panel.content);
      left = { collapsed: shell.leftCollapsed, scheme: document.documentElement.dataset.scheme };
      panel.node.classList.add("nnkit-presented");
      document.body.dataset.presenting = "true";
      go(index, shown);
      changes.observe(panel.content.node, { subtree: true, childList: true });
    };
    const hasCore = notebook => slidesOf(notebook).some(({ cells }) => tagged(cells[0], "core"));
    const shorten = () => { // or the whole part again, from the slide that is shown
      const notebook = panel.content, first = notebook.widgets.indexOf(cellsOf(notebook)[at][0]);
      core = !core && hasCore(notebook);
      go(slideOf(notebook, first), 0);
    };
    const leave = () => {
      const shown = panel, cell = cellsOf(panel.content)[at][0];
      changes.disconnect();
      code(false);
      sessionStorage.removeItem(kept(panel.context.path));
      panel.node.classList.remove("nnkit-presented", "nnkit-code");
      delete document.body.dataset.presenting;
      delete document.documentElement.dataset.scheme;
      panel = null;
      if (left.collapsed) shell.collapseLeft(); else shell.expandLeft();
      requestAnimationFrame(() => {
        shown.content.node.focus({ preventScroll: true });
        cell.node.scrollIntoView({ block: "start" });
      });
    };
    const code = open => { // a folded input is not in the page until it is unfolded
      for (const cell of open ? cellsOf(panel.content)[at].filter(cell => cell.inputHidden) : unfolded) {
        cell.inputHidden = !open;
        if (open) unfolded.add(cell);
      }
      if (!open) unfolded.clear();
    };
    // outputs that come, and cells that are added, change what is folded
    const changes = new MutationObserver(() => {
      changes.disconnect();
      render();
      if (panel) changes.observe(panel.content.node, { subtree: true, childList: true });
    });

    const notes = speaker();
    const key = stage({
      root: () => panel.node, slides: () => described(panel.content), current: () => at,
      go: index => go(index), leave, code, shorten, escape: "back to the notebook",
      speaker: notes.open,
      next: () => steps < fragments() ? (steps += 1, render()) : at + 1 < cellsOf(panel.content).length && go(at + 1, 0),
      back: () => steps > 0 ? (steps -= 1, render()) : at > 0 && go(at - 1),
    });
    window.addEventListener("keydown", event => { // before CodeMirror and the notebook see it
      if (!panel || document.querySelector(".jp-Dialog")) return;
      if (event.key === "Enter" && event.shiftKey && event.target.closest(".jp-Notebook")) {
        event.preventDefault();
        event.stopImmediatePropagation();
        runAlone(tracker.currentWidget, commands, NotebookActions); // and stay
      } else if (event.key === "Escape" && event.target.closest(".cm-content")) {
        return; // leaves the editor
      } else key(event);
    }, true);

    commands.addCommand("nnkit-present:present", {
      label: "Present", caption: "Present this notebook as slides, from the current one",
      isEnabled: () => Boolean(tracker.currentWidget?.content.widgets.length),
      execute: () => {
        const notebook = tracker.currentWidget.content;
        present(slideOf(notebook, notebook.activeCellIndex));
      },
    });
    commands.addCommand("nnkit-present:run-all", {
      label: "Run all", caption: "Run every cell, first to last",
      isEnabled: () => Boolean(tracker.currentWidget?.content.widgets.length),
      execute: () => runAll(tracker.currentWidget, commands, NotebookActions),
    });
    commands.addCommand("nnkit-present:held", {
      label: "Save as held", caption: "Save what was typed and shown, as a notebook and as slides",
      isEnabled: () => Boolean(tracker.currentWidget?.content.widgets.length),
      execute: async () => {
        try {
          const saved = await saveHeld(tracker.currentWidget, serviceManager.contents);
          const body = `${saved}, and the slides of it as .html`;
          await showDialog({ title: "Saved as it was held", body, buttons: [Dialog.okButton()] });
        } catch (error) {
          await showErrorMessage("Not saved as it was held", error);
        }
      },
    });
    NotebookActions.executed.connect((_, { notebook }) => begun.add(notebook));

    // A reload in mid-talk comes back to its slide.
    tracker.currentChanged.connect((_, opened) => {
      if (!opened) return;
      Promise.all([opened.revealed, opened.context.ready]).then(() => {
        const stored = sessionStorage.getItem(kept(opened.context.path));
        if (stored !== null && !panel && tracker.currentWidget === opened) present(...JSON.parse(stored));
      });
    });
  },
});

const begun = new WeakSet(); // notebooks of which a cell has run since they were opened

// Run cells one after another, a bar on top; the cell that was active stays so.
const runAll = async (panel, commands, NotebookActions, command = "notebook:run-all-cells", last = Infinity) => {
  const notebook = panel.content, active = notebook.activeCellIndex;
  const cells = notebook.widgets.filter((cell, index) =>
    index < last && cell.model.type === "code" && cell.model.sharedModel.source.trim());
  const bar = document.body.appendChild(document.createElement("progress"));
  Object.assign(bar, { className: "nnkit-running", max: cells.length, value: 0 });
  bar.setAttribute("aria-label", "Cells that have run");
  const step = (_, { notebook: ran, cell }) => {
    if (ran === notebook && cells.includes(cell)) bar.value += 1;
  };
  NotebookActions.executed.connect(step);
  try {
    // what is sent to a kernel that still connects can be lost
    await panel.sessionContext.ready;
    await panel.sessionContext.session?.kernel?.info;
    const done = commands.execute(command);
    notebook.activeCellIndex = active;
    notebook.deselectAll();
    await done;
  } finally {
    NotebookActions.executed.disconnect(step);
    bar.remove();
  }
};

// Run the active cell. A part opens as it has been run, but its kernel knows nothing yet: the
// cells above come first, once.
const runAlone = async (panel, commands, NotebookActions) => {
  const notebook = panel.content, active = notebook.activeCellIndex;
  if (!begun.has(notebook) && active > 0)
    await runAll(panel, commands, NotebookActions, "notebook:run-all-above", active);
  notebook.activeCellIndex = active;
  await commands.execute("notebook:run-cell");
};

(window._JUPYTERLAB ??= {})["nnkit-present"] = {
  init: given => { scope = given; },
  get: async () => {
    const { INotebookTracker, NotebookActions } = await shared("@jupyterlab/notebook");
    const dialogs = await shared("@jupyterlab/apputils");
    return () => ({ __esModule: true, default: plugin(INotebookTracker, NotebookActions, dialogs) });
  },
};
