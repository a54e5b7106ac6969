// The review page. All that is shown comes as JSON and becomes text, never markup.
"use strict";

const $ = id => document.getElementById(id);

const KEYS = [
  ["a", "accept", "Accept the caption"],
  ["e", "edit", "Edit it, or write one"],
  ["x", "reject", "Reject it: no caption"],
  ["n", "next", "Next photo, also the right arrow"],
  ["p", "previous", "Previous photo, also the left arrow"],
  ["u", "undo", "Undo the last decision"],
  ["t", "restore", "Take back a review: pictell's caption again"],
  ["w", "words", "Where each word comes from"],
  ["?", "help", "These keys"],
];
const KEYS_OFF = "pictell-review-keys=off";
const ARROWS = {ArrowRight: "next", ArrowLeft: "previous"};

let photos = [];      // numbers of the photos to go through
let at = 0;           // which of them is shown; their count stands for the end
let left = 0;         // how many captions nobody has reviewed
let photo = null;     // the one that is shown, as the service tells it
let changes = stored("changes", []);  // what can be undone, last at the end
let asked = 0;        // counts what was asked for, so that a late answer does not replace a later one
let busy = false;     // a decision is on its way: a key held down decides once
let over = false;

function stored(name, otherwise) {
  try { return JSON.parse(sessionStorage.getItem(name)) ?? otherwise; } catch { return otherwise; }
}

function store(name, value) {
  try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* a browser that keeps nothing */ }
}

async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
    });
  } catch {
    throw {kind: "stopped", message: "pictell no longer answers. What was decided is kept: run pictell album review again."};
  }
  const answer = await response.json().catch(() => ({error: {kind: "unknown", message: `pictell answers ${response.status}`}}));
  if (!response.ok) throw answer.error ?? {kind: "unknown", message: `pictell answers ${response.status}`};
  return answer;
}

let saying = 0;
// Read aloud by a screen reader, and shown; what is shown is shorter where the page shows the rest already.
function say(text, short = text) {
  $("told").textContent = short;
  $("said").textContent = "";  // emptied first, so that the same words are read again
  clearTimeout(saying);
  saying = setTimeout(() => { $("said").textContent = text; }, 40);
}

// An element that had the focus and is no longer there gives it to what is shown now.
function settle(focused) {
  if (!focused || focused === document.body || focused.getClientRects().length) return;
  $(photo ? "name" : "end-title").focus();
}

// What is wrong with this photo, without the name that stands above it.
function plain(message) {
  const name = `${photo.folder}/${photo.name}: `;
  return message.startsWith(name) ? message[name.length].toUpperCase() + message.slice(name.length + 1) : message;
}

function shown(element, visible) { element.hidden = !visible; }

function able(id, possible) { $(id).setAttribute("aria-disabled", String(!possible)); }

function counted(number, one, many) { return `${number.toLocaleString("en")} ${number === 1 ? one : many}`; }

function tellLeft(count) {
  left = count;
  $("left").textContent = left === 0 ? "Nothing left to review" : `${counted(left, "caption", "captions")} left to review`;
}

// -- a photo -----------------------------------------------------------------------------------------------------------

function sureness() {
  return photo.confidence === null ? "" : `${Math.round(photo.confidence * 100)} % sure, ${photo.band} confidence`;
}

function state() {
  const on = photo.reviewed_at ? `, ${new Date(photo.reviewed_at).toLocaleString([], {dateStyle: "medium", timeStyle: "short"})}` : "";
  if (photo.review === "accepted") return `Accepted by a person${on}`;
  if (photo.review === "edited") return `Written by a person${on}`;
  if (photo.review === "rejected") return `Rejected by a person${on}`;
  if (photo.by === "person") return "Written by a person";
  if (photo.caption === null) return "";
  return ["By pictell", sureness()].filter(Boolean).join(", ");
}

function why() {
  if (photo.review === "rejected") return "No caption, as a person decided.";
  if (photo.error) return `No caption: ${plain(photo.error)}.`;
  if (photo.reason) return `No caption: ${photo.reason}.`;
  return photo.own.length ? "No caption of pictell's: people wrote their own." : "No caption yet.";
}

function describe() {
  const own = photo.caption === null && photo.own.length ? ` In the file: ${photo.own.join("; ")}` : "";
  const said = photo.caption === null ? why() : `${photo.caption}. ${state()}.`;
  return `Photo ${at + 1} of ${photos.length}: ${said}${own}`;
}

function draw() {
  $("name").textContent = photo.name;
  document.title = `${photo.name} · Review captions`;
  const taken = photo.taken ? ` · taken ${photo.taken.replace("T", " ").slice(0, 16)}` : "";
  $("place").textContent = `${at + 1} of ${photos.length} · ${photo.folder}${taken}`;
  $("warning").textContent = photo.by === "person"
    ? "This file was changed since pictell last looked: check that the caption still fits."
    : "This file was changed since it was captioned: pictell album index captions it anew.";
  shown($("warning"), photo.changed);
  $("caption").textContent = photo.caption ?? why();
  $("caption").classList.toggle("none", photo.caption === null);
  $("caption").lang = photo.review === "edited" || (photo.by === "person" && !photo.review) ? "" : "en";
  drawState();
  $("before-text").textContent = photo.said ?? "";
  shown($("before"), photo.said !== null && photo.said !== photo.caption);
  $("own-list").replaceChildren(...[...photo.own, ...photo.keywords.map(word => `Keyword: ${word}`)].map(text => {
    const item = document.createElement("li");
    item.dir = "auto";
    item.textContent = text;
    return item;
  }));
  shown($("own"), photo.own.length + photo.keywords.length > 0);
  able("accept", photo.by !== "person" && (photo.caption ?? photo.said) !== null);
  able("reject", photo.by !== null && photo.review !== "rejected" && !(photo.by === "person" && photo.review === null));
  shown($("restore"), photo.review !== null);
  $("edit").firstChild.textContent = photo.caption === null ? "Write " : "Edit ";
  drawUndo();
}

function drawState() {
  $("state").textContent = "";
  if (photo.by === "pictell" && photo.caption !== null && photo.confidence !== null) {
    const band = document.createElement("span"), bar = document.createElement("span");
    band.className = "band";
    bar.style.width = `${Math.round(photo.confidence * 100)}%`;
    band.append(bar);
    band.ariaHidden = "true";
    $("state").append(band);
  }
  $("state").append(state());
}

function drawUndo() {
  able("undo", changes.length > 0);
  shown($("end-undo"), changes.length > 0);
  shown($("back"), photos.length > 0);
}

function drawPicture() {
  forgetWords();
  shown($("no-image"), false);
  shown($("frame"), true);
  $("image").alt = `The photo ${photo.name}`;
  $("image").src = `/picture/${photo.id}`;
  if (at + 1 < photos.length) new Image().src = `/picture/${photos[at + 1]}`;
}

$("image").addEventListener("load", () => {
  const {naturalWidth, naturalHeight} = $("image");
  $("frame").style.setProperty("--ratio", naturalWidth / naturalHeight);
  $("frame").style.setProperty("--natural", naturalWidth);
});

$("image").addEventListener("error", async () => {
  const number = photo?.id;
  let message = "This photo cannot be shown";
  try { await ask(`/picture/${number}`); } catch (error) { message = error.message; }
  if (photo?.id !== number) return;
  shown($("frame"), false);
  shown($("no-image"), true);
  $("no-image").textContent = `${plain(message)}. You can skip it.`;
  say(`${describe()} ${$("no-image").textContent}`, $("no-image").textContent);
});

async function go(where, told = "") {
  if (unsaved()) return;
  const focused = document.activeElement;
  at = Math.max(0, Math.min(where, photos.length));
  const mine = ++asked;
  if (at >= photos.length) return end(told);
  let found;
  try {
    found = await ask(`/api/photos/${photos[at]}`);
  } catch (error) {
    if (mine !== asked) return;
    if (error.kind === "no-photo") {
      photos.splice(at, 1);
      return go(at, `${told} A photo is no longer in the library, and was skipped.`.trim());
    }
    return say(error.message);
  }
  if (mine !== asked) return;
  photo = found;
  shown($("end"), false);
  shown($("photo"), true);
  draw();
  drawPicture();
  settle(focused);
  say(`${told} ${describe()}`.trim(), told);
}

function end(told) {
  photo = null;
  shown($("photo"), false);
  shown($("end"), true);
  document.title = "Review captions";
  const none = photos.length === 0;
  $("end-title").textContent = none ? "No photos here" : "That was the last one";
  $("end-text").textContent = none
    ? "There is nothing in this list. Choose another one above, or finish."
    : `${$("left").textContent}.${left ? " Photos that you passed over are still there." : ""}`;
  $("again").textContent = none ? "Look again" : "From the beginning";
  drawUndo();
  say(`${told} ${$("end-title").textContent}. ${$("end-text").textContent}`.trim(), told);
  if (!$("filters").contains(document.activeElement)) $("end-title").focus();
}

async function list(told = "") {
  if (unsaved()) return;
  const mine = ++asked;
  let found;
  try {
    found = await ask(`/api/photos?show=${encodeURIComponent($("show").value)}&folder=${$("folder").value}`);
  } catch (error) { return say(error.message); }
  if (mine !== asked) return;
  photos = found.photos;
  tellLeft(found.left);
  await go(0, told || counted(photos.length, "photo.", "photos."));
}

// -- decisions ---------------------------------------------------------------------------------------------------------

const TOLD = {accept: "Accepted.", edit: "Saved.", reject: "Rejected.", restore: "Review taken back."};

async function decide(decision, text) {
  if (busy || !photo) return false;
  busy = true;
  const mine = photo;
  try {
    const done = await ask(`/api/photos/${mine.id}/${decision}`, {stamp: mine.stamp, text: text ?? null, folder: $("folder").value});
    changes.push(done.change);
    store("changes", changes);
    tellLeft(done.left);
    if (decision === "edit") stopEditing();
    // The next photo was asked for meanwhile.
    if (photo?.id !== mine.id || photos[at] !== mine.id) { drawUndo(); say(TOLD[decision]); return true; }
    if (decision === "restore") {
      photo = done.photo;
      const focused = document.activeElement;
      draw();
      settle(focused);
      say(`${TOLD.restore} ${describe()}`, TOLD.restore);
    } else {
      await go(at + 1, TOLD[decision]);
    }
    return true;
  } catch (error) {
    await refused(mine, error);
    return false;
  } finally {
    busy = false;
  }
}

async function refused(mine, error) {
  if (error.kind !== "changed") {
    if (error.kind === "no-photo" && !editing()) return go(at);
    return say(error.message);
  }
  // What is stored now is shown, and words being written stay in their field.
  try {
    const now = await ask(`/api/photos/${mine.id}`);
    if (photo?.id !== mine.id) return say(error.message);
    photo = now;
    draw();
  } catch { return say(error.message); }
  const kept = editing() ? " What you wrote is still in the field: save again to replace the caption shown now." : "";
  say(`Nothing was saved: ${error.message}. ${describe()}${kept}`, `Nothing was saved: ${error.message}.${kept}`);
}

async function undo() {
  if (!changes.length) return say("There is nothing to undo.");
  if (busy || unsaved()) return;
  busy = true;
  const change = changes.pop();
  store("changes", changes);
  try {
    const done = await ask("/api/undo", {change, folder: $("folder").value});
    tellLeft(done.left);
    let where = photos.indexOf(done.photo.id);
    if (where < 0) { where = Math.min(at, photos.length); photos.splice(where, 0, done.photo.id); }
    await go(where, "Undone.");
  } catch (error) {
    drawUndo();
    say(error.message);
  } finally {
    busy = false;
  }
}

// -- editing -----------------------------------------------------------------------------------------------------------

function editing() { return !$("editor").hidden; }

function unsaved() {
  if (!editing()) return false;
  if ($("text").value.trim() === ($("text").defaultValue).trim()) { stopEditing(); return false; }
  say("Save or cancel what you wrote first.");
  $("text").focus();
  return true;
}

function edit() {
  if (editing()) return $("text").focus();
  $("text").defaultValue = photo.caption ?? photo.said ?? "";
  $("text").value = $("text").defaultValue;
  shown($("editor"), true);
  shown($("decisions"), false);
  $("text").focus();
  $("text").setSelectionRange($("text").value.length, $("text").value.length);
}

function stopEditing() {
  const inside = $("editor").contains(document.activeElement);
  shown($("editor"), false);
  shown($("decisions"), true);
  if (inside) $("name").focus();
}

$("editor").addEventListener("submit", async event => {
  event.preventDefault();
  await decide("edit", $("text").value);
});
$("text").addEventListener("keydown", event => {
  if (event.isComposing) return;
  if (event.key === "Enter") { event.preventDefault(); $("editor").requestSubmit(); }
});
$("editor").addEventListener("keydown", event => {
  if (event.key === "Escape" && !event.isComposing) cancel();
});
function cancel() {
  stopEditing();
  say("Not changed.");
}
addEventListener("beforeunload", event => {
  if (editing() && $("text").value !== $("text").defaultValue) event.preventDefault();
});

// -- where words come from ---------------------------------------------------------------------------------------------

function forgetWords() {
  const focused = document.activeElement;
  const inside = $("attention").contains(focused);
  shown($("attention"), false);
  shown($("heat"), false);
  if (inside) $("words").focus();
}

async function words() {
  if (!$("attention").hidden) { forgetWords(); return say("Words closed."); }
  const number = photo.id;
  say("Looking where each word comes from …");
  let found;
  try { found = await ask(`/api/photos/${number}/words`); } catch (error) { return say(error.message); }
  if (photo?.id !== number) return;
  const same = found.text === (photo.said ?? photo.caption);
  $("attention-about").textContent = `${same ? "" : "What the model says of this photo. "}${found.model}, by ${found.method}. `
    + "Choose a word to see what it comes from: bright is much.";
  $("attention-words").replaceChildren(...found.words.map(word => {
    const button = document.createElement("button");
    button.type = "button";
    button.lang = "en";
    button.textContent = word.text;
    button.ariaPressed = "false";
    button.addEventListener("click", () => light(button, word));
    return button;
  }));
  shown($("attention"), true);
  say(`${counted(found.words.length, "word", "words")}: choose one to hear and see where it comes from.`);
  $("attention-words").firstChild?.focus();
}

function light(button, word) {
  const on = button.ariaPressed !== "true";
  for (const other of $("attention-words").children) other.ariaPressed = "false";
  button.ariaPressed = String(on);
  if (on) $("heat").src = word.layer;
  shown($("heat"), on);
  say(on ? `${word.text}: most at the ${word.where}, ${Math.round(word.prob * 100)} % likely.` : `${word.text}: off.`);
}

// -- the end -----------------------------------------------------------------------------------------------------------

async function finish() {
  if (unsaved()) return;
  let done;
  try { done = await ask("/api/finish", {}); } catch (error) { return say(error.message); }
  over = true;
  photo = null;
  for (const id of ["photo", "filters", "finish", "left", "again", "back", "end-undo", "told"]) shown($(id), false);
  shown(document.querySelector("footer"), false);
  shown($("end"), true);
  document.title = "Done · Review captions";
  $("end-title").textContent = "Done";
  $("end-text").textContent = `${done.tally[0].toUpperCase()}${done.tally.slice(1)}. All of it is kept. You can close this page.`;
  $("end-title").focus();
}

// -- keys and buttons --------------------------------------------------------------------------------------------------

const ACTIONS = {
  accept: () => decide("accept"), reject: () => decide("reject"), restore: () => decide("restore"),
  edit, undo, words,
  next: () => go(at + 1), previous: () => at > 0 ? go(at - 1) : say("This is the first photo."),
  help: () => { $("help").open = !$("help").open; if ($("help").open) $("help").querySelector("summary").focus(); },
};

function act(name) {
  if (over) return;
  if (!photo && !["previous", "undo", "help"].includes(name)) return;
  const button = $(name);
  if (button?.hidden) return;
  if (button?.ariaDisabled === "true") return say(name === "undo" ? "There is nothing to undo." : refusal(name));
  ACTIONS[name]();
}

function refusal(name) {
  if (name === "accept") return photo.by === "person" ? "This caption is a person's already." : "There is no caption to accept: write one, or skip the photo.";
  if (photo.review === "rejected") return "This caption is rejected already.";
  return photo.by === "person" ? "This caption is a person's own: write another in its place." : "There is no caption to reject.";
}

for (const [key, name, told] of KEYS) {
  const button = $(name), shownKey = document.createElement("kbd");
  shownKey.textContent = key.toUpperCase();
  const term = document.createElement("dt"), definition = document.createElement("dd");
  term.append(shownKey.cloneNode(true));
  definition.textContent = told;
  $("keys").append(term, definition);
  if (name === "help") continue;
  shownKey.ariaHidden = "true";  // aria-keyshortcuts tells it
  button.textContent += " ";
  button.append(shownKey);
  button.addEventListener("click", () => act(name));
}

function keysAre(on) {
  document.body.classList.toggle("keys-off", !on);
  for (const [key, name] of KEYS) {
    if (on) $(name).setAttribute("aria-keyshortcuts", key);
    else $(name).removeAttribute("aria-keyshortcuts");
  }
}

document.addEventListener("keydown", event => {
  if (!$("shortcuts").checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const name = ARROWS[event.key] ?? KEYS.find(([key]) => key === event.key.toLowerCase())?.[1];
  if (!name || editing()) return;
  event.preventDefault();
  if (!event.repeat || name in {next: 1, previous: 1}) act(name);
});

$("cancel").addEventListener("click", cancel);
$("finish").addEventListener("click", finish);
$("again").addEventListener("click", () => list());
$("back").addEventListener("click", () => act("previous"));
$("end-undo").addEventListener("click", () => act("undo"));
$("filters").addEventListener("submit", event => event.preventDefault());
let chosen = {};
for (const id of ["show", "folder"]) {
  $(id).addEventListener("change", () => {
    if (unsaved()) { $(id).value = chosen[id]; return; }
    chosen[id] = $(id).value;
    store(id, $(id).value);
    list();
  });
}
$("shortcuts").addEventListener("change", () => {
  // A cookie, which the next run on another port sees too.
  document.cookie = `${KEYS_OFF}; SameSite=Strict; Path=/; Max-Age=${$("shortcuts").checked ? 0 : 31536000}`;
  keysAre($("shortcuts").checked);
  say($("shortcuts").checked ? "Single-key shortcuts are on." : "Single-key shortcuts are off.");
});

async function begin() {
  $("shortcuts").checked = !document.cookie.split("; ").includes(KEYS_OFF);
  keysAre($("shortcuts").checked);
  try {
    const folders = await ask("/api/folders");
    for (const folder of folders.slice(1)) $("folder").append(new Option(folder.name, folder.value));
  } catch (error) { return say(error.message); }
  for (const id of ["show", "folder"]) {
    const before = stored(id, "");
    if ([...$(id).options].some(option => option.value === before)) $(id).value = before;
    chosen[id] = $(id).value;
  }
  await list();
}
begin();
