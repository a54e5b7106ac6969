// One photo: its caption, why there is none, or what went wrong.

import {altText} from "./alttext.js";
import {announce} from "./announcing.js";
import {copy} from "./copying.js";
import {adopt, find, percent, quote, say, text} from "./language.js";
import * as service from "./service.js";
import {canSpeak, read} from "./speech.js";
import {fill} from "./words.js";

const template = document.getElementById("card");
let numbered = 0;

// What the service says of a picture, whose name stands above it.
function sentence(message, name) {
  const said = message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
  return said.charAt(0).toUpperCase() + said.slice(1) + (/[.?!]$/.test(said) ? "" : ".");
}

export class Card {
  // `house` has `facts`, `wishes()`, `language(model)`, `refused(problem)` and `removed(card)`.
  constructor(file, house) {
    this.file = file;
    this.house = house;
    this.name = file.name || "photo";
    this.force = false;
    this.problem = null;
    this.node = template.content.firstElementChild.cloneNode(true);
    this.article = this.find("article");
    const title = this.find("h3");
    title.textContent = this.name;
    title.id = `card-${++numbered}`;
    this.article.setAttribute("aria-labelledby", title.id);
    adopt(this.node);
    say(this.find(".remove"), "remove", {name: this.name}, "aria-label");
    this.picture();
    this.on(".remove", () => this.remove());
    this.on(".again", () => this.ask());
    this.on(".force", () => { this.force = true; this.ask(); });
    this.on(".copy", () => copy(this.worded(this.result.text)));
    this.on(".read", () => this.readAloud());
  }

  find(selector) {
    return this.node.querySelector(selector);
  }

  on(selector, listener) {
    this.find(selector).addEventListener("click", listener);
  }

  show(selector, shown) {
    this.find(selector).hidden = !shown;
  }

  picture() {
    const image = this.find("img");
    this.url = URL.createObjectURL(this.file);
    image.addEventListener("error", () => {
      this.show(".frame", false);
      this.show(".placeholder", true);
      say(this.find(".placeholder"), "unshown");
    });
    image.addEventListener("load", () => {
      const frame = this.find(".frame");
      frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight || 1);
      frame.style.setProperty("--natural", `${image.naturalWidth}px`);
    });
    image.src = this.url;
  }

  // -- asking ---------------------------------------------------------------------------------------------------------

  async ask() {
    this.asking?.abort();
    this.stopReading?.();
    const asking = this.asking = new AbortController();
    this.article.setAttribute("aria-busy", "true");
    this.problem = null;
    // What was focused may vanish; the photo stays.
    const within = this.node.contains(document.activeElement) && !document.activeElement.matches(".remove");
    for (const part of [".problem", ".withheld", ".captioned", ".copy", ".read", ".force", ".again"]) this.show(part, false);
    this.show(".waiting", true);
    say(this.find(".waiting"), "waiting.turn");
    if (within) this.article.focus({preventScroll: true});
    try {
      const most = this.house.facts.body_bytes;
      // The form has a few hundred bytes beside the file.
      if (most && this.file.size > most - 4096) throw new service.Problem("large", "", {most: Math.floor(most / 2 ** 20)});
      const wishes = {...this.house.wishes(), ...(this.force ? {force: true} : {})};
      const result = await service.caption(this.file, wishes, asking.signal, {
        begin: () => say(this.find(".waiting"), "waiting"),
        busy: seconds => say(this.find(".waiting"), "waiting.busy", {seconds}),
      });
      this.tell(result);
    } catch (error) {
      if (asking.signal.aborted) return false;
      this.fail(error instanceof service.Problem ? error : new service.Problem("answer", String(error)));
    }
    this.show(".waiting", false);
    this.article.removeAttribute("aria-busy");
    return true;
  }

  fail(problem) {
    this.problem = problem;
    const line = this.find(".problem"), told = document.createElement("span"), said = document.createElement("span");
    // The service speaks English; where the interface has a line of its own, that comes first. What programs are told of keys is
    // nothing for people.
    const message = problem.kind === "key" ? "" : problem.message;
    say(told, message ? `error.${problem.kind}?` : `error.${problem.kind}`, problem.values);
    said.className = "detail";
    if (message) quote(said, sentence(message, this.name), "en");
    line.replaceChildren(told, " ", said);
    this.show(".problem", true);
    this.show(".again", true);
    this.spoken = () => line.textContent.trim();
    this.house.refused(problem);
  }

  tell(result) {
    this.result = result;
    if (result.text === null) this.withhold(result.reason); else this.caption(result);
  }

  withhold(reason) {
    this.reason = reason;
    const line = this.find(".withheld");
    say(line, "withheld", () => ({reason: find(`reason.${reason}`) ?? reason}));
    line.hidden = false;
    this.show(".force", true);
    this.spoken = () => line.textContent;
  }

  caption(result) {
    const lang = this.house.language(result.model), worded = result.raw !== undefined && result.raw !== result.text;
    const caption = this.find(".caption");
    quote(caption, result.text, lang);
    // The words are the caption, unless it is worded otherwise: then both are shown.
    caption.classList.toggle("unseen", !worded);
    this.show(".words-title", worded);
    this.find(".words").classList.toggle("small", worded);
    const photo = {frame: this.find(".frame"), image: this.find("img"), canvas: this.find("canvas")};
    fill(this.find(".words"), this.find(".abouts"), result.words, result.attention, lang, photo, this.find(".place"));
    this.find("img").alt = result.text;
    this.find("img").lang = lang;
    this.confidence(result);
    this.others(result.alternatives, lang);
    const line = this.find(".withheld");
    if (this.force && this.reason) say(line, "forced", () => ({reason: find(`reason.${this.reason}`) ?? this.reason}));
    line.hidden = !(this.force && this.reason);
    for (const part of [".captioned", ".copy"]) this.show(part, true);
    this.show(".read", canSpeak);
    this.spoken = () => text("result", {name: this.name, text: result.text});
  }

  confidence({confidence, band}) {
    const part = this.find(".confidence"), line = part.querySelector("p");
    part.dataset.band = band ?? "none";
    part.querySelector(".bar").hidden = confidence === null;
    part.style.setProperty("--share", confidence ?? 0);
    if (confidence === null) say(line, "confidence.none");
    else say(line, `confidence.${band}`, () => ({share: percent(confidence)}));
  }

  others(alternatives, lang) {
    const list = this.find(".others ul");
    list.replaceChildren(...alternatives.map(other => {
      const item = document.createElement("li"), words = document.createElement("span"), button = document.createElement("button");
      quote(words, other.text, lang);
      button.type = "button";
      button.className = "quiet";
      say(button, "copy.short");
      say(button, "copy.other", {text: other.text}, "aria-label");
      button.addEventListener("click", () => copy(this.worded(other.text)));
      item.append(words, " ", button);
      return item;
    }));
    this.show(".others", alternatives.length > 0);
  }

  // -- what is done with a caption ------------------------------------------------------------------------------------

  // As alt text. How sure a caption is belongs beside it.
  worded(words) {
    if (this.result.style === "alt") return words;
    const hedge = this.house.facts.hedges.find(each => words.startsWith(`${each}: `));
    return altText(hedge ? words.slice(hedge.length + 2) : words, this.house.facts.alt);
  }

  readAloud() {
    const button = this.find(".read");
    if (this.stopReading) {
      this.stopReading();
      return;
    }
    read(this.result.text, this.house.language(this.result.model), {
      begin: stop => { this.stopReading = stop; say(button, "read.stop"); },
      end: () => { this.stopReading = null; say(button, "read"); },
    });
  }

  announce() {
    if (this.spoken) announce(this.spoken());
  }

  remove() {
    this.forget();
    this.house.removed(this);
  }

  forget() {
    this.asking?.abort();
    this.stopReading?.();
    URL.revokeObjectURL(this.url);
    this.node.remove();
  }
}
