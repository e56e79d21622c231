"""Writes the files beside this script, with NumPy 2.4 and pyarrow 26: python make.py"""

import decimal
import os

import numpy
import pyarrow
import pyarrow.parquet

os.chdir(os.path.dirname(os.path.abspath(__file__)))

# Every type holds these, exactly.
WHOLE = numpy.array([[0, 1, 2], [3, 100, 5], [7, 1, 127], [4, 0, 64]])
for name in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split():
    for order, sign in ("little", "<"), ("big", ">"):
        typed = WHOLE.astype(sign + name)
        numpy.save(f"{name}_{order}_c.npy", typed)
        numpy.save(f"{name}_{order}_fortran.npy", numpy.asfortranarray(typed))
numpy.save("bool.npy", WHOLE > 3)
numpy.save("one_dimension.npy", WHOLE[:, 1].astype("<i8"))
# Halfway between neighbours, beyond them, subnormal.
numpy.save("rounded.npy", numpy.array([[16777217, 16777219, 2**53 + 1, -(2**63)], [0, 1, -1, 2**62 + 2**38 + 1]]))
numpy.save("doubles.npy", numpy.array([[0.1, 1e-45, -0.0, 3.4028235e38], [1 / 3, 2e-46, 1e-400, -3.4028235677e38]]))
numpy.save("too_large.npy", numpy.array([[0.0, 1.0], [1.0, 1e39]]))
numpy.save("nan_half.npy", numpy.array([[0.0, 1.0], [numpy.nan, 1.0]], "<f2"))
numpy.save("objects.npy", numpy.array([[0.0, "a"]], object))
numpy.save("complex.npy", numpy.array([[0j, 1j]]))

x = WHOLE.astype("f8") / 8
y = numpy.array(["no", "yes", "é, \"so\"", "no"])
numpy.savez("stored.npz", X=x, y=y)
numpy.savez_compressed("deflated.npz", inputs=WHOLE.astype("u1"), targets=x[:, :2])
numpy.savez("single.npz", WHOLE)
numpy.savez("named.npz", X=x, y=y, columns=numpy.array(["a", "b", "c", "class"]))
numpy.savez("keras.npz", x_train=x, y_train=y, x_test=x, y_test=y)
numpy.savez("extra.npz", X=x, y=y, ids=y)
numpy.savez("objects.npz", X=x, y=y.astype(object))
numpy.savez("rows.npz", X=x, y=y[:3])

columns = {
    "i8": pyarrow.array([-1, 2, -3, 4], pyarrow.int8()),
    "u32": pyarrow.array([0, 2**32 - 1, 1, 2], pyarrow.uint32()),
    "i64": pyarrow.array([2**53 + 1, -(2**63), 1, 0], pyarrow.int64()),
    "u64": pyarrow.array([2**64 - 1, 0, 1, 2], pyarrow.uint64()),
    "half": pyarrow.array(numpy.array([0.5, -0.25, 65504, 6e-8], "f2")),
    "f32": pyarrow.array(numpy.array([0.1, -0.0, 1e-45, 3.4028235e38], "f4")),
    "f64": pyarrow.array([0.1, 1 / 3, 1e-400, -1e38]),
    "bool": pyarrow.array([True, False, True, None]),
    "gaps": pyarrow.array([None, 1.5, None, 2.5]),
    "text": pyarrow.array(["b", None, "a, \"q\"", "b"]),
    "dictionary": pyarrow.array(["x", "y", "x", "é"]).dictionary_encode(),
    "decimal": pyarrow.array([decimal.Decimal(s) for s in ("1.25", "-0.01", "0.00", "99999999.99")]),
}
table = pyarrow.table(columns)
for codec in "none", "snappy", "gzip", "lz4", "zstd", "brotli":
    pyarrow.parquet.write_table(table, f"{codec}.parquet", compression=codec, row_group_size=3, write_page_checksum=True)
pyarrow.parquet.write_table(
    table, "pages_v2.parquet", compression="snappy", data_page_version="2.0", use_dictionary=False, row_group_size=3, write_page_checksum=True
)
odd = {
    "list": pyarrow.array([[1], [2, 3]]),
    "parts": pyarrow.array([{"p": 1, "q": 2}, {"p": 3, "q": 4}]),
    "when": pyarrow.array([0, 1], pyarrow.timestamp("us")),
    "day": pyarrow.array([0, 1], pyarrow.date32()),
    "nan": pyarrow.array([0.0, float("nan")]),
    "large": pyarrow.array([0.0, 1e39]),
    "bytes": pyarrow.array([b"ab", b"\xff\xff"], pyarrow.binary(2)),
    "text": pyarrow.array(["a", "b"]),
}
for name, column in odd.items():
    pyarrow.parquet.write_table(pyarrow.table({name: column, "y": [0, 1]}), f"odd_{name}.parquet")
