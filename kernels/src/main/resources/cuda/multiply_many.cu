// Products with many tokens, which keep the tensor cores busy.

#define MANY_TILES 8
#define MANY_COLUMNS (MANY_TILES * TILE_COLUMNS)
#define MANY_ROW_TILES 2

// Blocks of columns in the order of the sums.
template <class Format>
struct Walk {
  int blocks, share, block, plane;

  INLINE bool ended() const { return block >= blocks; }

  // Returns whether a share is complete.
  INLINE bool advance() {
    if (++plane < Format::PLANES) return false;
    plane = 0;
    if (++block % Format::BLOCKS == 0) block += (SHARES - 1) * Format::BLOCKS;
    if (block < blocks) return false;
    share++;
    block = share < SHARES ? share * Format::BLOCKS : blocks;
    return true;
  }
};

// 256 outputs of the tokens of 64 columns: every warp has 32 rows and all tokens. Activations come into
// shared memory two blocks of columns at a time, one on its way while the other is multiplied.
// Where a column's 16 bytes of a lane lie is permuted, so that eight lanes meet no bank twice.
template <class Format>
INLINE void multiplyMany(const MultiplyArguments& a) {
  __shared__ uint4 stages[2][MANY_COLUMNS][BLOCK_COLUMNS / 8];
  __shared__ uint4 sumStages[2][MANY_COLUMNS][BLOCK_COLUMNS / 16 / 4];
  int matrix = a.first + blockIdx.z, tokens = MANY_TILES * tileTokens(a);
  const Matrix m = a.matrices[matrix];
  Span span = spanOf(a, matrix, blockIdx.x, tokens);
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int firstTile = (blockIdx.y * SHARES + warp) * MANY_ROW_TILES, tileCount = tilesOf(m);
  if ((int)blockIdx.y * SHARES * MANY_ROW_TILES >= tileCount || span.empty()) return;
  auto stage = [&](const Walk<Format>& walk, int index) {
    if (!walk.ended()) {
      for (int i = threadIdx.x; i < MANY_COLUMNS * 16; i += ROW_THREADS) {
        int column = i / 16, part = i % 16;
        int input = inputOf(a, span, span.first + tokenOf(a, column));
        const u16* halves = isHigh(a, column) ? a.x.high : a.x.low;
        copyAsync(&stages[index][column][part ^ column % 2 * 4],
                  halves + (size_t)input * a.x.stride + walk.block * BLOCK_COLUMNS + part * 8);
      }
      if (Format::MINIMUM && threadIdx.x < 2 * tokens) {
        int token = threadIdx.x / 2, part = threadIdx.x % 2;
        size_t input = inputOf(a, span, span.first + token);
        copyAsync(&sumStages[index][token][part],
                  a.x.sums + input * (a.x.stride / 16) + walk.block * 8 + part * 4);
      }
    }
    endCopies();
  };
  float total[MANY_ROW_TILES][MANY_TILES][4] = {};
  float sums[MANY_ROW_TILES][MANY_TILES][4] = {};
  Walk<Format> walk = {blocksOf(m), 0, 0, 0}, ahead = walk;
  stage(ahead, 0);
  for (int index = 0; !walk.ended(); index ^= 1) {
    ahead.advance();
    stage(ahead, index ^ 1);
    typename Format::Lane lanes[MANY_ROW_TILES][2];
#pragma unroll
    for (int i = 0; i < 2 * MANY_ROW_TILES; i++) {
      Format::load(m, walk.plane, min(firstTile + i / 2, tileCount - 1), walk.block,
                   g + i % 2 * 8, t, lanes[i / 2][i % 2]);
    }
    awaitCopies<1>();
    __syncthreads();
    multiplyBlock<Format, MANY_ROW_TILES, MANY_TILES, BLOCK_COLUMNS / 32>(
        lanes, MANY_TILES, weightOfSums<Format>(a),
        [&](int n, int pair) { return stages[index][8 * n + g][(4 * pair + t) ^ g % 2 * 4]; },
        [&](int n, int column, int pair) {
          return ((const float2*)sumStages[index][tokenOf(a, 8 * n + column)])[pair];
        },
        total);
    __syncthreads();
    if (!walk.advance()) continue;
#pragma unroll
    for (int i = 0; i < MANY_ROW_TILES * MANY_TILES * 4; i++) {
      sums[i / 4 / MANY_TILES][i / 4 % MANY_TILES][i % 4] +=
          total[i / 4 / MANY_TILES][i / 4 % MANY_TILES][i % 4];
      total[i / 4 / MANY_TILES][i / 4 % MANY_TILES][i % 4] = 0;
    }
  }
#pragma unroll
  for (int i = 0; i < MANY_ROW_TILES * MANY_TILES * 4; i++) {
    float sum = sums[i / 4 / MANY_TILES][i / 4 % MANY_TILES][i % 4];
    float lower = __shfl_xor_sync(ALL_LANES, sum, 2);
    int column = i / 4 % MANY_TILES * TILE_COLUMNS + 2 * t + i % 2;
    int token = span.first + tokenOf(a, column);
    int row = (firstTile + i / 4 / MANY_TILES) * 16 + g + i % 4 / 2 * 8;
    if (isHigh(a, column) && token < span.end && row < m.rows) {
      writeProduct(a, m, token, row, a.x.low ? sum + lower : sum);
    }
  }
}

// A kernel for each format of large matrices: blocks of (tokens, rows, matrices).
#define MULTIPLY_MANY(format, Format)                                                              \
  KERNEL(multiplyMany##format, MultiplyArguments) { multiplyMany<Format>(a); }
MULTIPLY_MANY(F16, F16Format)
MULTIPLY_MANY(I8, I8Format)
MULTIPLY_MANY(Q8, Q8Format)
MULTIPLY_MANY(Q4, Q4Format)
MULTIPLY_MANY(Q4Z, Q4ZFormat)
MULTIPLY_MANY(I4, I4Format)
MULTIPLY_MANY(I4Z, I4ZFormat)
MULTIPLY_MANY(Q4K, Q4KFormat)
MULTIPLY_MANY(Q6K, Q6KFormat)
