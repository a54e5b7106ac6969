// What is wished of all captions: the options of `pictell caption` that the page has.

import {say} from "./language.js";

const form = document.getElementById("wishes-form"), count = document.getElementById("wished");

export function begin(apply) {
  form.addEventListener("submit", event => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(() => { tally(); apply(); }));
  form.addEventListener("input", tally);
  tally();
}

// The choices that depend on the service.
export function offer({styles, models = []}) {
  const style = form.elements.style, model = form.elements.model;
  if (!style.options.length) {
    style.replaceChildren(...styles.map(name => {
      const option = new Option("", name);
      say(option, `wishes.style.${name}`);
      return option;
    }));
  }
  const chosen = model.value;
  model.replaceChildren(...models.map(({name}) => new Option(name, name)));
  if (models.some(({name}) => name === chosen)) model.value = chosen;
  document.getElementById("models").hidden = models.length < 2;
}

export function current() {
  const {must, must_not: mustNot, start, style, alternatives, model} = form.elements;
  const wished = {
    must: must.value.trim(), must_not: mustNot.value.trim(), start: start.value.trim(),
    style: style.value, num: 1 + Number(alternatives.value), model: model.selectedIndex > 0 ? model.value : "",
  };
  return Object.fromEntries(Object.entries(wished).filter(([, value]) => value !== ""));
}

function tally() {
  const {must, must_not: mustNot, start, style} = form.elements;
  const set = [must, mustNot, start].filter(field => field.value.trim()).length + (style.selectedIndex > 0 ? 1 : 0);
  count.hidden = set === 0;
  say(count, "wishes.count", {count: set});
}
