// The interface's languages. `say` gives an element its words, and gives them again when the language changes.

import chinese from "./chinese.js";
import english from "./english.js";

const LANGUAGES = {"en": english, "zh-Hans": chinese};
const told = new WeakMap();  // element -> {attribute: [key, values]}; "" stands for its text

export let current = chosen();

function chosen() {
  const named = new URLSearchParams(location.search).get("lang");
  for (const tag of [named, ...navigator.languages]) {
    const main = (tag ?? "").toLowerCase().split("-")[0];
    if (main === "zh") return "zh-Hans";
    if (main === "en") return "en";
  }
  return "en";
}

// The words for `key`; undefined where this language has none.
export function find(key, values = {}) {
  const table = LANGUAGES[current];
  const plural = `${key}.${new Intl.PluralRules(current).select(values.count ?? 2)}`;
  const words = ("count" in values ? table[plural] : undefined) ?? table[key] ?? table[`${key}.other`];
  return words?.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export function text(key, values) {
  return find(key, values) ?? key;
}

export function percent(share) {
  const digits = share > 0 && share < 0.01 ? 1 : 0;
  return new Intl.NumberFormat(current, {style: "percent", maximumFractionDigits: digits}).format(share);
}

// `values` may be a function, where they are words of the language themselves. A key that ends in "?" says nothing in a language
// that lacks it.
export function say(element, key, values = {}, attribute = "") {
  told.set(element, {...told.get(element), [attribute]: [key, values]});
  element.toggleAttribute("data-told", true);
  utter(element);
}

// Words that are no language of ours, such as captions and names.
export function quote(element, words, lang = null) {
  const all = {...told.get(element)};
  delete all[""];
  told.set(element, all);
  element.textContent = words;
  if (lang) element.lang = lang; else element.removeAttribute("lang");
}

function utter(element) {
  for (const [attribute, [key, values]] of Object.entries(told.get(element) ?? {})) {
    const filled = typeof values === "function" ? values() : values;
    const words = key.endsWith("?") ? find(key.slice(0, -1), filled) ?? "" : text(key, filled);
    if (attribute) element.setAttribute(attribute, words); else element.textContent = words;
  }
}

// What HTML names in `data-say` (text) and `data-say-label` (aria-label).
export function adopt(root) {
  for (const element of root.querySelectorAll("[data-say]")) say(element, element.dataset.say);
  for (const element of root.querySelectorAll("[data-say-label]")) say(element, element.dataset.sayLabel, {}, "aria-label");
}

export function begin() {
  adopt(document);
  apply();
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      current = button.dataset.language;
      // The address keeps it, so that nothing has to be stored.
      const address = new URL(location.href);
      address.searchParams.set("lang", current);
      history.replaceState(null, "", address);
      apply();
      document.dispatchEvent(new Event("languagechange"));
    });
  }
}

function apply() {
  document.documentElement.lang = current;
  // What was announced was so in the other language.
  for (const region of document.querySelectorAll("[role=status]")) region.textContent = "";
  for (const element of document.querySelectorAll("[data-told]")) utter(element);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}
