// A deck that is printed becomes a handout: each slide with lines below, or beside its notes.
const handOut = () => {
  document.documentElement.dataset.handout = KIND;
  for (const answer of document.querySelectorAll("details")) answer.open = KIND !== "blanks";
  for (const page of document.querySelectorAll(".pdf-page")) {
    const sheet = document.createElement("article"), frame = document.createElement("div");
    const room = document.createElement("div");
    sheet.className = "nnkit-sheet";
    frame.className = "nnkit-frame";
    room.className = "nnkit-room";
    const notes = page.querySelectorAll("aside.notes .jp-RenderedMarkdown");
    room.innerHTML = KIND === "notes" ? [...notes].map(note => note.innerHTML).join("") : "<hr>".repeat(4);
    page.replaceWith(sheet);
    frame.append(page);
    sheet.append(frame, room);
  }
};
const ready = setInterval(() => {
  if (document.documentElement.dataset.ready !== "true") return;
  clearInterval(ready);
  handOut();
  document.documentElement.dataset.handed = "true";
}, 50);
