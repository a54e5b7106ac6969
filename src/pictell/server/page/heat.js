// Where a word comes from, as heat over the photo: the same colours and the same scale as `pictell explain`.

const LONGEST = 96;  // side of a layer in pixels: it is smooth, and the browser makes it larger

// Heat, red, green, blue, opacity. Lightness rises with heat, and the layer gets thinner, so that what matters is seen best.
const RAMP = [
  [0.00, 12, 12, 28, 0.62],
  [0.30, 70, 25, 95, 0.54],
  [0.55, 200, 55, 75, 0.50],
  [0.80, 252, 145, 35, 0.50],
  [1.00, 255, 235, 90, 0.50],
];

// Maps [T][G][G] for the eye, 0 to 1. A word that comes from nowhere in particular looks like it.
export function heatsOf(maps) {
  const highest = maps.map(map => Math.max(...map.flat()));
  const sorted = [...highest].sort((a, b) => a - b), half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return maps.map((map, at) => {
    const scale = Math.max(highest[at], median) || 1;
    return map.map(row => row.map(value => Math.max(0, value) / scale));
  });
}

// In which ninth of the photo a map is highest: "top left", "centre".
export function placeOf(map) {
  const side = map.length, flat = map.flat(), at = flat.indexOf(Math.max(...flat));
  const third = cell => Math.floor((2 * cell + 1) * 3 / (2 * side));
  const named = `${["top", "middle", "bottom"][third(Math.floor(at / side))]} ${["left", "centre", "right"][third(at % side)]}`;
  return named === "middle centre" ? "centre" : named;
}

// Draws a map over a photo of this shape; the square grid is stretched as the photo was squashed.
export function paint(canvas, heat, width, height) {
  const scale = LONGEST / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const across = weights(heat.length, canvas.width), down = weights(heat.length, canvas.height);
  const context = canvas.getContext("2d"), picture = context.createImageData(canvas.width, canvas.height);
  const rows = heat.map(row => across.map(taps => taps.reduce((sum, [at, weight]) => sum + weight * row[at], 0)));
  let byte = 0;
  for (const taps of down) {
    for (let x = 0; x < canvas.width; x += 1) {
      const value = taps.reduce((sum, [at, weight]) => sum + weight * rows[at][x], 0);
      for (const channel of colour(value)) picture.data[byte++] = channel;
    }
  }
  context.putImageData(picture, 0, 0);
}

// For each of `length` pixels the cells it is made of, with their weights: cubic (a = -0.5), cut off at the borders.
function weights(cells, length) {
  return Array.from({length}, (_, pixel) => {
    const centre = (pixel + 0.5) * cells / length - 0.5, first = Math.floor(centre) - 1, taps = [];
    for (let at = first; at < first + 4; at += 1) if (at >= 0 && at < cells) taps.push([at, cubic(Math.abs(at - centre))]);
    const sum = taps.reduce((all, [, weight]) => all + weight, 0);
    return taps.map(([at, weight]) => [at, weight / sum]);
  });
}

function cubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function colour(value) {
  const heat = Math.min(1, Math.max(0, value));
  const above = Math.max(1, RAMP.findIndex(([from]) => from >= heat));
  const low = RAMP[above - 1], high = RAMP[above], share = (heat - low[0]) / (high[0] - low[0]);
  const [red, green, blue, opacity] = low.slice(1).map((from, at) => from + share * (high[at + 1] - from));
  return [red, green, blue, opacity * 255];
}
