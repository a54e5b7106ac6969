// What is wished of all captions: the options of `pictell caption` that the page has, as far as the chosen model takes them.

import {say} from "./language.js";

const form = document.getElementById("wishes-form"), count = document.getElementById("wished");
const STEERING = {must: "wishes.must.hint", must_not: "wishes.mustNot.hint"};
let offered = [];

export function begin(apply) {
  form.addEventListener("submit", event => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(() => { fit(); tally(); apply(); }));
  form.addEventListener("input", () => { fit(); tally(); });
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
  offered = models;
  fit();
  tally();
}

function refused(name) {
  return offered[Math.max(form.elements.model.selectedIndex, 0)]?.refuses.includes(name) ?? false;
}

// What the model cannot be asked cannot be typed, and says so.
function fit() {
  for (const [name, hint] of Object.entries(STEERING)) {
    const field = form.elements[name];
    field.disabled = refused(name);
    say(document.getElementById(field.getAttribute("aria-describedby")), field.disabled ? "wishes.refused" : hint);
  }
}

export function current() {
  const {must, must_not: mustNot, start, style, alternatives, model} = form.elements;
  const wished = {
    must: wish(must), must_not: wish(mustNot), start: start.value.trim(),
    style: style.value, num: 1 + Number(alternatives.value), model: model.selectedIndex > 0 ? model.value : "",
    attention: refused("attention") ? "" : true,
  };
  return Object.fromEntries(Object.entries(wished).filter(([, value]) => value !== ""));
}

function wish(field) {
  return field.disabled ? "" : field.value.trim();
}

function tally() {
  const {must, must_not: mustNot, start, style} = form.elements;
  const set = [must, mustNot, start].filter(wish).length + (style.selectedIndex > 0 ? 1 : 0);
  count.hidden = set === 0;
  say(count, "wishes.count", {count: set});
}
