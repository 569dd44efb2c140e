// Strokes of a pen as MNIST would have them; strokes.py does the same, to the last step.
//
// A stroke is a list of points [x, y], in any unit, y downwards. It is smoothed by cutting corners,
// made so large that the ink's longest side has 20 pixels, drawn with a round pen 2.25 pixels wide,
// and moved so that the centre of mass lies at pixel (14, 14) of 28×28.

const SIDE = 28;
const LONGEST = 20;
const PEN = 2.25;
const CENTRE = 14;

// Grey levels 0…1 of 28×28 pixels, row by row; null where nothing is drawn. `least` is the size,
// in the unit of the points, below which a drawing is not made larger: a dot stays a dot.
export function renderStrokes(strokes, least = 0) {
  const smooth = strokes.filter((stroke) => stroke.length > 0).map(cutCorners);
  const points = smooth.flat();
  if (points.length === 0) return null;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, top] = [xs, ys].map((values) => values.reduce((a, b) => Math.min(a, b)));
  const [right, bottom] = [xs, ys].map((values) => values.reduce((a, b) => Math.max(a, b)));
  const extent = Math.max(right - left, bottom - top, least);
  const scale = extent > 0 ? (LONGEST - PEN) / extent : 0;
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const place = (shift) =>
    smooth.map((stroke) =>
      stroke.map((point) =>
        point.map((value, axis) => (value - middle[axis]) * scale + shift[axis]),
      ),
    );
  const once = draw(place([CENTRE, CENTRE]));
  const [x, y] = centreOfMass(once);
  return draw(place([2 * CENTRE - x, 2 * CENTRE - y]));
}

// Each corner is replaced by two points a quarter of the way before and behind it, twice over.
function cutCorners(stroke) {
  let points = stroke;
  for (let round = 0; round < 2 && points.length > 2; round++) {
    const cut = [points[0]];
    for (let i = 0; i + 1 < points.length; i++) {
      const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
      cut.push([0.75 * x + 0.25 * nextX, 0.75 * y + 0.25 * nextY]);
      cut.push([0.25 * x + 0.75 * nextX, 0.25 * y + 0.75 * nextY]);
    }
    cut.push(points[points.length - 1]);
    points = cut;
  }
  return points;
}

// How much of each pixel the pen covers: a ramp one pixel wide at the edge of the stroke.
function draw(strokes) {
  const nearest = new Float64Array(SIDE * SIDE).fill(Infinity);
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(1, stroke.length - 1); i++) {
      approach(nearest, stroke[i], stroke[Math.min(i + 1, stroke.length - 1)]);
    }
  }
  return nearest.map((square) => Math.min(1, Math.max(0, PEN / 2 + 0.5 - Math.sqrt(square))));
}

// The square of each pixel's distance from a line, where it is nearer than what came before.
function approach(nearest, [x0, y0], [x1, y1]) {
  const reach = PEN / 2 + 1;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy;
  const within = (low, high) => [
    Math.max(0, Math.ceil(Math.min(low, high) - reach)),
    Math.min(SIDE - 1, Math.floor(Math.max(low, high) + reach)),
  ];
  const [top, bottom] = within(y0, y1);
  const [left, right] = within(x0, x1);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const along = square > 0 ? ((column - x0) * dx + (row - y0) * dy) / square : 0;
      const share = Math.min(1, Math.max(0, along));
      const [offX, offY] = [column - x0 - share * dx, row - y0 - share * dy];
      const at = row * SIDE + column;
      nearest[at] = Math.min(nearest[at], offX * offX + offY * offY);
    }
  }
}

function centreOfMass(levels) {
  let [sum, x, y] = [0, 0, 0];
  levels.forEach((level, at) => {
    sum += level;
    x += level * (at % SIDE);
    y += level * Math.floor(at / SIDE);
  });
  return [x / sum, y / sum];
}
