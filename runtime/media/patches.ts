// Pictures as rows of patches and back. A patch row holds the pixels of one cell of the grid in a declared axis order;
// rows run left to right, then top to bottom, so row r of the grid is cell (floor(r / cols), r mod cols).
import { Failure } from "../failure.ts";

/** RGB floats in -1 .. 1, [height, width, channels] row major. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** How a picture is cut. The patch is (height / rows) x (width / cols) pixels. */
export interface PatchGrid {
  readonly rows: number;
  readonly cols: number;
  /**
   * The axes of a patch row from slowest to fastest: `p` the pixel's row in the patch, `q` its column, `c` the channel.
   * `"p q c"` is the usual one of transformers, `"c p q"` that of a convolution with stride = size.
   */
  readonly order: string;
}

type Axis = "p" | "q" | "c";

interface Cut {
  readonly patch: Readonly<Record<"p" | "q", number>>;
  /** Elements of one patch row. */
  readonly width: number;
  /** Distance in a patch row of neighbours along each axis. */
  readonly stride: Readonly<Record<Axis, number>>;
}

const cutOf = (picture: Omit<Picture, "data">, grid: PatchGrid): Cut => {
  const { rows, cols, order } = grid;
  if (!(rows > 0 && cols > 0) || picture.height % rows !== 0 || picture.width % cols !== 0) {
    throw new Failure(
      "call",
      `a picture of ${picture.width} x ${picture.height} cannot be cut into ${cols} x ${rows} patches`,
    );
  }
  const axes = order.split(" ");
  if ([...axes].sort().join(" ") !== "c p q") {
    throw new Failure("call", `the patch order ${JSON.stringify(order)} must name p, q and c once each, as in "p q c"`);
  }
  const size: Record<Axis, number> = { p: picture.height / rows, q: picture.width / cols, c: picture.channels };
  const stride: Record<Axis, number> = { p: 0, q: 0, c: 0 };
  let step = 1;
  for (const axis of (axes as Axis[]).reverse()) {
    stride[axis] = step;
    step *= size[axis];
  }
  return { patch: { p: size.p, q: size.q }, width: step, stride };
};

/** Calls `visit` with each pixel's first element in the picture and its first element in the rows. */
const eachPixel = (
  picture: Omit<Picture, "data">,
  { patch, width, stride }: Cut,
  visit: (inPicture: number, inRows: number) => void,
): void => {
  const cols = picture.width / patch.q;
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const row = Math.floor(y / patch.p) * cols + Math.floor(x / patch.q);
      const within = (y % patch.p) * stride.p + (x % patch.q) * stride.q;
      visit((y * picture.width + x) * picture.channels, row * width + within);
    }
  }
};

/** A picture as rows [grid.rows * grid.cols, patch elements]. @throws Failure "call" when the grid does not fit. */
export const toPatches = (picture: Picture, grid: PatchGrid): Float32Array => {
  const cut = cutOf(picture, grid);
  const rows = new Float32Array(picture.data.length);
  eachPixel(picture, cut, (from, to) => {
    for (let c = 0; c < picture.channels; c++) rows[to + c * cut.stride.c] = picture.data[from + c]!;
  });
  return rows;
};

/**
 * The inverse of `toPatches`: rows [grid.rows * grid.cols, patch elements] as a picture of the given size.
 * @throws Failure "call" when sizes disagree.
 */
export const fromPatches = (rows: Float32Array, size: Omit<Picture, "data">, grid: PatchGrid): Picture => {
  const cut = cutOf(size, grid);
  const { width, height, channels } = size;
  if (rows.length !== width * height * channels) {
    throw new Failure("call", `${rows.length} numbers are not a picture of ${width} x ${height} x ${channels}`);
  }
  const data = new Float32Array(rows.length);
  eachPixel(size, cut, (to, from) => {
    for (let c = 0; c < channels; c++) data[to + c] = rows[from + c * cut.stride.c]!;
  });
  return { width, height, channels, data };
};
