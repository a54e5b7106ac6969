// What is told to those who look, and to those who listen.

import {text} from "./language.js";

const toast = document.getElementById("toast"), announcer = document.getElementById("announcer");
let hiding;

// A short word at the bottom of the page, read by screen readers too.
export function show(key, values) {
  clearTimeout(hiding);
  toast.textContent = text(key, values);
  toast.classList.add("shown");
  hiding = setTimeout(() => { toast.classList.remove("shown"); toast.textContent = ""; }, 5000);
}

// For screen readers alone, where the page shows it anyway. Lines that come together are read together.
let lines = [], speaking;
export function announce(line) {
  lines.push(line);
  clearTimeout(speaking);
  speaking = setTimeout(() => { announcer.textContent = lines.join(" "); lines = []; }, 150);
}

// What is still to be announced is in the language from before.
document.addEventListener("languagechange", () => { clearTimeout(speaking); lines = []; });
