// Shows an OpenAPI 3.1 document: operations, what they take, what they answer. Everything is put in as text, nothing as HTML.
"use strict";

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function lettered(text) {
  return text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));
}

function paragraphs(text) {
  return text.split(/\n\n/).map((part) => make("p", {}, ...lettered(part.replace(/\n/g, " "))));
}

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  for (const key of ["anyOf", "oneOf"]) if (schema[key] && !schema.properties) return schema[key].map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${schema.items ? typeOf(schema.items) : "anything"}`;
  if (schema.type === "object") return schema.properties ? `{${Object.keys(schema.properties).join(", ")}}` : "object";
  return [].concat(schema.type || "anything").join(" or ");
}

function rangeOf(schema) {
  const found = [];
  if ("minimum" in schema) found.push(`at least ${schema.minimum}`);
  if ("exclusiveMinimum" in schema) found.push(`more than ${schema.exclusiveMinimum}`);
  if ("maximum" in schema) found.push(`at most ${schema.maximum}`);
  if ("default" in schema && schema.default !== "") found.push(`${JSON.stringify(schema.default)} unless given`);
  return found.length ? `(${found.join(", ")})` : "";
}

function fields(schema) {
  const rows = Object.entries(schema.properties || {}).map(([name, field]) =>
    make("tr", {},
      make("td", {}, make("code", {}, name)),
      make("td", {}, typeOf(field)),
      make("td", {}, ...lettered([field.description, rangeOf(field)].filter(Boolean).join(" "))),
    ));
  if (!rows.length) return paragraphs(`${typeOf(schema)}. ${schema.description || ""}`);
  const head = make("tr", {}, ...["Field", "Type", "What it is"].map((text) => make("th", { scope: "col" }, text)));
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
  const place = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Fields" };
  return [...(schema.description ? paragraphs(schema.description) : []), make("div", place, table)];
}

function examples(content) {
  const found = Object.values(content.examples || {}).map((example) => [example.summary || "Example", example.value]);
  if ("example" in content) found.push(["Example", content.example]);
  return found.flatMap(([title, value]) => [
    make("p", {}, `${title}:`),
    make("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2)),
  ]);
}

function resolved(schema, whole) {
  return schema && schema.$ref ? schema.$ref.slice(2).split("/").reduce((at, key) => at[key], whole) : schema || {};
}

function contents(described, whole) {
  return Object.entries(described.content || {}).map(([kind, content]) =>
    make("details", {}, make("summary", {}, make("code", {}, kind)), ...fields(resolved(content.schema, whole)), ...examples(content)));
}

function operation(path, method, described, whole) {
  const parts = [
    make("h2", { id: described.operationId || path }, make("code", {}, `${method.toUpperCase()} ${path}`)),
    ...paragraphs([described.summary, described.description].filter(Boolean).join(". ")),
  ];
  if (described.parameters && described.parameters.length) {
    const properties = Object.fromEntries(described.parameters.map((each) => [each.name, each.schema || {}]));
    parts.push(make("details", {}, make("summary", {}, "In the query or headers"), ...fields({ properties })));
  }
  if (described.requestBody) parts.push(make("h3", {}, "Body"), ...contents(described.requestBody, whole));
  parts.push(make("h3", {}, "Answers"));
  for (const [status, answer] of Object.entries(described.responses || {})) {
    parts.push(make("p", {}, make("strong", {}, status), ` ${answer.description}`), ...contents(answer, whole));
  }
  return parts;
}

async function show() {
  const main = document.getElementById("document");
  try {
    const answer = await fetch("/openapi.json");
    const whole = await answer.json();
    const parts = [make("h1", {}, `${whole.info.title} ${whole.info.version}`), ...paragraphs(whole.info.description || "")];
    for (const [path, methods] of Object.entries(whole.paths)) {
      for (const [method, described] of Object.entries(methods)) parts.push(...operation(path, method, described, whole));
    }
    main.replaceChildren(...parts);
  } catch (error) {
    main.replaceChildren(make("p", {}, `The OpenAPI document cannot be read: ${error.message}`));
  }
}

show();
