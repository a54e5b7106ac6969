// The words of a caption: a toolbar (one stop of Tab, arrow keys inside), each word lit with where it comes from.

import {percent, say, text} from "./language.js";
import {heatsOf, paint, placeOf} from "./heat.js";

let numbered = 0;

// Fills `group` with a button for each of `words` and `abouts` with what is told of each; `photo` has `frame`, `image`, `canvas`;
// `line` tells of the lit word.
export function fill(group, abouts, words, maps, lang, photo, line) {
  const heats = maps && heatsOf(maps), places = maps?.map(placeOf);
  let kept = -1;
  group.replaceChildren();
  abouts.replaceChildren();
  const buttons = words.map(({text: word, prob}, number) => {
    const button = document.createElement("button"), about = document.createElement("span");
    button.type = "button";
    button.textContent = word;
    button.lang = lang;
    button.tabIndex = number ? -1 : 0;
    button.setAttribute("aria-pressed", "false");
    button.style.setProperty("--prob", prob);
    about.id = `about-${++numbered}`;
    button.setAttribute("aria-describedby", about.id);
    say(about, maps ? "word.about.place" : "word.about", () => values(number));
    group.append(button, " ");
    abouts.append(about);
    return button;
  });

  function values(number) {
    return {word: words[number].text, prob: percent(words[number].prob), place: places ? text(`place.${places[number]}`) : ""};
  }

  function light(number) {
    buttons.forEach((button, at) => button.classList.toggle("lit", at === number));
    const {image, canvas, frame} = photo, shown = number >= 0 && heats && image.naturalWidth > 0;
    if (shown) paint(canvas, heats[number], image.naturalWidth, image.naturalHeight);
    canvas.hidden = !shown;
    frame.classList.toggle("heated", Boolean(shown));
    if (number < 0) say(line, maps ? "words.hint" : "words.blind");
    else say(line, maps ? "word.place" : "word", () => values(number));
  }

  function keep(number) {
    kept = number;
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === kept)));
  }

  function go(number) {
    buttons.forEach((button, at) => { button.tabIndex = at === number ? 0 : -1; });
    buttons[number].focus();
  }

  function rest() {
    const focused = buttons.indexOf(document.activeElement);
    light(focused >= 0 && document.activeElement.matches(":focus-visible") ? focused : kept);
  }

  buttons.forEach((button, number) => {
    button.addEventListener("pointerenter", () => light(number));
    button.addEventListener("pointerleave", rest);
    button.addEventListener("focus", () => light(number));
    button.addEventListener("blur", () => light(kept));
    button.addEventListener("click", () => {
      keep(kept === number ? -1 : number);
      buttons.forEach((each, at) => { each.tabIndex = at === number ? 0 : -1; });
      light(number);
    });
  });
  group.onkeydown = event => {
    const at = buttons.indexOf(document.activeElement);
    const to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1}[event.key];
    if (event.key === "Escape") {
      keep(-1);
      light(-1);
    } else if (to !== undefined && at >= 0) {
      event.preventDefault();
      go((to + buttons.length) % buttons.length);
    }
  };
  light(-1);
}
