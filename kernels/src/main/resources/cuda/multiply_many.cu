// Products with many tokens, which keep the tensor cores busy.
//
// A block of threads makes a tile of outputs, and each of its warps a part of that. Weights and
// activations of a stage, a block of columns or one of its parts, are copied to shared memory while
// the stages before are multiplied, so that both are read once per tile and no register waits for
// them. Of the sums of shares only one is in registers: where one ends, it is added to those before,
// which every lane keeps in shared memory for itself.

// Warps lie DOWN x ACROSS in the tile; each has ROWS x 16 rows and COLUMNS operands of activations.
template <class Of, int ROWS, int COLUMNS, int DOWN, int ACROSS, int SHARED>
struct ManyShape {
  typedef Of Format;
  static const int ROW_TILES = ROWS, OPERANDS = COLUMNS;
  static const int THREADS = WARP * DOWN * ACROSS, TILES = ROWS * DOWN;
  static const int WIDTH = COLUMNS * ACROSS * TILE_COLUMNS, WARPS_ACROSS = ACROSS;
  static const int PAIRS = BLOCK_COLUMNS / 32 / Format::PARTS;
  // Of a stage: 16 bytes of a column's activations, and bytes of a tile of 16 rows, by plane.
  static const int LINE = 4 * PAIRS;
  static const int EXTRA = Format::CODES / Format::BLOCKS;
  static const int SCALES = EXTRA + Format::EXTRA / Format::BLOCKS;
  static const int FACTORS = SCALES + Format::SCALES, TILE = FACTORS + Format::FACTORS;
  // Where what is in a stage, and how many there are beside the sums that are kept.
  static const int SUMS = WIDTH * LINE * 16;
  static const int WEIGHTS = SUMS + (Format::MINIMUM ? WIDTH * 32 : 0);
  static const int STAGE = WEIGHTS + TILES * TILE;
  static const int OWN = TILES * 16 * WIDTH * 4;
  static const int FITTING = (SHARED - OWN) / STAGE, DEPTH = FITTING > 4 ? 4 : FITTING;
  static_assert(DEPTH >= 2, "one stage is read while another is copied");
};

// Stages in the order of the sums.
template <class Format>
struct Walk {
  int blocks, share, block, part;

  INLINE bool ended() const { return block >= blocks; }

  // Returns whether a share is complete.
  INLINE bool advance() {
    if (++part < Format::PARTS) return false;
    part = 0;
    if (++block % Format::BLOCKS == 0) block += (SHARES - 1) * Format::BLOCKS;
    if (block < blocks) return false;
    share++;
    block = share < SHARES ? share * Format::BLOCKS : blocks;
    return true;
  }
};

// Which matrix, and which tokens: the x-th so many of those of a matrix, or of all experts' counted
// through, each of which begins with tokens of its own. None where there are no more.
template <class Shape>
INLINE Span manySpan(const MultiplyArguments& a, int& matrix) {
  int most = Shape::WIDTH / TILE_COLUMNS * tileTokens(a);
  matrix = a.first + blockIdx.z;
  if (!a.counted) return spanOf(a, matrix, blockIdx.x, most);
  __shared__ int found[2];
  if (threadIdx.x == 0) found[0] = -1;
  __syncthreads();
  for (int expert = threadIdx.x; expert < a.experts; expert += Shape::THREADS) {
    int group = blockIdx.x;
    for (int i = 0; i < expert; i++) group -= ceilDiv(a.firstRows[i + 1] - a.firstRows[i], most);
    if (group >= 0 && group * most < a.firstRows[expert + 1] - a.firstRows[expert]) {
      found[0] = expert;
      found[1] = group;
    }
  }
  __syncthreads();
  if (found[0] < 0) return {0, 0};
  matrix = a.first + blockIdx.z * a.experts + found[0];
  return spanOf(a, matrix, found[1], most);
}

// Gives all threads of a block their parts of so many, with no question where there is one for each.
template <class Shape, int COUNT, class Copy>
INLINE void shareOut(Copy copy) {
  constexpr u32 ALL = COUNT / Shape::THREADS, REST = COUNT % Shape::THREADS;
#pragma unroll
  for (u32 i = 0; i != ALL; i++) copy(threadIdx.x + i * Shape::THREADS);
  if (REST > 0 && threadIdx.x < REST) copy(threadIdx.x + ALL * Shape::THREADS);
}

// Copies a plane's bytes of a stage's tiles: `last` is the last one that the matrix has.
template <class Shape, int BYTES>
INLINE void copyTiles(u8* to, const u8* from, u32 tileBytes, u32 last) {
  constexpr u32 PARTS = BYTES / 16;
  shareOut<Shape, Shape::TILES * PARTS>([&](u32 i) {
    u32 tile = i / PARTS, at = i % PARTS * 16;
    copyAsync(to + tile * Shape::TILE + at, from + at + (u64)min(tile, last) * tileBytes);
  });
}

// Where a column's 16 bytes of a lane lie is permuted, so that eight lanes meet no bank twice.
template <class Shape>
INLINE u32 placeOf(u32 column, u32 part) {
  return column * Shape::LINE + (part ^ column % 2 * 4);
}

// Asks for a stage; where there is none there is still a group of copies, without any.
template <class Shape>
INLINE void copyStage(const MultiplyArguments& a, const Matrix& m, const u32* rows, int firstTile,
                      const Walk<typename Shape::Format>& walk, u8* stage) {
  typedef typename Shape::Format Format;
  if (!walk.ended()) {
    // A thread copies the same part of columns that are all of higher halves, or all of lower ones.
    constexpr u32 LINE = Shape::LINE, STEP = Shape::THREADS / LINE;
    static_assert(STEP % TILE_COLUMNS == 0, "columns of a thread are alike");
    u32 column = walk.block * BLOCK_COLUMNS + walk.part * 32 * Shape::PAIRS;
    u32 first = threadIdx.x / LINE, part = threadIdx.x % LINE;
    const u16* halves = (isHigh(a, first) ? a.x.high : a.x.low) + column + part * 8;
    u8* to = stage + placeOf<Shape>(first, part) * 16;
#pragma unroll
    for (u32 i = 0; i < Shape::WIDTH; i += STEP) {
      copyAsync(to + i * LINE * 16, halves + rows[first + i]);
    }
    if (Format::MINIMUM) {
      shareOut<Shape, 2 * Shape::WIDTH>([&](u32 i) {
        copyAsync(stage + Shape::SUMS + i * 16,
                  a.x.sums + (rows[i / 2] + column) / 16 + i % 2 * 4);
      });
    }
    u32 blocks = blocksOf(m), last = tilesOf(m) - 1 - firstTile;
    u64 tile = (u64)firstTile * blocks + walk.block;
    u8* weights = stage + Shape::WEIGHTS;
    constexpr int CODES = Format::CODES / Format::BLOCKS, EXTRA = Format::EXTRA / Format::BLOCKS;
    copyTiles<Shape, CODES>(weights, m.codes + (tile * Format::PARTS + walk.part) * CODES,
                            blocks * Format::PARTS * CODES, last);
    if constexpr (EXTRA > 0) {
      copyTiles<Shape, EXTRA>(weights + Shape::EXTRA, m.extra + tile * EXTRA, blocks * EXTRA, last);
    }
    if constexpr (Format::SCALES > 0) {
      copyTiles<Shape, Format::SCALES>(weights + Shape::SCALES,
                                       m.scales + tile / Format::BLOCKS * Format::SCALES,
                                       blocks / Format::BLOCKS * Format::SCALES, last);
    }
    if constexpr (Format::FACTORS > 0) {
      u32 wide = ceilDiv(m.columns, 256);
      u64 place = (u64)firstTile * wide + walk.block / 2;
      copyTiles<Shape, Format::FACTORS>(weights + Shape::FACTORS,
                                        m.factors + place * Format::FACTORS,
                                        wide * Format::FACTORS, last);
    }
  }
  endCopies();
}

// 16 rows of a stage as a matrix of which they are all.
template <class Shape>
INLINE Matrix stagedTile(const u8* tile, int block) {
  typedef typename Shape::Format Format;
  Matrix m = {};
  m.codes = tile - block % Format::BLOCKS * (Format::CODES / Format::BLOCKS);
  m.extra = tile + Shape::EXTRA;
  m.scales = tile + Shape::SCALES;
  m.factors = tile + Shape::FACTORS;
  m.columns = Format::BLOCKS * BLOCK_COLUMNS;
  return m;
}

template <class Shape>
INLINE void multiplyMany(const MultiplyArguments& a) {
  typedef typename Shape::Format Format;
  // Of groups of several pairs of steps all products are waited for, so that only half of the columns
  // are multiplied at once, and weights are unpacked twice.
  constexpr int PARTS = Format::GROUP > 32 ? 2 : 1;
  constexpr int ROWS = Shape::ROW_TILES, COLUMNS = Shape::OPERANDS / PARTS;
  DYNAMIC_SHARED(uint4, manyShared);
  __shared__ u32 rows[Shape::WIDTH];
  int matrix;
  Span span = manySpan<Shape>(a, matrix);
  const Matrix m = a.matrices[matrix];
  int firstTile = blockIdx.y * Shape::TILES;
  if (firstTile >= tilesOf(m) || span.empty()) return;
  for (int i = threadIdx.x; i < Shape::WIDTH; i += Shape::THREADS) {
    rows[i] = (u32)inputOf(a, span, span.first + tokenOf(a, i)) * a.x.stride;
  }
  __syncthreads();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int warpTile = warp / Shape::WARPS_ACROSS * ROWS;
  int warpColumn = warp % Shape::WARPS_ACROSS * Shape::OPERANDS * TILE_COLUMNS;
  float4* kept = (float4*)manyShared + threadIdx.x;
  u8* stages = (u8*)manyShared + Shape::OWN;
  float total[PARTS][ROWS][COLUMNS][4] = {};
  float weight = weightOfSums<Format>(a);
  Walk<Format> walk = {blocksOf(m), 0, 0, 0}, ahead = walk;
  for (int i = 0; i < Shape::DEPTH - 1; i++) {
    copyStage<Shape>(a, m, rows, firstTile, ahead, stages + i * Shape::STAGE);
    ahead.advance();
  }
  for (int slot = 0; !walk.ended();) {
    int share = walk.share;
    for (bool ended = false; !ended; ended = walk.advance()) {
      awaitCopies<Shape::DEPTH - 2>();
      __syncthreads(); // and all have read the stage before, which is the next to be copied to
      copyStage<Shape>(a, m, rows, firstTile, ahead,
                       stages + (slot == 0 ? Shape::DEPTH - 1 : slot - 1) * Shape::STAGE);
      ahead.advance();
      const u8* stage = stages + slot * Shape::STAGE;
      slot = slot + 1 == Shape::DEPTH ? 0 : slot + 1;
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
        typename Format::Lane lanes[ROWS][2];
        forgetLoads();
#pragma unroll
        for (int i = 0; i < 2 * ROWS; i++) {
          Matrix tile = stagedTile<Shape>(
              stage + Shape::WEIGHTS + (warpTile + i / 2) * Shape::TILE, walk.block);
          Format::template load<true>(tile, 0, 0, walk.block % Format::BLOCKS, g + i % 2 * 8, t,
                                      lanes[i / 2][i % 2]);
        }
        int firstColumn = warpColumn + part * COLUMNS * TILE_COLUMNS;
        multiplyBlock<Format, ROWS, COLUMNS, Shape::PAIRS>(
            lanes, COLUMNS, weight,
            [&](int n, int pair) {
              return ((const uint4*)stage)[placeOf<Shape>(firstColumn + n * TILE_COLUMNS + g,
                                                          4 * pair + t)];
            },
            [&](int n, int column, int pair) {
              column += firstColumn + n * TILE_COLUMNS;
              return ((const float2*)(stage + Shape::SUMS))[column * 4 + pair];
            },
            total[part]);
      }
    }
#pragma unroll
    for (int i = 0; i < PARTS * ROWS * COLUMNS; i++) {
      float* d = total[i / COLUMNS / ROWS][i / COLUMNS % ROWS][i % COLUMNS];
      float4& sums = kept[i * Shape::THREADS];
      float4 before = share == 0 ? float4{0, 0, 0, 0} : sums;
      sums = {before.x + d[0], before.y + d[1], before.z + d[2], before.w + d[3]};
      for (int k = 0; k < 4; k++) d[k] = 0;
    }
  }
#pragma unroll
  for (int i = 0; i < PARTS * ROWS * COLUMNS * 4; i++) {
    float sum = ((const float*)&kept[i / 4 * Shape::THREADS])[i % 4];
    float lower = __shfl_xor_sync(ALL_LANES, sum, 2);
    int operand = i / 4 / COLUMNS / ROWS * COLUMNS + i / 4 % COLUMNS;
    int column = warpColumn + operand * TILE_COLUMNS + 2 * t + i % 2;
    int token = span.first + tokenOf(a, column);
    int row = (firstTile + warpTile + i / 4 / COLUMNS % ROWS) * 16 + g + i % 4 / 2 * 8;
    if (isHigh(a, column) && token < span.end && row < m.rows) {
      writeProduct(a, m, token, row, a.x.low ? sum + lower : sum);
    }
  }
}

// Two kernels for each format of large matrices, with bytes of dynamic shared memory that the host
// knows too: tiles of 64 rows and 64 columns, of which two or more fit a multiprocessor, and of 192
// and 128. Blocks of (tokens, rows, matrices).
#define MULTIPLY_MANY(format, Format)                                                              \
  KERNEL(multiplyMany##format, MultiplyArguments) {                                                \
    multiplyMany<ManyShape<Format, 2, 4, 2, 2, 92 << 10>>(a);                                      \
  }                                                                                                \
  KERNEL(multiplyMost##format, MultiplyArguments) {                                                \
    multiplyMany<ManyShape<Format, 3, 8, 4, 2, 216 << 10>>(a);                                     \
  }
MULTIPLY_MANY(F16, F16Format)
MULTIPLY_MANY(I8, I8Format)
MULTIPLY_MANY(Q8, Q8Format)
MULTIPLY_MANY(Q4, Q4Format)
MULTIPLY_MANY(Q4Z, Q4ZFormat)
MULTIPLY_MANY(I4, I4Format)
MULTIPLY_MANY(I4Z, I4ZFormat)
MULTIPLY_MANY(Q4K, Q4KFormat)
MULTIPLY_MANY(Q6K, Q6KFormat)
