"""Makes data files with the libraries that the world makes them with, and says what they hold.

data.py archives FOLDER   compressed files, whole and damaged; manifest.json: SHA-256 of the text, or null where there is none
data.py parquet FOLDER    Parquet files of every type, codec and encoding; manifest.json: rows as texts
data.py csv               texts from standard input (JSON), as Python's csv module reads them
"""
import bz2, csv, datetime, decimal, gzip, hashlib, io, json, lzma, os, random, struct, sys, uuid

RND = random.Random(datetime.date.today().toordinal())


def sample(size):
    words = [b"Ada", b"Lovelace", b"42", b"na\xc3\xafve", b"2024-05-01", b'"a ""b"""', b"\xf0\x9f\x98\x80"]
    out = io.BytesIO()
    while out.tell() < size:
        out.write(b",".join(RND.choice(words) for _ in range(5)) + b"\n")
    return out.getvalue()[:size]


def archives(folder):
    import brotli, lz4.block, lz4.frame, snappy, zstandard

    big, small, tiny = sample(400_000), sample(70_001), b"a,b\n1,2\n"
    noise = RND.randbytes(150_000)
    texts = {}

    def write(name, data, text):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
        texts[name] = None if text is None else hashlib.sha256(text).hexdigest()

    def write_flipped(name, data):  # the bit may be one that nothing looks at: then the text must be the right one
        write(name, data, big)
        texts[name] = ["any", texts[name]]

    def usual(ending, pack, concat=True):
        full = pack(big)
        write(f"whole.{ending}", full, big)
        write(f"tiny.{ending}", pack(tiny), tiny)
        write(f"noise.{ending}", pack(noise), noise)
        write(f"empty.{ending}", pack(b""), b"")
        write(f"zero_bytes.{ending}", b"", None)
        for cut in (1, 2, 5, 9, len(full) // 2, len(full) - 3):
            write(f"cut_{cut}.{ending}", full[:-cut], None)
        for i in range(12):
            flipped = bytearray(full)
            at = RND.randrange(len(full)) if i else len(full) - 3
            flipped[at] ^= 1 << RND.randrange(8)
            write_flipped(f"flip_{i}_{at}.{ending}", bytes(flipped))
        write(f"garbage_behind.{ending}", full + b"GARBAGE!!", None)
        write(f"no_such.{ending}", b"id,name\n1,x\n" * 100, None)
        if concat:
            write(f"members.{ending}", pack(big) + pack(small) + pack(tiny), big + small + tiny)
            write(f"many_members.{ending}", pack(tiny) * 300, tiny * 300)

    usual("gz", lambda data: gzip.compress(data, mtime=0))
    named = io.BytesIO()
    with gzip.GzipFile("n\u00e4me.csv", "wb", fileobj=named) as file:
        file.write(big)
    write("named.gz", named.getvalue(), big)
    write("zeros_behind.gz", gzip.compress(big) + bytes(512), big)
    write("zeros_and_more.gz", gzip.compress(big) + bytes(512) + b"x", None)

    usual("bz2", bz2.compress)
    write("level1.bz2", bz2.compress(big, 1), big)
    write("empty_between.bz2", bz2.compress(tiny) + bz2.compress(b"") + bz2.compress(small), tiny + small)
    write("runs.bz2", bz2.compress(bytes(3_000_000)), bytes(3_000_000))

    def zstd(data, **params):
        return zstandard.ZstdCompressor(level=3, write_checksum=True, **params).compress(data)

    usual("zst", zstd)
    skip = struct.pack("<II", 0x184D2A53, 5) + b"hello"
    write("no_checksum.zst", zstandard.ZstdCompressor(write_checksum=False).compress(big), big)
    write("no_size.zst", zstd(big, write_content_size=False), big)
    write("level22.zst", zstandard.ZstdCompressor(level=22).compress(big), big)
    write("skippable.zst", skip + zstd(big), big)
    write("skippable_between.zst", zstd(big) + skip + zstd(small), big + small)
    write("only_skippable.zst", skip, b"")
    window = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    write("window27.zst", zstandard.ZstdCompressor(compression_params=window).compress(big * 3), big * 3)
    window = zstandard.ZstdCompressionParameters(window_log=30)
    far = zstandard.ZstdCompressor(compression_params=window).compressobj()
    write("window30.zst", far.compress(big) + far.flush(), None)

    usual("xz", lambda data: lzma.compress(data))
    for check in ("NONE", "CRC32", "CRC64", "SHA256"):
        write(f"check_{check}.xz", lzma.compress(big, check=getattr(lzma, f"CHECK_{check}")), big)
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": 6}
    for filter in ("X86", "ARM", "ARMTHUMB", "POWERPC", "SPARC", "IA64"):
        chain = [{"id": getattr(lzma, f"FILTER_{filter}")}, lzma2]
        write(f"filter_{filter}.xz", lzma.compress(big, filters=chain), big)
    delta = [{"id": lzma.FILTER_DELTA, "dist": 4}, lzma2]
    write("delta.xz", lzma.compress(big, filters=delta), big)
    write("preset9.xz", lzma.compress(big, preset=9 | lzma.PRESET_EXTREME), big)
    write("padding_between.xz", lzma.compress(big) + bytes(8) + lzma.compress(small), big + small)
    write("odd_padding.xz", lzma.compress(big) + bytes(3) + lzma.compress(small), None)
    write("whole.lzma", lzma.compress(big, format=lzma.FORMAT_ALONE), big)

    def lz4_frame(data, **params):
        return lz4.frame.compress(data, content_checksum=True, **params)

    usual("lz4", lz4_frame)
    for size in (4, 5, 6, 7):
        for linked in (False, True):
            write(f"block{size}_{linked}.lz4", lz4_frame(big, block_size=size, block_linked=linked), big)
    write("block_checksums.lz4", lz4_frame(big, block_checksum=True), big)
    write("no_checksum.lz4", lz4.frame.compress(big), big)
    write("no_size.lz4", lz4_frame(big, store_size=False), big)
    write("level12.lz4", lz4_frame(big, compression_level=12), big)
    write("skippable.lz4", struct.pack("<II", 0x184D2A55, 4) + b"abcd" + lz4_frame(big), big)
    legacy = struct.pack("<I", 0x184C2102)
    for at in range(0, len(big), 8 << 20):
        block = lz4.block.compress(big[at:at + (8 << 20)], store_size=False)
        legacy += struct.pack("<I", len(block)) + block
    write("legacy.lz4", legacy, big)
    write("legacy_cut.lz4", legacy[:-1], None)

    def framed(data):
        return snappy.StreamCompressor().add_chunk(data) or b"\xff\x06\0\0sNaPpY"

    usual("sz", framed)
    head, rest = framed(big)[:10], framed(big)[10:]
    write("padding.sz", head + b"\xfe\x04\0\0abcd" + rest, big)
    write("skippable.sz", head + b"\x80\x03\0\0xyz" + rest, big)
    write("not_skippable.sz", head + b"\x02\x03\0\0xyz" + rest, None)
    hadoop = lambda data: snappy.HadoopStreamCompressor().add_chunk(data)
    write("hadoop.snappy", hadoop(big) + hadoop(small), big + small)
    write("hadoop_cut.snappy", hadoop(big)[:-1], None)
    write("raw.snappy", snappy.compress(big), big)
    write("raw_cut.snappy", snappy.compress(big)[:-1], None)
    write("raw_garbage.snappy", snappy.compress(big) + b"GARB", None)

    usual("br", lambda data: brotli.compress(data, quality=5), concat=False)

    with open(os.path.join(folder, "manifest.json"), "w") as file:
        json.dump(texts, file)


def parquet(folder):
    import numpy, pyarrow as pa, pyarrow.parquet as pq

    D, date, moment, clock = decimal.Decimal, datetime.date, datetime.datetime, datetime.time
    text = lambda values: [None if value is None else str(value) for value in values]
    columns = {  # name: values, type, what the program gives in canonical words
        "boolean": (pa.array([True, False, None]), [True, False, None]),
        "int8": (pa.array([1, -128, None], pa.int8()), [1, -128, None]),
        "int64": (pa.array([1, -2**63, 2**63 - 1], pa.int64()), text([1, -2**63, 2**63 - 1])),
        "uint32": (pa.array([1, 2**32 - 1, None], pa.uint32()), [1, 2**32 - 1, None]),
        "uint64": (pa.array([1, 2**64 - 1, None], pa.uint64()), text([1, 2**64 - 1, None])),
        "float16": (pa.array([numpy.float16(1.5), numpy.float16(-2), None], pa.float16()), ["1.5", "float -2", None]),
        "float64": (pa.array([1.5, 3.0, None]), ["1.5", "float 3", None]),
        "string": (pa.array(["é😀", "", None]), ["é😀", "", None]),
        "large_string": (pa.array(["x", "y", None], pa.large_string()), ["x", "y", None]),
        "bytes": (pa.array([b"\x00\xff", b"", None]), ["0x00ff", "0x", None]),
        "decimal6": (pa.array([D("1.23"), D("-99.99"), None], pa.decimal128(6, 2)), ["1.23", "-99.99", None]),
        "decimal18": (pa.array([D("12345678901.2345"), D("-0.0001")], pa.decimal128(18, 4)), ["12345678901.2345", "-0.0001"]),
        "decimal38": (pa.array([D("12345678901234567890123456.123456789012")], pa.decimal128(38, 12)), ["12345678901234567890123456.123456789012"]),
        "decimal70": (pa.array([D("1" * 60 + ".5"), D("-1")], pa.decimal256(70, 5)), ["1" * 60 + ".50000", "-1.00000"]),
        "date": (pa.array([date(2024, 2, 29), date(1600, 1, 1), date(1, 1, 1)]), ["date 2024-02-29", "date 1600-01-01", "date 0001-01-01"]),
        "time_ms": (pa.array([clock(1, 2, 3, 4000)], pa.time32("ms")), ["localTime 01:02:03.004"]),
        "time_ns": (pa.array([3723456789123], pa.time64("ns")), ["localTime 01:02:03.456789123"]),
        "timestamp_ms": (pa.array([moment(2024, 1, 2, 3, 4, 5, 678000), moment(1, 1, 1)], pa.timestamp("ms")), ["localDateTime 2024-01-02T03:04:05.678", "localDateTime 0001-01-01T00:00:00"]),
        "timestamp_us": (pa.array([moment(2024, 1, 2, 3, 4, 5, 678901), moment(1960, 1, 1)], pa.timestamp("us")), ["localDateTime 2024-01-02T03:04:05.678901", "localDateTime 1960-01-01T00:00:00"]),
        "timestamp_ns": (pa.array([1704164645678901234, -1], pa.timestamp("ns")), ["localDateTime 2024-01-02T03:04:05.678901234", "localDateTime 1969-12-31T23:59:59.999999999"]),
        "timestamp_zone": (pa.array([moment(2024, 1, 2, 3, 4, 5, 678901)], pa.timestamp("us", tz="Europe/Oslo")), ["dateTime 2024-01-02T03:04:05.678901Z"]),
        "list": (pa.array([[1, 3], [], None], pa.list_(pa.int32())), [[1, 3], [], None]),
        "fixed_list": (pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2)), [[1, 2], [3, 4]]),
        "list_of_dates": (pa.array([[date(2024, 5, 1)], None]), [["date 2024-05-01"], None]),
        "list_of_decimals": (pa.array([[D("1.50")]], pa.list_(pa.decimal128(6, 2))), [["1.50"]]),
        "struct": (pa.array([{"a": 1, "b": {"c": "x"}}]), [{"a": 1, "b": {"c": "x"}}]),
        "map": (pa.array([[("k", 1), ("l", None)], []], pa.map_(pa.string(), pa.int64())), [{"k": 1, "l": None}, {}]),
        "list_of_structs": (pa.array([[{"a": 1, "b": ["x"]}], []]), [[{"a": 1, "b": ["x"]}], []]),
        "dictionary": (pa.array(["a", "b", None]).dictionary_encode(), ["a", "b", None]),
        "nothing": (pa.array([None, None]), [None, None]),
        "uuid": (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), [str(uuid.UUID(int=1))]),
    }
    manifest = {}
    for name, (values, expected) in columns.items():
        pq.write_table(pa.table({"v": values}), os.path.join(folder, f"{name}.parquet"))
        manifest[f"{name}.parquet"] = {"v": expected}
    old = columns["timestamp_us"]
    pq.write_table(pa.table({"v": old[0]}), os.path.join(folder, "int96.parquet"), use_deprecated_int96_timestamps=True)
    manifest["int96.parquet"] = {"v": old[1]}

    n = 5000
    table = pa.table({"id": pa.array(range(n)), "s": pa.array([f"név{i % 97}" for i in range(n)]), "l": pa.array([[i, i + 1] for i in range(n)]), "m": pa.array([None if i % 3 else i for i in range(n)])})
    expected = {name: table[name].to_pylist() for name in table.column_names}

    def save(name, **params):
        pq.write_table(table, os.path.join(folder, name), **params)
        manifest[name] = expected

    for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        for version in ("1.0", "2.0"):
            save(f"codec_{codec}_{version}.parquet", compression=codec, data_page_version=version, row_group_size=2000)
    for encoding, column in (("DELTA_BINARY_PACKED", "id"), ("DELTA_BYTE_ARRAY", "s"), ("DELTA_LENGTH_BYTE_ARRAY", "s"), ("BYTE_STREAM_SPLIT", "id")):
        save(f"encoding_{encoding}.parquet", use_dictionary=False, column_encoding={column: encoding}, data_page_version="2.0")
    save("page_index.parquet", write_page_index=True, write_page_checksum=True)
    with open(os.path.join(folder, "manifest.json"), "w") as file:
        json.dump(manifest, file)


def read_csv():
    def rows(text):
        try:
            return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except csv.Error as error:
            return str(error)
    json.dump([rows(text) for text in json.load(sys.stdin)], sys.stdout)


{"archives": archives, "parquet": parquet, "csv": read_csv}[sys.argv[1]](*sys.argv[2:])
