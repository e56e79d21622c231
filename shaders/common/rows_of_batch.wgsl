// rows_of_batch: the place in memory of row `row` of a batch, whose rows lie anywhere; batch_rows.wgsl writes them.
@group(0) @binding(6) var<storage, read> rows: array<u32>;

fn row_at(row: u32) -> u32 {
    return rows[row];
}
