// How weights lie on the device. A matrix is cut into tiles of 16 rows and blocks of 128 columns;
// within a tile everything is in the order in which the lanes of a warp load it, 16 bytes at a time.
// Lane (g, t) = (lane / 4, lane % 4) holds rows g and g + 8, and of every 16 columns the four from
// 4 t on: both operands of a product may permute columns alike, and so neither needs a shuffle.
//
// Codes become halves by or-ing them into 1024 = 0x6400, whose last bit is worth 1, and subtracting.

enum Format { F16, F16X2, I8, Q8, Q4, Q4Z, I4, I4Z, Q4K, Q6K, WIDE };

struct Matrix {
  const u8* codes;    // (tiles, blocks, ...)
  const u8* extra;    // F16X2: lower halves, as codes; Q6K: two upper bits; WIDE: minimums; zeros
  const u8* scales;   // of groups of columns
  const u8* factors;  // F16, F16X2, I8: a float per row; Q6K: a half per 256 columns of a row
  const float* bias;  // (rows) or null
  float* out;         // (tokens, rows)
  int rows;
  int columns;
  int format;
  int firstTile;      // tiles of 16 rows of the matrices before it that a kernel multiplies with it
};

INLINE int tilesOf(const Matrix& m) { return ceilDiv(m.rows, 16); }
INLINE int blocksOf(const Matrix& m) { return ceilDiv(m.columns, BLOCK_COLUMNS); }

// Which 16 rows of a block, and which of those: (tile, block, row).
INLINE u32 place(const Matrix& m, int tile, int block, int row) {
  return (u32)(tile * blocksOf(m) + block) * 16 + row;
}

// As place, of what there is once for 256 columns.
INLINE u32 widePlace(const Matrix& m, int tile, int block, int row) {
  return (u32)(tile * ceilDiv(m.columns, 256) + (block >> 1)) * 16 + row;
}

// Weights in device memory, which are read once, or STAGED in shared memory.
template <bool STAGED, class T>
INLINE T weightsAt(const T* from) {
  if (STAGED) return *from;
  return loadOnce(from);
}

// 16 bytes of one lane in a plane of 16 rows by 64 bytes.
template <bool STAGED>
INLINE uint4 lanePart(const u8* plane, u32 index, int row, int t) {
  return weightsAt<STAGED>((const uint4*)(plane + (row * 64 + t * 16) + (size_t)index * 1024));
}

INLINE u32 word(const uint4& words, int index) {
  return index == 0 ? words.x : index == 1 ? words.y : index == 2 ? words.z : words.w;
}

// What nibbles are less of, as pairs of halves: 1024 + zero, and -(64 + zero).
struct Zero { u32 even, odd; };

INLINE Zero zeroOf(u32 code) {
  return {code * 0x00010001u | 0x64006400u, code * 0x00100010u | 0xd400d400u};
}

// The nibbles of a pair of columns as whole halves, less their zero; a word holds 8 columns of a
// lane, pair p in its p-th nibble of each half. Those of the second nibble are worth 16 where they
// lie.
INLINE u32 centredPair(u32 codes, int pair, Zero zero) {
  if (pair >= 2) codes >>= 8;
  return pair % 2 == 0
      ? subtractHalves(maskAndSet(codes, 0x000f000fu, 0x64006400u), zero.even)
      : multiplyAddHalves(maskAndSet(codes, 0x00f000f0u, 0x64006400u), 0x2c002c00u, zero.odd);
}

// The same as they are, times 2^-24: by themselves nibbles are small halves, which tensor cores take
// as exactly as any. The scale makes up for it.
INLINE u32 smallPair(u32 codes, int pair) { return codes >> (4 * pair) & 0x000f000fu; }

// One of four bytes, times 2^-24: as a small half.
INLINE float smallByte(u32 bytes, int index) {
  u32 halves = __byte_perm(bytes, 0, index < 2 ? 0x4140 : 0x4342);
  return halfToFloat((u16)(halves >> (index % 2 * 16)));
}

// Each format below says: GROUP, the columns that share a scale, 0 for whole rows; MINIMUM, whether a
// group has an offset, and CODED, whether that is a code times what a block has once; AS_LOADED,
// whether a pair is a word of what was loaded; load, what a lane holds of a block of one row; pair,
// two columns of step s (of 16 columns) as halves, the first or second pair of the lane; scale and
// minimum of a group.
//
// Of a stage, what a warp has copied to shared memory at once: BLOCKS of columns, or one of the
// PARTS of a block; bytes of each plane, in the matrix's order; LAZY, whether lanes come back to it
// while they multiply. To load a stage is to load of tile 0, from planes that are that stage.

// All that there is of some formats only.
struct BasicFormat {
  static const bool MINIMUM = false, CODED = false, LAZY = false, AS_LOADED = false;
  static const int PLANES = 1, BLOCKS = 1, PARTS = 1;
  static const int EXTRA = 0, SCALES = 0, FACTORS = 0;
};

struct HalvesFormat : BasicFormat {
  static const bool AS_LOADED = true;
  static const int GROUP = 0;
  static const int CODES = 2048;
  struct Lane { uint4 part[4]; };

  template <bool STAGED>
  INLINE static void load(const Matrix& m, const u8* plane, int tile, int block, int row, int t,
                          Lane& lane) {
    for (int quarter = 0; quarter < (STAGED ? 2 : 4); quarter++) {
      lane.part[quarter] =
          lanePart<STAGED>(plane, (u32)(tile * blocksOf(m) + block) * 4 + quarter, row, t);
    }
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return word(lane.part[step / 2], step % 2 * 2 + second);
  }
  INLINE static float scale(const Lane&, int) { return 1; }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

struct F16Format : HalvesFormat {
  static const int PARTS = 2;
  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    HalvesFormat::load<STAGED>(m, m.codes, tile, block, row, t, lane);
  }
};

// A float as the sum of two halves.
struct F16x2Format : HalvesFormat {
  static const int PLANES = 2, PARTS = 4;
  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int plane, int tile, int block, int row, int t,
                          Lane& lane) {
    HalvesFormat::load<STAGED>(m, plane == 0 ? m.codes : m.extra, tile, block, row, t, lane);
  }
};

// Bytes, biased by 128: a lane's of a block of one row.
template <bool STAGED>
INLINE void loadBytes(const Matrix& m, int tile, int block, int row, int t, uint4 (&part)[2]) {
  for (int half = 0; half < 2; half++) {
    part[half] = lanePart<STAGED>(m.codes, (u32)(tile * blocksOf(m) + block) * 2 + half, row, t);
  }
}

INLINE u32 bytePair(const uint4 (&part)[2], int step, int second) {
  u32 halves = __byte_perm(word(part[step / 4], step % 4), 0x64646464u, second ? 0x4342 : 0x4140);
  return subtractHalves(halves, 0x64806480u);
}

struct I8Format : BasicFormat {
  static const int GROUP = 0;
  static const int CODES = 2048;
  struct Lane { uint4 part[2]; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    loadBytes<STAGED>(m, tile, block, row, t, lane.part);
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return bytePair(lane.part, step, second);
  }
  INLINE static float scale(const Lane&, int) { return 1; }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

// One of four scales, of 32 columns each.
INLINE float scaleOf(const uint2& scales, int group) {
  u32 pair = group < 2 ? scales.x : scales.y;
  return halfToFloat((u16)(pair >> (group % 2 * 16)));
}

struct Q8Format : BasicFormat {
  static const int GROUP = 32;
  static const int CODES = 2048, SCALES = 128;
  struct Lane { uint4 part[2]; uint2 scales; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    loadBytes<STAGED>(m, tile, block, row, t, lane.part);
    lane.scales = weightsAt<STAGED>((const uint2*)m.scales + place(m, tile, block, row));
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return bytePair(lane.part, step, second);
  }
  INLINE static float scale(const Lane& lane, int group) {
    return scaleOf(lane.scales, group);
  }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

// Nibbles in groups of 32 columns, around 8 or around zeros of four bits.
template <bool ZEROS>
struct NibblesOf32 : BasicFormat {
  static const int GROUP = 32;
  static const int CODES = 1024, EXTRA = ZEROS ? 32 : 0, SCALES = 128;
  struct Lane { uint4 part; uint2 scales; u32 zeros; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    u32 at = place(m, tile, block, row);
    lane.part = lanePart<STAGED>(m.codes, (u32)(tile * blocksOf(m) + block), row, t);
    lane.scales = weightsAt<STAGED>((const uint2*)m.scales + at);
    lane.zeros = ZEROS ? weightsAt<STAGED>((const u16*)m.extra + at) : 0x8888;
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return centredPair(word(lane.part, step / 2), step % 2 * 2 + second,
                       zeroOf(ZEROS ? lane.zeros >> (step / 2 * 4) & 15 : 8));
  }
  INLINE static float scale(const Lane& lane, int group) {
    return scaleOf(lane.scales, group);
  }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

typedef NibblesOf32<false> Q4Format;
typedef NibblesOf32<true> Q4ZFormat;

// Nibbles in groups of 128 columns, around 8 or around a zero that is a byte.
template <bool ZEROS>
struct NibblesOf128 : BasicFormat {
  static const int GROUP = 128;
  static const int CODES = 1024, EXTRA = ZEROS ? 16 : 0, SCALES = 32;
  struct Lane { uint4 part; u16 scale; u16 zero; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    u32 at = place(m, tile, block, row);
    lane.part = lanePart<STAGED>(m.codes, (u32)(tile * blocksOf(m) + block), row, t);
    lane.scale = weightsAt<STAGED>((const u16*)m.scales + at);
    lane.zero = ZEROS ? weightsAt<STAGED>(m.extra + at) : 8;
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return centredPair(word(lane.part, step / 2), step % 2 * 2 + second,
                       zeroOf(ZEROS ? lane.zero : 8));
  }
  INLINE static float scale(const Lane& lane, int) { return halfToFloat(lane.scale); }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

typedef NibblesOf128<false> I4Format;
typedef NibblesOf128<true> I4ZFormat;

// Scales as ggml packs them for 256 columns: two halves and 8 + 8 numbers of six bits, here 8 + 8 that
// begin a byte each, and what is left of the second four of either. Two groups share the words of
// their codes: the even one has the first and third nibble of each half, the odd one the others, so
// that its codes are worth 16 where they lie, and its scale a sixteenth.
struct Q4KFormat : BasicFormat {
  static const int GROUP = 32;
  static const bool MINIMUM = true, CODED = true;
  static const int BLOCKS = 2;
  static const int CODES = 2048, SCALES = 256;
  // Four bytes each. Small codes and small bytes have their powers of two in the scale, of even groups
  // and odd ones, and in the minimum.
  struct Lane {
    uint4 part;
    u32 scales, minimums;
    float scale[2], minimum;
  };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    lane.part = lanePart<STAGED>(m.codes, (u32)(tile * blocksOf(m) + block), row, t);
    uint4 packed = weightsAt<STAGED>((const uint4*)m.scales + widePlace(m, tile, block, row));
    float scale = halfToFloat((u16)packed.x);
    lane.scale[0] = scale * 0x1p48f;
    lane.scale[1] = scale * 0x1p44f;
    lane.minimum = halfToFloat((u16)(packed.x >> 16)) * 0x1p28f;
    if (block % 2 == 0) {
      lane.scales = packed.y & 0x3f3f3f3fu;
      lane.minimums = packed.z & 0x3f3f3f3fu;
    } else {
      lane.scales = (packed.w & 0x0f0f0f0fu) | (packed.y >> 2 & 0x30303030u);
      lane.minimums = (packed.w >> 4 & 0x0f0f0f0fu) | (packed.z >> 2 & 0x30303030u);
    }
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    u32 codes = word(lane.part, step / 4 * 2 + step % 2) >> (8 * second);
    return codes & (step / 2 % 2 == 0 ? 0x000f000fu : 0x00f000f0u);
  }
  INLINE static float scale(const Lane& lane, int group) {
    return smallByte(lane.scales, group) * lane.scale[group % 2];
  }
  INLINE static float minimum(const Lane& lane, int group) {
    return smallByte(lane.minimums, group) * (lane.minimum * 0x1p-4f);
  }
  // The code of a group's minimum, for each of its two steps, as small halves; what it is times, for
  // sums that are a sixteenth.
  INLINE static u32 minimumPair(const Lane& lane, int group) {
    return __byte_perm(lane.minimums, 0, 0x4040 + group * 0x0101);
  }
  INLINE static float minimumFactor(const Lane& lane) { return lane.minimum; }
};

// Six bits, around 32: of 64 columns a lane has eight pairs in three words, the third of the extra
// plane. Each half of a word has two whole codes and four bits of a third, or of the third word two
// bits each of the first one's and the second one's.
struct Q6KFormat : BasicFormat {
  static const int GROUP = 16;
  static const int CODES = 1024, EXTRA = 512, SCALES = 128, FACTORS = 32;
  struct Lane { uint4 part; uint2 upper; uint2 scales; float factor, offset; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    u32 at = place(m, tile, block, row);
    lane.part = lanePart<STAGED>(m.codes, (u32)(tile * blocksOf(m) + block), row, t);
    lane.upper = weightsAt<STAGED>((const uint2*)m.extra + t + (size_t)at * 4);
    lane.scales = weightsAt<STAGED>((const uint2*)m.scales + at);
    float factor = halfToFloat(((const u16*)m.factors)[widePlace(m, tile, block, row)]);
    lane.factor = factor * 0x1p24f;
    lane.offset = factor * -128.0f;
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    int pair = step % 4 * 2 + second;
    u32 third = step < 4 ? lane.upper.x : lane.upper.y;
    u32 codes = pair < 6 ? word(lane.part, step / 4 * 2 + pair / 3) : third;
    u32 bits = 0x64006400u;
    if (pair == 2 || pair == 5) {
      bits = maskAndSet(third >> (pair == 2 ? 8 : 10), 0x00300030u, bits);
      bits = maskAndSet(codes >> 12, 0x000f000fu, bits);
    } else {
      bits = maskAndSet(codes >> (pair % 3 * 6), 0x003f003fu, bits);
    }
    return subtractHalves(bits, 0x64206420u);
  }
  INLINE static float scale(const Lane& lane, int group) {
    u32 bytes = group < 4 ? lane.scales.x : lane.scales.y; // biased by 128
    return fmaf(smallByte(bytes, group % 4), lane.factor, lane.offset);
  }
  INLINE static float minimum(const Lane&, int) { return 0; }
};

// Any other format of blocks, without loss: bytes, and a float (or two) for 16 of them.
struct WideFormat : BasicFormat {
  static const int GROUP = 16;
  static const bool MINIMUM = true, LAZY = true;
  static const int CODES = 2048, EXTRA = 512, SCALES = 512;
  struct Lane { uint4 part[2]; const float* scales; const float* minimums; };

  template <bool STAGED = false>
  INLINE static void load(const Matrix& m, int, int tile, int block, int row, int t, Lane& lane) {
    u32 at = place(m, tile, block, row);
    loadBytes<STAGED>(m, tile, block, row, t, lane.part);
    lane.scales = (const float*)m.scales + (size_t)at * 8;
    lane.minimums = m.extra ? (const float*)m.extra + (size_t)at * 8 : nullptr;
  }
  INLINE static u32 pair(const Lane& lane, int step, int second) {
    return bytePair(lane.part, step, second);
  }
  INLINE static float scale(const Lane& lane, int group) { return lane.scales[group]; }
  INLINE static float minimum(const Lane& lane, int group) {
    return lane.minimums ? lane.minimums[group] : 0;
  }
};

// What a row's products are multiplied by in the end.
INLINE float rowFactor(const Matrix& m, int row) {
  return m.format <= I8 ? ((const float*)m.factors)[row] : 1.0f;
}

// One weight as a float.
template <class Format>
INLINE float elementOf(const Matrix& m, int row, int column) {
  int step = column % BLOCK_COLUMNS / 16;
  float sum = 0;
  for (int plane = 0; plane < Format::PLANES; plane++) {
    typename Format::Lane lane;
    Format::load(m, plane, row / 16, column / BLOCK_COLUMNS, row % 16, column % 16 / 4, lane);
    u32 halves = Format::pair(lane, step, column % 4 / 2);
    float code = halfToFloat((u16)(halves >> (column % 2 * 16)));
    if (Format::GROUP == 0) {
      sum += code;
    } else {
      int group = step * 16 / (Format::GROUP ? Format::GROUP : 1);
      sum += Format::scale(lane, group) * code - Format::minimum(lane, group);
    }
  }
  return sum * rowFactor(m, row);
}

INLINE float element(const Matrix& m, int row, int column) {
  switch (m.format) {
    case F16: return elementOf<F16Format>(m, row, column);
    case F16X2: return elementOf<F16x2Format>(m, row, column);
    case I8: return elementOf<I8Format>(m, row, column);
    case Q8: return elementOf<Q8Format>(m, row, column);
    case Q4: return elementOf<Q4Format>(m, row, column);
    case Q4Z: return elementOf<Q4ZFormat>(m, row, column);
    case I4: return elementOf<I4Format>(m, row, column);
    case I4Z: return elementOf<I4ZFormat>(m, row, column);
    case Q4K: return elementOf<Q4KFormat>(m, row, column);
    case Q6K: return elementOf<Q6KFormat>(m, row, column);
    default: return elementOf<WideFormat>(m, row, column);
  }
}
