"""Makes the files of this folder: one market hour as pandas, pyarrow and polars write it, in the forms people have.

Run with pyarrow 25, pandas 3, polars 1: python make.py. The test imports each file and expects the dataset of bars.csv.
"""
import random
import datetime as dt
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

random.seed(20240701)
open_utc = dt.datetime(2024, 7, 1, 13, 30, tzinfo=dt.timezone.utc)
rows = []
for symbol, price in (("ACME", 1473200), ("BOLT", 612345)):
    for minute in range(1, 151):
        path = [price + random.randint(-900, 900) for _ in range(4)]
        price = path[-1]
        bid = [p - random.randint(50, 99) for p in path]
        ask = [p + random.randint(50, 99) for p in path]
        has_bid = random.random() > 0.05
        row = {
            "end": open_utc + dt.timedelta(minutes=minute),
            "symbol": symbol,
            "bid_open": bid[0], "bid_high": max(bid), "bid_low": min(bid), "bid_close": bid[-1],
            "bid_size": random.randint(1, 40) * 100,
            "ask_open": ask[0], "ask_high": max(ask), "ask_low": min(ask), "ask_close": ask[-1],
            "ask_size": random.randint(1, 40) * 100,
            "open": path[0], "high": max(path), "low": min(path), "close": path[-1],
            "volume": random.randint(1, 90_000),
        }
        if not has_bid:
            for name in ("bid_open", "bid_high", "bid_low", "bid_close", "bid_size"):
                row[name] = None
        rows.append(row)

prices = [name for name in rows[0] if name not in ("end", "symbol", "bid_size", "ask_size", "volume")]
dollars = [{k: (v / 1e4 if k in prices and v is not None else v) for k, v in r.items()} for r in rows]

with open("bars.csv", "w") as out:
    out.write(",".join(rows[0]) + "\n")
    for r in dollars:
        cells = [r["end"].strftime("%Y-%m-%dT%H:%M:%SZ"), r["symbol"]]
        cells += ["" if r[k] is None else (f"{r[k]:.4f}" if k in prices else str(r[k])) for k in list(r)[2:]]
        out.write(",".join(cells) + "\n")

frame = pd.DataFrame(dollars)
frame["end"] = pd.to_datetime(frame["end"], utc=True).astype("datetime64[ns, UTC]")
frame.to_parquet("pandas-default.parquet")
table = pa.Table.from_pandas(frame, preserve_index=False)


def with_time(unit, tz="UTC"):
    i = table.schema.get_field_index("end")
    return table.set_column(i, "end", table["end"].cast(pa.timestamp(unit, tz)))


pq.write_table(with_time("us"), "pyarrow-zstd-v2.parquet", compression="zstd", data_page_version="2.0")
pq.write_table(with_time("ns"), "pyarrow-gzip-plain.parquet", compression="gzip", use_dictionary=False)
pq.write_table(with_time("ms"), "pyarrow-none-groups.parquet", compression="none", row_group_size=64)
pq.write_table(table, "pyarrow-brotli-int96.parquet", compression="brotli", use_deprecated_int96_timestamps=True)
pq.write_table(with_time("us"), "pyarrow-lz4-small-pages.parquet", compression="lz4", data_page_size=512)
pq.write_table(
    with_time("us"), "pyarrow-byte-stream-split.parquet", use_dictionary=["symbol"], compression="snappy",
    column_encoding={name: "BYTE_STREAM_SPLIT" for name in prices},
)
i = table.schema.get_field_index("symbol")
pq.write_table(table.set_column(i, "symbol", table["symbol"].dictionary_encode()), "pyarrow-category.parquet")
decimal = pa.Table.from_pylist(
    [{k: (Decimal(v).scaleb(-4) if k in prices and v is not None else v) for k, v in r.items()} for r in rows],
    schema=pa.schema([(k, pa.timestamp("us", "UTC") if k == "end" else pa.string() if k == "symbol"
                       else pa.decimal128(12, 4) if k in prices else pa.int32()) for k in rows[0]]),
)
pq.write_table(decimal, "pyarrow-decimal.parquet")
e4 = pl.DataFrame(rows).rename({name: name + "_e4" for name in prices})
e4.write_parquet("polars-zstd-e4.parquet")
polars = pl.DataFrame(dollars)
polars.with_columns(pl.col("end").dt.cast_time_unit("ns"), pl.col("volume").cast(pl.UInt64)).write_parquet(
    "polars-snappy-ns.parquet", compression="snappy")
polars.with_columns(pl.col("end").dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)).write_parquet(
    "polars-gzip-new-york.parquet", compression="gzip")
polars.with_columns(*[pl.col(p).cast(pl.Float32) for p in prices], pl.col("end").dt.epoch("ms")).write_parquet(
    "polars-lz4-float32-epoch.parquet", compression="lz4")
