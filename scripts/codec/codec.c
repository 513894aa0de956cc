/*
 * One streaming interface over the reference decoders of bzip2, xz, lz4, zstd and brotli, and the two functions that framed
 * snappy needs. A decoder takes what lies in its input buffer, puts what comes of it into its output buffer, and says
 * how far it is. Built for WebAssembly by scripts/codec.ts; an instance serves one stream.
 */
#include <stdlib.h>
#include <string.h>

#include "brotli/decode.h"
#include "bzlib.h"
#include "lz4.h"
#include "lz4frame.h"
#include "lzma.h"
#include "zstd.h"
#include "zstd_errors.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum { BZIP2 = 1, XZ = 2, LZ4 = 3, ZSTD = 4, BROTLI = 5 };

/* What a step comes to; ingest_codec.ts has the same numbers. */
enum { MORE = 0, MEMBER_END = 1, DAMAGED = -1, CHECKSUM = -2, NO_SUCH_FORMAT = -3, TOO_LARGE = -4, UNSUPPORTED = -5, NO_MEMORY = -6 };

enum { BUFFER = 1 << 17, LEGACY_BLOCK = 8 << 20 };

static unsigned char input[BUFFER], output[BUFFER];
static int kind, begun;
static size_t consumed, produced;
static bz_stream bz;
static lzma_stream xz = LZMA_STREAM_INIT;
static LZ4F_dctx *lz4;
static ZSTD_DCtx *zstd;
static BrotliDecoderState *brotli;

/* lz4's older format: blocks of 8 MB behind a magic number, without any check. */
static struct {
  int on;
  unsigned char head[4], *block, *text;
  size_t have, size, made, given;
} legacy;

void bz_internal_error(int code) { __builtin_trap(); }

EXPORT(input_buffer) unsigned char *input_buffer(void) { return input; }
EXPORT(output_buffer) unsigned char *output_buffer(void) { return output; }
EXPORT(buffer_size) size_t buffer_size(void) { return BUFFER; }
EXPORT(consumed_bytes) size_t consumed_bytes(void) { return consumed; }
EXPORT(produced_bytes) size_t produced_bytes(void) { return produced; }

/* Begins a stream. `window_log` bounds the memory that a stream may ask for: 2^window_log bytes. */
EXPORT(begin) int begin(int wanted, int window_log) {
  kind = wanted;
  begun = 0;
  switch (kind) {
    case BZIP2:
      return BZ2_bzDecompressInit(&bz, 0, 0) == BZ_OK ? MORE : NO_MEMORY;
    case XZ:
      /* What is not the window itself: probability tables and the like. */
      return lzma_auto_decoder(&xz, ((uint64_t)1 << window_log) + (4 << 20), LZMA_CONCATENATED) == LZMA_OK ? MORE : NO_MEMORY;
    case LZ4:
      return LZ4F_isError(LZ4F_createDecompressionContext(&lz4, LZ4F_VERSION)) ? NO_MEMORY : MORE;
    case ZSTD:
      zstd = ZSTD_createDCtx();
      if (!zstd) return NO_MEMORY;
      return ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, window_log)) ? UNSUPPORTED : MORE;
    case BROTLI:
      brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
      return brotli ? MORE : NO_MEMORY;
  }
  return UNSUPPORTED;
}

static int step_bzip2(size_t from, size_t size) {
  if (!begun && size == 0) return MEMBER_END;
  begun = 1;
  bz.next_in = (char *)input + from;
  bz.avail_in = size;
  bz.next_out = (char *)output;
  bz.avail_out = BUFFER;
  int result = BZ2_bzDecompress(&bz);
  consumed = size - bz.avail_in;
  produced = BUFFER - bz.avail_out;
  switch (result) {
    case BZ_OK: return MORE;
    case BZ_STREAM_END:
      BZ2_bzDecompressEnd(&bz);
      memset(&bz, 0, sizeof bz);
      begun = 0;
      return BZ2_bzDecompressInit(&bz, 0, 0) == BZ_OK ? MEMBER_END : NO_MEMORY;
    case BZ_DATA_ERROR_MAGIC: return NO_SUCH_FORMAT;
    case BZ_MEM_ERROR: return NO_MEMORY;
    default: return DAMAGED;
  }
}

static int step_xz(size_t from, size_t size, int last) {
  xz.next_in = input + from;
  xz.avail_in = size;
  xz.next_out = output;
  xz.avail_out = BUFFER;
  lzma_ret result = lzma_code(&xz, last ? LZMA_FINISH : LZMA_RUN);
  consumed = size - xz.avail_in;
  produced = BUFFER - xz.avail_out;
  switch (result) {
    case LZMA_OK: return MORE;
    case LZMA_STREAM_END: return MEMBER_END;
    /* Nothing to do without more input; at the end the caller sees that nothing moves any more. */
    case LZMA_BUF_ERROR: return MORE;
    case LZMA_FORMAT_ERROR: return NO_SUCH_FORMAT;
    case LZMA_OPTIONS_ERROR: return UNSUPPORTED;
    case LZMA_MEMLIMIT_ERROR: return TOO_LARGE;
    case LZMA_MEM_ERROR: return NO_MEMORY;
    default: return DAMAGED;
  }
}

static unsigned little(const unsigned char *p) { return p[0] | p[1] << 8 | p[2] << 16 | (unsigned)p[3] << 24; }

static int step_legacy(const unsigned char *in, size_t size) {
  while (consumed < size || legacy.given < legacy.made) {
    if (legacy.given < legacy.made) {
      size_t part = legacy.made - legacy.given, room = BUFFER - produced;
      if (part > room) part = room;
      memcpy(output + produced, legacy.text + legacy.given, part);
      legacy.given += part;
      produced += part;
      if (produced == BUFFER) return MORE;
      continue;
    }
    if (legacy.size == 0) {
      legacy.head[legacy.have++] = in[consumed++];
      if (legacy.have < 4) continue;
      legacy.have = 0;
      size_t next = little(legacy.head);
      if (next == 0x184C2102) continue;
      if (next == 0 || next > (size_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK)) return DAMAGED;
      legacy.size = next;
      continue;
    }
    size_t part = legacy.size - legacy.have;
    if (part > size - consumed) part = size - consumed;
    memcpy(legacy.block + legacy.have, in + consumed, part);
    legacy.have += part;
    consumed += part;
    if (legacy.have < legacy.size) continue;
    int made = LZ4_decompress_safe((char *)legacy.block, (char *)legacy.text, legacy.size, LEGACY_BLOCK);
    if (made < 0) return DAMAGED;
    legacy.made = made;
    legacy.given = legacy.have = legacy.size = 0;
  }
  return legacy.have == 0 && legacy.size == 0 ? MEMBER_END : MORE;
}

static int step_lz4(size_t from, size_t size) {
  if (legacy.on) return step_legacy(input + from, size);
  if (!begun && size == 0) return MEMBER_END;
  /* The caller hands the first four bytes of a stream over together. */
  if (!begun && size >= 4 && little(input + from) == 0x184C2102) {
    legacy.on = 1;
    legacy.block = malloc(LZ4_COMPRESSBOUND(LEGACY_BLOCK));
    legacy.text = malloc(LEGACY_BLOCK);
    return legacy.block && legacy.text ? step_legacy(input + from, size) : NO_MEMORY;
  }
  size_t in = size, out = BUFFER;
  size_t result = LZ4F_decompress(lz4, output, &out, input + from, &in, NULL);
  consumed = in;
  produced = out;
  if (LZ4F_isError(result)) {
    const char *name = LZ4F_getErrorName(result);
    if (strstr(name, "hecksum")) return CHECKSUM;
    if (strstr(name, "frameType")) return NO_SUCH_FORMAT;
    if (strstr(name, "maxBlockSize") || strstr(name, "Version")) return UNSUPPORTED;
    return strstr(name, "allocation") ? NO_MEMORY : DAMAGED;
  }
  begun = result != 0;
  return begun ? MORE : MEMBER_END;
}

static int step_zstd(size_t from, size_t size) {
  if (!begun && size == 0) return MEMBER_END;
  ZSTD_inBuffer in = { input + from, size, 0 };
  ZSTD_outBuffer out = { output, BUFFER, 0 };
  size_t result = ZSTD_decompressStream(zstd, &out, &in);
  consumed = in.pos;
  produced = out.pos;
  if (ZSTD_isError(result)) {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_prefix_unknown: return NO_SUCH_FORMAT;
      case ZSTD_error_checksum_wrong: return CHECKSUM;
      case ZSTD_error_frameParameter_windowTooLarge: return TOO_LARGE;
      case ZSTD_error_frameParameter_unsupported:
      case ZSTD_error_version_unsupported:
      case ZSTD_error_dictionary_wrong: return UNSUPPORTED;
      case ZSTD_error_memory_allocation: return NO_MEMORY;
      default: return DAMAGED;
    }
  }
  begun = result != 0;
  return begun ? MORE : MEMBER_END;
}

/* A stream of brotli is one member, and says nothing of itself. */
static int step_brotli(size_t from, size_t size) {
  if (BrotliDecoderIsFinished(brotli)) return size == 0 ? MEMBER_END : NO_SUCH_FORMAT;
  const uint8_t *in = input + from;
  uint8_t *out = output;
  size_t left = size, room = BUFFER;
  BrotliDecoderResult result = BrotliDecoderDecompressStream(brotli, &left, &in, &room, &out, NULL);
  consumed = size - left;
  produced = BUFFER - room;
  if (result != BROTLI_DECODER_RESULT_ERROR) return result == BROTLI_DECODER_RESULT_SUCCESS ? MEMBER_END : MORE;
  BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(brotli);
  return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code > BROTLI_DECODER_ERROR_UNREACHABLE ? NO_MEMORY : DAMAGED;
}

/* Works on `size` bytes from `from` of the input buffer; `last` says that none come after them. */
EXPORT(step) int step(size_t from, size_t size, int last) {
  consumed = produced = 0;
  switch (kind) {
    case BZIP2: return step_bzip2(from, size);
    case XZ: return step_xz(from, size, last);
    case LZ4: return step_lz4(from, size);
    case ZSTD: return step_zstd(from, size);
    case BROTLI: return step_brotli(from, size);
  }
  return UNSUPPORTED;
}

/* Memory for blocks of snappy, which have no upper size. */
EXPORT(reserve) void *reserve(size_t size) { return malloc(size); }
EXPORT(release) void release(void *block) { free(block); }

/*
 * Decompresses a raw block of snappy; gives the length of the text, or a negative number where the block is damaged or
 * `room` is too small. After google/snappy's format_description.txt.
 */
EXPORT(snappy_block) int snappy_block(const unsigned char *in, size_t size, unsigned char *out, size_t room) {
  const unsigned char *end = in + size;
  size_t length = 0, made = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (in == end || shift > 28) return DAMAGED;
    unsigned byte = *in++;
    length |= (size_t)(byte & 127) << shift;
    if (byte < 128) break;
  }
  if (length > room) return TOO_LARGE;
  while (in < end) {
    unsigned tag = *in++, bytes = tag & 3;
    size_t part, offset;
    if (bytes == 0) {
      part = tag >> 2;
      if (part >= 60) {
        unsigned more = part - 59;
        if ((size_t)(end - in) < more) return DAMAGED;
        part = 0;
        for (unsigned i = 0; i < more; i++) part |= (size_t)in[i] << 8 * i;
        in += more;
      }
      part++;
      if ((size_t)(end - in) < part || length - made < part) return DAMAGED;
      memcpy(out + made, in, part);
      in += part;
      made += part;
      continue;
    }
    if ((size_t)(end - in) < (bytes == 3 ? 4 : bytes)) return DAMAGED;
    if (bytes == 1) {
      part = 4 + (tag >> 2 & 7);
      offset = (size_t)(tag & 0xe0) << 3 | in[0];
    } else {
      part = 1 + (tag >> 2);
      offset = bytes == 2 ? (size_t)(in[0] | in[1] << 8) : little(in);
    }
    in += bytes == 3 ? 4 : bytes;
    if (offset == 0 || offset > made || length - made < part) return DAMAGED;
    /* Byte by byte: a copy may reach into itself. */
    for (unsigned char *to = out + made, *of = to - offset, *stop = to + part; to < stop;) *to++ = *of++;
    made += part;
  }
  return made == length ? (int)length : DAMAGED;
}

/* CRC-32C as framed snappy has it, masked. */
EXPORT(snappy_checksum) unsigned snappy_checksum(const unsigned char *text, size_t size) {
  static unsigned table[8][256];
  if (!table[0][1]) {
    for (unsigned i = 0; i < 256; i++) {
      unsigned value = i;
      for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0x82f63b78u ^ value >> 1 : value >> 1;
      table[0][i] = value;
    }
    for (unsigned i = 0; i < 256; i++) {
      for (int k = 1; k < 8; k++) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    }
  }
  unsigned crc = ~0u;
  for (; size >= 8; text += 8, size -= 8) {
    unsigned a = crc ^ little(text), b = little(text + 4);
    crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^ table[4][a >> 24] ^
      table[3][b & 255] ^ table[2][b >> 8 & 255] ^ table[1][b >> 16 & 255] ^ table[0][b >> 24];
  }
  while (size--) crc = table[0][(crc ^ *text++) & 255] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
