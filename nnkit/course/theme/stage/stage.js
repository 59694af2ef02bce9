// What a speaker does with slides, in an exported deck and live in JupyterLab alike. A show is
//   { root, slides(): [{number, title, topic}], current(): index, go(index), next(), back() }
// and, where they differ: leave(), speaker(), overview(), code(open), shorten().
const stage = show => {
  const make = (kind, name, parent = document.body) => {
    const node = parent.appendChild(document.createElement(kind));
    node.className = `nnkit-${name}`;
    return node;
  };
  const opened = {}; // what lies over the slides, by name
  const close = name => { opened[name]?.remove(); delete opened[name]; };
  const toggle = (name, build) => { if (opened[name]) close(name); else opened[name] = build(); };

  const SCHEMES = ["light", "dark", "contrast"];
  const scheme = () => {
    const root = document.documentElement, now = SCHEMES.indexOf(root.dataset.scheme || "light");
    root.dataset.scheme = SCHEMES[(now + 1) % SCHEMES.length];
  };

  // A spot that follows the mouse; pressed, it draws.
  const draw = () => {
    const canvas = make("canvas", "drawing"), dense = devicePixelRatio;
    canvas.width = innerWidth * dense;
    canvas.height = innerHeight * dense;
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    Object.assign(pen, { lineWidth: innerHeight / 180, lineCap: "round", lineJoin: "round" });
    pen.strokeStyle = getComputedStyle(canvas).color;
    canvas.onpointerdown = event => {
      canvas.setPointerCapture(event.pointerId);
      pen.beginPath();
      pen.moveTo(event.clientX, event.clientY);
    };
    canvas.onpointermove = event => {
      if (!event.buttons) return;
      pen.lineTo(event.clientX, event.clientY);
      pen.stroke();
    };
    return canvas;
  };

  // All slides by number, title and topic: type some of it, Enter goes there.
  const list = () => {
    const dialog = make("div", "list"), field = make("input", "sought", dialog);
    const rows = make("ol", "rows", dialog);
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-label", "Go to a slide");
    field.placeholder = "Number, topic or words of a title";
    field.setAttribute("aria-label", field.placeholder);
    const go = index => { close("list"); show.go(index); };
    const fill = () => {
      const sought = field.value.trim().toLowerCase(), all = show.slides();
      const found = all.map((slide, index) => ({ ...slide, index })).filter(slide =>
        `${slide.number}` === sought || `${slide.topic} ${slide.title}`.toLowerCase().includes(sought));
      found.sort((a, b) => (`${b.number}` === sought) - (`${a.number}` === sought));
      rows.replaceChildren(...found.map(slide => {
        const row = document.createElement("li"), button = make("button", "row", row);
        button.textContent = `${slide.number}  ${slide.title}`;
        make("span", "topic", button).textContent = slide.topic;
        if (slide.index === show.current()) button.setAttribute("aria-current", "true");
        button.onclick = () => go(slide.index);
        return row;
      }));
    };
    field.oninput = fill;
    dialog.onkeydown = event => {
      event.stopPropagation();
      if (event.key === "Escape") close("list");
      if (event.key === "Enter" && event.target === field) rows.querySelector("button")?.click();
    };
    fill();
    setTimeout(() => {
      field.focus();
      rows.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
    });
    return dialog;
  };

  const help = () => {
    const box = make("div", "help");
    box.innerHTML = `<table>${HELP.map(([keys, what]) =>
      `<tr><th>${keys}</th><td>${what}</td></tr>`).join("")}</table>`;
    return box;
  };

  const code = () => {
    const open = show.root().classList.toggle("nnkit-code");
    show.code?.(open);
  };
  const moved = move => () => { // what lay over the slide that is left
    for (const name of ["drawing", "help"]) close(name);
    if (show.root().classList.contains("nnkit-code")) code();
    move();
  };
  const next = moved(() => show.next()), back = moved(() => show.back());
  const to = find => moved(() => show.go(find(show.slides().length - 1)));
  const leave = () => {
    const over = Object.keys(opened).at(-1);
    if (over) close(over);
    else if (show.root().classList.contains("nnkit-code")) code();
    else show.leave();
  };
  const fullscreen = () =>
    document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();

  const KEYS = {
    PageDown: next, PageUp: back, " ": next, ArrowRight: next, ArrowDown: next, n: next,
    ArrowLeft: back, ArrowUp: back, p: back, Home: to(() => 0), End: to(last => last),
    b: () => toggle("blank", () => make("div", "blank")), c: code, d: () => toggle("drawing", draw),
    f: fullscreen, g: () => toggle("list", list), o: () => (show.overview || (() => toggle("list", list)))(),
    k: moved(() => show.shorten?.()), s: () => show.speaker(), t: scheme, "?": () => toggle("help", help), Escape: leave,
  };
  KEYS["."] = KEYS.b; // what clickers send
  const ALWAYS = ["PageDown", "PageUp"]; // nobody types them: out of an editor, too
  const HELP = [
    ["Space, →, Page Down", "next"], ["Shift-Space, ←, Page Up", "back"], ["Home, End", "first, last"],
    ["G", "go to a slide by number, topic or title"], ["O", "overview"], ["C", "the code of the slide"],
    ["D", "pointer; press to draw"], ["B", "blank"], ["T", "light, dark, high contrast"],
    ["F", "full screen"], ["S", "notes and clock, in a window of their own"],
    ...(show.shorten ? [["K", "the core of the lecture only, or all"]] : []), ["Esc", show.escape],
  ];

  return event => { // true if the key was the stage's
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const typing = event.target.closest?.(
      ".cm-content, input:not([type=range]), textarea, select, [contenteditable=true]");
    if (typing && !ALWAYS.includes(event.key)) return false;
    const slider = event.target.closest?.("input[type=range], [role=slider]");
    if (slider && /^(Arrow|Home|End|Escape)/.test(event.key)) {
      // the browser moves a slider of its own; JupyterLab's shortcuts would keep the key from it
      if (slider.type === "range" && event.key !== "Escape") event.stopImmediatePropagation();
      return false;
    }
    const pressed = event.target.closest?.("summary, button, a[href], audio");
    if (pressed && [" ", "Enter"].includes(event.key)) return false;
    let action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.key === " " && event.shiftKey) action = back;
    if (!action) return false;
    event.preventDefault();
    event.stopImmediatePropagation();
    action();
    return true;
  };
};

// Which cells of a slide hide their code: those folded by hand, and long code beside something
// to see. Asserts alone take no room from a figure.
const LINES = 8, WIDE = 78; // characters of 24 px to a line
const fold = (cells, layout) => {
  const output = cell => cell.node.querySelector(".jp-OutputArea-output:not(.lm-mod-hidden)");
  const figure = cells.some(cell => cell.node.querySelector(".jp-OutputArea-output img"));
  const words = cells.some(cell => cell.node.querySelector(
    ".jp-RenderedMarkdown :is(p, li, td, blockquote), .jp-RenderedMarkdown > mjx-container"));
  const seen = words || cells.some(output);
  let folded = false;
  for (const cell of cells) {
    if (cell.code === null) continue;
    const long = cell.code.trim().split("\n").length > LINES && seen;
    const bare = figure && !output(cell) && /^assert\b/m.test(cell.code);
    const hide = cell.hidden || (layout !== "code" && (long || bare));
    cell.node.classList.toggle("nnkit-folded", hide);
    const printed = [...cell.node.querySelectorAll(".jp-OutputArea-output pre")].map(pre => pre.textContent.trimEnd().split("\n")).flat();
    cell.node.classList.toggle("nnkit-short", printed.length <= 12 && Math.max(...printed.map(line => line.length)) <= WIDE);
    folded ||= hide;
  }
  return folded;
};

// On a slide that is too full, code gives way to words, figures and what it prints.
const fit = (page, cells) => {
  const full = () => {
    const box = page.getBoundingClientRect(), scale = box.height / page.offsetHeight;
    const bottom = Math.max(...cells.map(cell => cell.node.getBoundingClientRect().bottom));
    return bottom > box.bottom - scale * (parseFloat(getComputedStyle(page).paddingBottom) - 3);
  };
  const small = cell => [...cell.node.querySelectorAll(".jp-OutputArea-output img")].some(image =>
    image.offsetWidth < 0.87 * (image.getAttribute("width") || image.naturalWidth));
  const shown = cells.filter(cell => cell.code !== null && !cell.node.classList.contains("nnkit-folded"));
  shown.sort((a, b) => b.code.length - a.code.length);
  let folded = false;
  for (const cell of shown) {
    if (cells.length < 2 || !(full() || cells.some(small))) break;
    cell.node.classList.add("nnkit-folded");
    folded = true;
  }
  return folded;
};
