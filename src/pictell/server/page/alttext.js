// A caption as alt text, by the server's own rule: `alt_text` of pictell.language.

export function altText(caption, {length, preamble, not_last: notLast}) {
  let text = caption.trim().replace(new RegExp(preamble, "i"), "").replace(/[ .]+$/, "");
  text = text.slice(0, 1).toUpperCase() + text.slice(1);
  if (text.length >= length) {
    const words = text.slice(0, length).split(" ").slice(0, -1);
    while (words.length > 1 && notLast.includes(words.at(-1))) words.pop();
    text = words.join(" ") || text.slice(0, length - 1);
  }
  return text ? `${text}.` : "";
}
