// The page: photos come in, each gets a card, each card asks for its caption.

import {announce, show} from "./announcing.js";
import * as camera from "./camera.js";
import {Card} from "./card.js";
import * as intake from "./intake.js";
import * as language from "./language.js";
import {say} from "./language.js";
import * as service from "./service.js";
import * as wishes from "./wishes.js";

const list = document.getElementById("cards"), clear = document.getElementById("clear"), choose = document.getElementById("choose");
const title = document.getElementById("photos-title"), about = document.getElementById("about");
const keyForm = document.getElementById("key"), keyField = document.getElementById("key-field"), refused = document.getElementById("refused");
const FEW = 3;  // captions that are read to screen readers one by one; of more only that they are there

let cards = [], ready;  // the latter a promise: what the page has to know of the service is known
const house = {
  facts: {},
  wishes: wishes.current,
  language: model => house.facts.models?.find(({name}) => name === model)?.language ?? "en",
  refused: problem => { if (problem.kind === "key") askForKey(Boolean(service.key.get())); },
  removed: removed,
};

function take(files) {
  const added = files.map(file => new Card(file, house));
  if (!added.length) return;
  list.prepend(...added.map(card => card.node));
  cards = [...added, ...cards];
  count();
  announce(language.text("added", {count: added.length}));
  added[0].node.scrollIntoView({block: "nearest"});
  ask(added);
}

async function ask(asked) {
  await ready;
  const few = asked.length <= FEW;
  const done = await Promise.all(asked.map(async card => {
    const whole = await card.ask();
    if (whole && few) card.announce();
    return whole;
  }));
  if (few) return;
  announce(language.text("done", {count: done.filter(Boolean).length}));
  for (const line of new Set(asked.filter(card => card.problem).map(card => card.spoken()))) announce(line);
}

function removed(card) {
  const at = cards.indexOf(card);
  cards.splice(at, 1);
  count();
  show("removed", {name: card.name});
  const next = cards[at] ?? cards[at - 1];
  (next?.find(".remove") ?? choose).focus();
}

function count() {
  if (cards.length) say(title, "photos", {count: cards.length}); else say(title, "photos");
  document.body.classList.toggle("empty", !cards.length);
  clear.hidden = cards.length < 2;
}

function askForKey(wrong) {
  service.key.forget();
  keyForm.hidden = false;
  say(document.getElementById("key-hint"), wrong ? "key.wrong" : "key.hint");
  keyField.setAttribute("aria-invalid", String(wrong));
}

async function learn() {
  try {
    house.facts = await service.facts();
  } catch (problem) {
    refused.hidden = false;
    say(refused, problem.kind === "no-answer" ? "error.no-answer" : "error.answer");
    return;
  }
  const {access, models} = house.facts;
  wishes.offer(house.facts);
  refused.hidden = access !== "address";
  if (access === "address") say(refused, "access.address");
  if (access === "key") askForKey(Boolean(service.key.get())); else keyForm.hidden = true;
  if (models) say(about, "about", {models: models.map(({name}) => name).join(", ")});
}

language.begin();
document.body.classList.add("empty");
count();
intake.begin(take);
camera.begin(take);
wishes.begin(() => {
  if (cards.length) ask(cards); else show("wishes.kept");
});
clear.addEventListener("click", () => {
  for (const card of cards) card.forget();
  cards = [];
  count();
  show("cleared");
  choose.focus();
});
keyForm.addEventListener("submit", async event => {
  event.preventDefault();
  const given = keyField.value.trim();
  keyField.value = "";
  // Keys are printable ASCII; others could not even be sent.
  service.key.set(/^[ -~]+$/.test(given) ? given : "?");
  await learn();
  if (!keyForm.hidden) {
    keyField.focus();
    return;
  }
  choose.focus();
  ask(cards.filter(card => card.problem?.kind === "key"));
});
ready = learn();
await ready;
document.documentElement.dataset.ready = "true";
