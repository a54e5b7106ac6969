// Asking the service. Requests wait for each other, and for a service that is busy.

const AT_ONCE = 4;  // requests; the service makes batches of them
const TRIES = 8;
const MOST_SECONDS = 30;
const KEY = "pictell-key";

export class Problem extends Error {
  constructor(kind, message = "", values = {}) {
    super(message);
    this.kind = kind;
    this.values = values;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: value => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

function headers() {
  return key.get() ? {"X-API-Key": key.get()} : {};
}

// What the page has to know of the service, see `_facts` of the server.
export async function facts() {
  let answer;
  try {
    answer = await fetch("page/facts.json", {headers: headers(), credentials: "same-origin"});
  } catch {
    throw new Problem("no-answer");
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.json();
}

let running = 0;
const waiting = [];

async function turn(signal) {
  if (running >= AT_ONCE) {
    await new Promise((resolve, reject) => {
      waiting.push(resolve);
      signal.addEventListener("abort", () => {
        const at = waiting.indexOf(resolve);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason);
      });
    });
  } else {
    running += 1;
  }
}

function leave() {
  const next = waiting.shift();
  if (next) next(); else running -= 1;
}

// The result for one picture as the API gives it. `on.begin()` when its turn has come, `on.busy(seconds)` when it has to wait.
// Throws a Problem, or the signal's reason.
export async function caption(file, wishes, signal, on) {
  await turn(signal);
  try {
    for (let tried = 1; ; tried += 1) {
      signal.throwIfAborted();
      on.begin();
      try {
        return await once(file, wishes, signal);
      } catch (problem) {
        if (!["busy", "stopping"].includes(problem.kind) || tried === TRIES) throw problem;
        // Others were told the same: not all of them should come back at once.
        const seconds = Math.min(problem.values.after * (1 + Math.random() / 2), MOST_SECONDS);
        on.busy(Math.ceil(seconds));
        await pause(seconds, signal);
      }
    }
  } finally {
    leave();
  }
}

async function once(file, wishes, signal) {
  const form = new FormData();
  form.append("image", file, file.name || "picture");
  // Of a stream the status is of the request alone: a picture that has no caption is no failed request.
  for (const [name, value] of Object.entries({...wishes, stream: true})) form.append(name, String(value));
  let answer;
  try {
    answer = await fetch("v1/caption", {method: "POST", body: form, headers: headers(), signal, credentials: "same-origin"});
  } catch (error) {
    signal.throwIfAborted();
    throw new Problem("no-answer");
  }
  if (!answer.ok) throw await problemOf(answer);
  try {
    const result = await answer.json();  // one picture, one line
    if (result.error) throw new Problem(result.error.kind, result.error.message);
    return result;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Problem ? error : new Problem("answer");
  }
}

async function problemOf(answer) {
  const after = Math.max(1, Number(answer.headers.get("Retry-After")) || 1);
  try {
    const {kind, message} = (await answer.json()).error;
    return new Problem(String(kind), String(message), {after});
  } catch {
    return new Problem(answer.status === 503 ? "busy" : "answer", "", {after});
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); });
  });
}
