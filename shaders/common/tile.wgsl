// tile: a workgroup of 256 invocations takes a tile of 64 x 64 numbers of a product, an invocation 4 x 4 of them.
// The contraction goes through workgroup memory, DEPTH vec4 (16 numbers) of it at a time. Each number of the product
// is one accumulator, from 0 up in the order of the contraction, by explicit fma: so no tile and no block of rows
// decides its bits. CPU twin: src/cpu/dense.rs, whose chains have the same order.
const TILE = 64u;
const ACROSS = 16u;
const DEPTH = 4u;
const STRIDE = 5u; // vec4 from one row of a tile to the next; odd, so that neighbours lie in different banks
