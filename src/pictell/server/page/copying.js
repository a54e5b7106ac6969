// Into the clipboard; pages that are not secure (http from another machine) have the old way only.

import {show} from "./announcing.js";

export async function copy(text) {
  const done = await modern(text) || old(text);
  show(done ? "copied" : "copied.not", {text});
}

async function modern(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function old(text) {
  const focused = document.activeElement, area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
