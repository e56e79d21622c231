// tile: a workgroup takes a tile of ROWS x COLS numbers of a product, and each of its invocations R x C of them: those
// that are DOWN rows and ACROSS columns, or vec4 of columns, apart. The contraction goes through workgroup memory, DEPTH
// vec4 of it at a time, which are AT_ONCE numbers. Each number of the product is one accumulator, from 0 up in the order
// of the contraction, by explicit fma: so no tile and no block of rows decides its bits.
// CPU twin: src/cpu/dense/tile.rs, whose chains have the same order.
const ACROSS = COLS / C;
const DOWN = ROWS / R;
const AT_ONCE = 4u * DEPTH;
const R4 = R / 4u;
const C4 = C / 4u;
const ROW_VEC4 = ROWS / 4u;
const COL_VEC4 = COLS / 4u;
