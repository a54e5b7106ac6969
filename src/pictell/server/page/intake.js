// Photos by choosing, dropping and pasting.

import {show} from "./announcing.js";

export function begin(take) {
  const files = document.getElementById("files");
  // Phones give photos as JPEG where nothing else is asked for; what they keep them as may be unknown to the service.
  if (!matchMedia("(pointer: coarse)").matches) files.accept += ",.heic,.heif";
  document.getElementById("choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => { take([...files.files]); files.value = ""; });

  addEventListener("dragover", event => {
    if (isText(event, event.dataTransfer)) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
  addEventListener("drop", event => {
    if (isText(event, event.dataTransfer)) return;
    event.preventDefault();
    document.body.classList.remove("dragging");
    given(event.dataTransfer);
  });
  addEventListener("paste", event => {
    if (isText(event, event.clipboardData)) return;
    event.preventDefault();
    given(event.clipboardData);
  });

  // Text goes into the field that it is meant for.
  function isText(event, data) {
    return !data.types.includes("Files") && event.target instanceof Element && event.target.closest("input") !== null;
  }

  function given(data) {
    const found = [...data.files];
    if (found.length) take(found); else show("drop.nothing");
  }
}
