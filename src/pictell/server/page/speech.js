// Reading aloud with the browser's voices, those of this machine alone: others send the text away to be spoken.

import {show} from "./announcing.js";
import {current} from "./language.js";

export const canSpeak = "speechSynthesis" in window;
let stopLast = () => {};

// Reads, and calls `on.begin()` and `on.end()`; gives what stops it.
export async function read(text, lang, on) {
  stopLast();
  let over = false;
  const end = () => { if (!over) { over = true; on.end(); } };
  stopLast = () => { if (!over) speechSynthesis.cancel(); end(); };
  const stop = stopLast;
  on.begin(stop);
  const voice = best(await voices(), lang);
  if (over) return;
  if (!voice) {
    show("read.none");
    end();
    return;
  }
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  utterance.lang = voice.lang;
  utterance.addEventListener("end", end);
  utterance.addEventListener("error", end);
  speechSynthesis.speak(utterance);
}

async function voices() {
  if (!speechSynthesis.getVoices().length) {
    // Some browsers have none until they have looked for them.
    await new Promise(resolve => {
      speechSynthesis.addEventListener("voiceschanged", resolve, {once: true});
      setTimeout(resolve, 1000);
    });
  }
  return speechSynthesis.getVoices();
}

// One of the captions' language, best of the reader's own country; else one of the interface's language.
function best(all, lang) {
  const here = all.filter(voice => voice.localService);
  const of = tag => here.filter(voice => voice.lang.toLowerCase().replace("_", "-").split("-")[0] === tag.split("-")[0]);
  const fitting = of(lang);
  const own = navigator.languages.flatMap(tag => fitting.filter(voice => voice.lang.replace("_", "-") === tag));
  return own[0] ?? fitting.find(voice => voice.default) ?? fitting[0] ?? of(current)[0];
}
