// Runs a bundle in the browser with onnxruntime-web alone: const caption = await load(ort, "bundle/"); await caption(picture).

const PAD = 0, START = 1, END = 2, UNKNOWN = 3;

export async function load(ort, bundle) {
  const read = async (name) => (await fetch(bundle + name)).json();
  const open = async (name) => ort.InferenceSession.create(new Uint8Array(await (await fetch(bundle + name)).arrayBuffer()));
  const [encoder, start, step] = [await open("encoder.onnx"), await open("start.onnx"), await open("step.onnx")];
  const { tokens: words } = await read("vocabulary.json");
  const { size } = await read("preprocessing.json");
  const { max_words: longest } = await read("generation.json");

  // `picture` is anything that a canvas can draw: an <img>, a <video>, an ImageBitmap.
  return async function caption(picture) {
    const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, size, size);
    const rgba = context.getImageData(0, 0, size, size).data;
    const rgb = rgba.filter((_, place) => place % 4 < 3); // without the opacity
    const pixels = new ort.Tensor("uint8", new Uint8Array(rgb), [1, size, size, 3]);
    let given = await start.run(await encoder.run({ pixels })); // memory.* and state.*
    let token = START;
    const said = [];
    while (said.length < longest) {
      const told = await step.run({ tokens: new ort.Tensor("int64", [BigInt(token)], [1]), ...given });
      const scores = told.log_probs.data; // (V,)
      for (const never of [PAD, START, UNKNOWN]) scores[never] = -Infinity;
      token = scores.reduce((best, score, word) => (score > scores[best] ? word : best), END); // greedy search
      if (token === END) break;
      said.push(words[token]);
      for (const name of step.outputNames.filter((name) => name.startsWith("next.")))
        given = { ...given, [name.replace("next.", "state.")]: told[name] };
    }
    return said.join(" ");
  };
}
