// Photos by choosing, dropping and pasting.

import {show} from "./announcing.js";

export function begin(take) {
  const files = document.getElementById("files");
  document.getElementById("choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => { take([...files.files]); files.value = ""; });

  addEventListener("dragover", event => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
  addEventListener("drop", event => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    given(event.dataTransfer);
  });
  addEventListener("paste", event => {
    if (event.clipboardData.files.length) event.preventDefault();
    // Text goes where it was pasted.
    else if (event.target.closest("input, textarea")) return;
    given(event.clipboardData);
  });

  function given(data) {
    const found = [...data.files];
    if (found.length) take(found); else show("drop.nothing");
  }
}
