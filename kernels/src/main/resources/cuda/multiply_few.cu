// Products with few tokens, which wait for the weights to come from memory.
//
// As many blocks of threads as the device holds share the tiles of 16 rows of all matrices; the warps
// of a block share a tile's columns. Every warp has a ring of stages in shared memory, and refills
// each as soon as it has read it, with what comes next, of this tile or of its block's next one. So
// the memory is asked for as much all the time, and whatever else a tile takes does not hold it up.

// Bytes of a warp's stage, one plane after the other, and how many stages it has: at least two where
// they fit, for one is being read. A block of threads has 48 KB without asking for more.
template <class Format>
struct Stage {
  static const int EXTRA = Format::CODES, SCALES = EXTRA + Format::EXTRA;
  static const int FACTORS = SCALES + Format::SCALES, BYTES = FACTORS + Format::FACTORS;
  static const int FITTING = (38 << 10) / (SHARES * BYTES);
  static const int DEPTH = FITTING > 4 ? 4 : FITTING;
};

// Which tile: those of all matrices are counted through, and a block of threads takes each
// gridDim.x-th. The tokens are those of so many operands.
template <int TILES>
struct Place {
  int tile, matrix;

  INLINE bool ended(const MultiplyArguments& a) const { return tile >= a.tiles; }
  INLINE Span span(const MultiplyArguments& a) const {
    return spanOf(a, matrix, blockIdx.y, tileTokens(a) * TILES);
  }
  // Finds the matrix, and goes on where it has no such tokens.
  INLINE void settle(const MultiplyArguments& a) {
    for (; tile < a.tiles; tile += gridDim.x) {
      matrix = max(matrix, a.first + tile / a.largest);
      while (tile >= a.matrices[matrix].firstTile + tilesOf(a.matrices[matrix])) matrix++;
      if (!a.experts || !span(a).empty()) return;
    }
  }
  INLINE void begin(const MultiplyArguments& a) {
    tile = blockIdx.x;
    matrix = a.first;
    settle(a);
  }
  INLINE void advance(const MultiplyArguments& a) {
    tile += gridDim.x;
    settle(a);
  }
};

// Stages of a warp's share of a tile.
template <class Format>
INLINE int stagesOf(const Matrix& m) {
  int units = ceilDiv(blocksOf(m), Format::BLOCKS), warp = threadIdx.x / WARP;
  return max(0, ceilDiv(units - warp, SHARES)) * Format::PARTS;
}

// The first column of the index-th of them.
template <class Format>
INLINE int columnOf(int index) {
  constexpr int SPLIT = Format::PARTS / Format::PLANES;
  int unit = threadIdx.x / WARP + index / Format::PARTS * SHARES;
  return unit * Format::BLOCKS * BLOCK_COLUMNS + index % SPLIT * BLOCK_COLUMNS / SPLIT;
}

// What a warp copies next.
template <class Format, int TILES>
struct Feed {
  typedef Stage<Format> Layout;
  static const int SPLIT = Format::PARTS / Format::PLANES;
  Place<TILES> place;
  const u8 *codes, *extra, *scales, *factors; // of the matrix, from this lane's bytes on
  u32 unit;
  int part, left; // parts of the unit before, and all that are left of the tile
  u64 policy;

  // Leaves nothing where all tiles have ended.
  INLINE void open(const MultiplyArguments& a) {
    left = 0;
    if (place.ended(a)) return;
    const Matrix& m = a.matrices[place.matrix];
    u32 units = ceilDiv(blocksOf(m), Format::BLOCKS);
    unit = (place.tile - m.firstTile) * units + threadIdx.x / WARP;
    part = 0;
    left = stagesOf<Format>(m);
    int lane = threadIdx.x % WARP * 16;
    codes = m.codes + lane;
    extra = m.extra ? m.extra + lane : nullptr;
    scales = m.scales + lane;
    factors = m.factors + lane;
  }
  INLINE void begin(const MultiplyArguments& a) {
    policy = readingOnce();
    place.begin(a);
    open(a);
  }
  template <int BYTES>
  INLINE void copy(u8* to, const u8* from, bool wanted) {
#pragma unroll
    for (int i = 0; i < BYTES; i += 16 * WARP) {
      bool all = BYTES - i >= 16 * WARP;
      copyOnceAsync(to + i, from + i, policy,
                    wanted && (all || (int)threadIdx.x % WARP * 16 < BYTES - i));
    }
  }
  // Asks for the next stage; where there is none there is still a group of copies, without any.
  INLINE void refill(const MultiplyArguments& a, u8* stage) {
    if (left == 0 && !place.ended(a)) {
      place.advance(a);
      open(a);
    }
    bool more = left > 0;
    stage += threadIdx.x % WARP * 16;
    const u8* plane = Format::PLANES == 2 && part >= SPLIT ? extra : codes;
    copy<Format::CODES>(stage, plane + (u64)(unit * SPLIT + part % SPLIT) * Format::CODES, more);
    copy<Format::EXTRA>(stage + Layout::EXTRA, extra + (u64)unit * Format::EXTRA,
                        more && (!Format::LAZY || extra));
    copy<Format::SCALES>(stage + Layout::SCALES, scales + (u64)unit * Format::SCALES, more);
    copy<Format::FACTORS>(stage + Layout::FACTORS, factors + (u64)(unit / 2) * Format::FACTORS,
                          more);
    left -= more;
    part = Format::PARTS == 1 || part == Format::PARTS - 1 ? 0 : part + 1;
    unit += part == 0 ? SHARES : 0;
    endCopies();
  }
};

// A stage as the only one of a matrix.
template <class Format>
INLINE Matrix staged(const u8* stage, bool extra) {
  Matrix m = {};
  m.codes = stage;
  m.extra = extra ? stage + Stage<Format>::EXTRA : nullptr;
  m.scales = stage + Stage<Format>::SCALES;
  m.factors = stage + Stage<Format>::FACTORS;
  m.columns = Format::BLOCKS * BLOCK_COLUMNS;
  return m;
}

// The tokens of TILES operands.
template <class Format, int TILES>
INLINE void multiplyFew(const MultiplyArguments& a) {
  typedef Stage<Format> Layout;
  constexpr int DEPTH = Layout::DEPTH, PART_TILES = TILES < 2 ? TILES : 2;
  constexpr int SPLIT = Format::PARTS / Format::PLANES, PAIRS = BLOCK_COLUMNS / 32 / SPLIT;
  __shared__ uint4 ring[SHARES][DEPTH][Layout::BYTES / 16];
  __shared__ float parts[SHARES][TILE_COLUMNS * PART_TILES][16];
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  u8* stages = (u8*)ring[warp];
  Feed<Format, TILES> feed;
  // What there is to multiply depends on the predecessor only with experts.
  if (a.experts) waitForPredecessor();
  feed.begin(a);
#pragma unroll
  for (int i = 0; i < DEPTH; i++) feed.refill(a, stages + i * Layout::BYTES);
  if (!a.experts) waitForPredecessor();
  int tokens = tileTokens(a), slot = 0;
  const u16* halves = (isHigh(a, g) ? a.x.high : a.x.low) + 8 * t;
  float weight = weightOfSums<Format>(a);
  // As if it were another lane's, or the compiler works it out anew at every stage.
  if (Format::CODED) weight = __shfl_sync(ALL_LANES, weight, lane);
  Place<TILES> place;
  for (place.begin(a); !place.ended(a); place.advance(a)) {
    const Matrix& m = a.matrices[place.matrix];
    Span span = place.span(a);
    int tiles = ceilDiv(span.end - span.first, tokens);
    const u16* x[TILES];
    u32 sumRows[TILES][2]; // of column g, or of both that the lane adds up
#pragma unroll
    for (int n = 0; n < TILES; n++) {
      size_t row = inputOf(a, span, span.first + tokenOf(a, TILE_COLUMNS * n + g));
      x[n] = halves + row * a.x.stride + columnOf<Format>(0);
      for (int i = 0; i < 2; i++) {
        int column = TILE_COLUMNS * n + (Format::CODED ? g : 2 * t + i);
        sumRows[n][i] = (u32)inputOf(a, span, span.first + tokenOf(a, column)) * (a.x.stride / 16)
            + columnOf<Format>(0) / 16;
      }
    }
    bool extra = m.extra;
    int count = stagesOf<Format>(m);
    float total[1][TILES][4] = {};
    for (int index = 0; index < count; index++) {
      awaitCopies<DEPTH - 1>();
      __syncwarp(); // lanes read what others have copied
      u8* stage = stages + slot;
      slot = slot == (DEPTH - 1) * Layout::BYTES ? 0 : slot + Layout::BYTES;
#pragma unroll
      for (int block = 0; block < Format::BLOCKS; block++) {
        typename Format::Lane lanes[1][2];
        Matrix only = staged<Format>(stage, extra);
        for (int i = 0; i < 2; i++) {
          Format::template load<true>(only, 0, 0, block, g + 8 * i, t, lanes[0][i]);
        }
        if (!Format::LAZY && block == Format::BLOCKS - 1) {
          __syncwarp();
          feed.refill(a, stage);
        }
        multiplyBlock<Format, 1, TILES, PAIRS>(
            lanes, tiles, weight,
            [&](int n, int pair) {
              return *(const uint4*)(x[n] + block * BLOCK_COLUMNS + 32 * pair);
            },
            [&](int n, int column, int pair) {
              u32 row = sumRows[n][Format::CODED ? 0 : column % 2];
              return *(const float2*)(a.x.sums + row + block * 8 + 2 * pair);
            },
            total);
      }
#pragma unroll
      for (int n = 0; n < TILES; n++) {
        int columns = columnOf<Format>(index + 1) - columnOf<Format>(index);
        x[n] += columns;
        for (int i = 0; i < 2; i++) sumRows[n][i] += columns / 16;
      }
      if (Format::LAZY) {
        __syncwarp();
        feed.refill(a, stage);
      }
    }
#pragma unroll
    for (int first = 0; first < TILES; first += PART_TILES) {
      if (first > 0 && first >= tiles) continue;
#pragma unroll
      for (int i = 0; i < PART_TILES * 4; i++) {
        int column = i / 4 * TILE_COLUMNS + 2 * t + i % 2;
        parts[warp][column][g + i % 4 / 2 * 8] = total[0][first + i / 4][i % 4];
      }
      __syncthreads();
      for (int i = threadIdx.x; i < 16 * tokens * PART_TILES; i += ROW_THREADS) {
        int column = i / 16 / tokens * TILE_COLUMNS + i / 16 % tokens;
        int token = span.first + first * tokens + i / 16;
        int row = (place.tile - m.firstTile) * 16 + i % 16;
        if (token < span.end && row < m.rows) {
          float sum = 0, lower = 0;
          for (int share = 0; share < SHARES; share++) sum += parts[share][column][i % 16];
          for (int share = 0; a.x.low && share < SHARES; share++) {
            lower += parts[share][column + tokens][i % 16];
          }
          writeProduct(a, m, token, row, sum + lower);
        }
      }
      __syncthreads();
    }
  }
}

// Two kernels for each format, so that none pays for another's registers: blocks of (their number,
// tokens).
#define MULTIPLY_FEW(format, Format)                                                               \
  ENTRY_OF_BLOCKS(3, multiplyFew##format, MultiplyArguments) { multiplyFew<Format, 1>(a); }        \
  ENTRY_OF_BLOCKS(2, multiplySome##format, MultiplyArguments) { multiplyFew<Format, 4>(a); }
MULTIPLY_FEW(F16, F16Format)
MULTIPLY_FEW(F16X2, F16x2Format)
MULTIPLY_FEW(I8, I8Format)
MULTIPLY_FEW(Q8, Q8Format)
MULTIPLY_FEW(Q4, Q4Format)
MULTIPLY_FEW(Q4Z, Q4ZFormat)
MULTIPLY_FEW(I4, I4Format)
MULTIPLY_FEW(I4Z, I4ZFormat)
MULTIPLY_FEW(Q4K, Q4KFormat)
MULTIPLY_FEW(Q6K, Q6KFormat)
MULTIPLY_FEW(WIDE, WideFormat)
