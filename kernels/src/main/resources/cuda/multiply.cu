// Products of matrices with activations, for one token as for a thousand, on tensor cores.
//
// A token is two of the eight columns of an operand: the higher halves of its activations and the
// lower ones, whose sums are added in the end. So four tokens fill an operand, and one that is alone
// costs no second instruction.
//
// The order of a sum: columns come in blocks, and block b belongs to share b % SHARES. Within a
// share blocks are added in turn, then the shares in theirs. That depends on the number of columns
// only, and a token's bits neither on the other tokens nor on which kernel makes them: for few
// tokens each warp of a block of threads takes a share, for many each warp takes them all.

#define SHARES (ROW_THREADS / WARP)
#define TILE_TOKENS 4
#define MANY_TILES 8
#define MANY_TOKENS (MANY_TILES * TILE_TOKENS)
#define MANY_ROW_TILES 2

struct MultiplyArguments {
  const Matrix* matrices;
  const int* firstRows; // (experts + 1): rows of each expert's tokens; null where all take all
  const int* rowTokens; // (rows): which activations; null for those of the same index
  Prepared x;
  int tokens;
  int experts; // matrix i belongs to expert i % experts; 0 without experts
  int first;   // matrix of the grid's first layer
  int unused;
};

// The tokens of a block of threads.
struct Span { int first, end; };

INLINE Span spanOf(const MultiplyArguments& a, int most) {
  int begin = 0, end = a.tokens;
  if (a.experts) {
    int expert = (a.first + blockIdx.z) % a.experts;
    begin = a.firstRows[expert];
    end = a.firstRows[expert + 1];
  }
  int first = begin + blockIdx.x * most;
  return {first, min(end, first + most)};
}

// Where the activations of a token lie; of the last one for those beyond it, whose products nobody
// reads.
INLINE int inputOf(const MultiplyArguments& a, const Span& span, int token) {
  token = min(token, span.end - 1);
  return a.rowTokens ? a.rowTokens[token] : token;
}

// Of the two columns of the accumulators that a lane holds: their tokens, and whether they are
// those of higher halves, which pay for the minimums.
INLINE int tokenOf(int tile, int t, int i) { return TILE_TOKENS * tile + (2 * t + i) % TILE_TOKENS; }

// Adds products of 128 columns: activations(n, pair) gives a lane its part of two steps of tile n,
// sums(n, i, pair) those steps' sums of the activations of the lane's column i.
template <class Format, int ROW_TILES, int TILES, class Activations, class Sums>
INLINE void multiplyBlock(const typename Format::Lane (&lanes)[ROW_TILES][2], int tiles,
                          Activations activations, Sums sums,
                          float (&total)[ROW_TILES][TILES][4]) {
  int t = threadIdx.x % 4;
#pragma unroll
  for (int pair = 0; pair < BLOCK_COLUMNS / 32; pair++) {
    u32 weights[ROW_TILES][2][4];
#pragma unroll
    for (int i = 0; i < 8 * ROW_TILES; i++) {
      int step = i / 4 % 2;
      weights[i / 8][step][i % 4] =
          Format::pair(lanes[i / 8][i % 2], 2 * pair + step, i % 4 / 2);
    }
    constexpr int GROUPS = Format::GROUP == 16 ? 2 : 1; // of a pair of steps
    float scales[ROW_TILES][2][GROUPS], minimums[ROW_TILES][2][GROUPS];
#pragma unroll
    for (int i = 0; i < 2 * ROW_TILES * GROUPS; i++) {
      int group = pair * GROUPS + i % GROUPS, row = i / GROUPS % 2;
      const typename Format::Lane& lane = lanes[i / GROUPS / 2][row];
      scales[i / GROUPS / 2][row][i % GROUPS] = Format::scale(lane, group);
      minimums[i / GROUPS / 2][row][i % GROUPS] = Format::minimum(lane, group);
    }
#pragma unroll
    for (int n = 0; n < TILES; n++) {
      if (n > 0 && n >= tiles) continue;
      uint4 x = activations(n, pair);
      float ones[2][GROUPS];
      if (Format::MINIMUM) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float2 both = sums(n, i, pair);
          ones[i][0] = t >= 2 ? 0.0f : GROUPS == 1 ? both.x + both.y : both.x;
          ones[i][GROUPS - 1] = t >= 2 ? 0.0f : GROUPS == 1 ? ones[i][0] : both.y;
        }
      }
#pragma unroll
      for (int r = 0; r < ROW_TILES; r++) {
        if (Format::GROUP == 0) {
          multiplyAdd(total[r][n], weights[r][0], x.x, x.y);
          multiplyAdd(total[r][n], weights[r][1], x.z, x.w);
          continue;
        }
        float products[4] = {0, 0, 0, 0};
        multiplyAdd(products, weights[r][0], x.x, x.y);
#pragma unroll
        for (int group = 0; group < GROUPS; group++) {
          if (GROUPS == 1 || group == 1) multiplyAdd(products, weights[r][1], x.z, x.w);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            total[r][n][i] += scales[r][i / 2][group] * products[i];
            products[i] = 0;
            if (Format::MINIMUM) total[r][n][i] -= minimums[r][i / 2][group] * ones[i % 2][group];
          }
        }
      }
    }
  }
}

// The first codes of a block's rows, a line per thread. Which experts are wanted, the predecessor
// says.
INLINE void fetchWeights(const MultiplyArguments& a) {
  const Matrix& m = a.matrices[a.first + blockIdx.z];
  if (a.experts || blockIdx.x > 0 || (int)blockIdx.y * 16 >= m.rows) return;
  size_t bytes = (size_t)blocksOf(m) * codeBytes(m), at = (size_t)threadIdx.x * 128;
  if (at < bytes) fetchLine(m.codes + blockIdx.y * bytes + at);
}

INLINE void writeProduct(const MultiplyArguments& a, const Matrix& m, int token, int row,
                         float sum) {
  sum *= a.x.inverse[a.rowTokens ? a.rowTokens[token] : token] * rowFactor(m, row);
  m.out[(size_t)token * m.rows + row] = m.bias ? sum + m.bias[row] : sum;
}

// 16 outputs of up to 4 x TILES tokens. What a warp loads next is on its way while it multiplies.
template <class Format, int TILES>
INLINE void multiplyFew(const MultiplyArguments& a) {
  __shared__ float parts[SHARES][8 * TILES][16];
  const Matrix m = a.matrices[a.first + blockIdx.z];
  Span span = spanOf(a, TILE_TOKENS * TILES);
  int tile = blockIdx.y;
  if (tile * 16 >= m.rows || span.first >= span.end) return;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int tiles = ceilDiv(span.end - span.first, TILE_TOKENS);
  const u16* halves = g < TILE_TOKENS ? a.x.high : a.x.low;
  u32 rows[TILES];
  u32 sumRows[TILES][2];
#pragma unroll
  for (int n = 0; n < TILES; n++) {
    int token = span.first + n * TILE_TOKENS;
    rows[n] = (u32)inputOf(a, span, token + g % TILE_TOKENS) * a.x.stride + 8 * t;
    for (int i = 0; i < 2; i++) {
      sumRows[n][i] = (u32)inputOf(a, span, span.first + tokenOf(n, t, i)) * (a.x.stride / 16);
    }
  }
  float total[1][TILES][4] = {};
  typename Format::Lane lanes[1][2], next[1][2];
  int count = Format::PLANES * max(0, ceilDiv(blocksOf(m) - warp, SHARES));
  auto load = [&](int index, typename Format::Lane(&into)[1][2]) {
    int block = warp + index / Format::PLANES * SHARES;
    Format::load(m, index % Format::PLANES, tile, block, g, t, into[0][0]);
    Format::load(m, index % Format::PLANES, tile, block, g + 8, t, into[0][1]);
  };
  if (count > 0) load(0, lanes);
#pragma unroll (TILES == 1 ? 2 : 1)
  for (int index = 0; index < count; index++) {
    if (index + 1 < count) load(index + 1, next);
    int block = warp + index / Format::PLANES * SHARES;
    multiplyBlock<Format, 1, TILES>(
        lanes, tiles,
        [&](int n, int pair) {
          return *(const uint4*)(halves + rows[n] + block * BLOCK_COLUMNS + 32 * pair);
        },
        [&](int n, int i, int pair) {
          return *(const float2*)(a.x.sums + sumRows[n][i] + block * 8 + 2 * pair);
        },
        total);
    for (int i = 0; i < 2; i++) lanes[0][i] = next[0][i];
  }
  for (int n = 0; n < TILES; n++) {
    for (int i = 0; i < 4; i++) parts[warp][8 * n + 2 * t + i % 2][g + i / 2 * 8] = total[0][n][i];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * TILE_TOKENS * TILES; i += ROW_THREADS) {
    int token = i / 16, column = token / TILE_TOKENS * 8 + token % TILE_TOKENS;
    int row = tile * 16 + i % 16;
    if (span.first + token < span.end && row < m.rows) {
      float sum = 0;
      for (int share = 0; share < SHARES; share++) {
        sum += parts[share][column][i % 16] + parts[share][column + TILE_TOKENS][i % 16];
      }
      writeProduct(a, m, span.first + token, row, sum);
    }
  }
}

// Blocks of columns in the order of the sums.
template <class Format>
struct Walk {
  int blocks, share, block, plane;

  INLINE bool ended() const { return block >= blocks; }

  // Returns whether a share is complete.
  INLINE bool advance() {
    if (++plane < Format::PLANES) return false;
    plane = 0;
    block += SHARES;
    if (block < blocks) return false;
    share++;
    block = share < SHARES ? share : blocks;
    return true;
  }
};

// 256 outputs of up to 32 tokens: every warp has 32 rows and all tokens. Activations come into
// shared memory two blocks of columns at a time, one on its way while the other is multiplied.
// Where a column's 16 bytes of a lane lie is permuted, so that eight lanes meet no bank twice.
template <class Format>
INLINE void multiplyMany(const MultiplyArguments& a) {
  __shared__ uint4 stages[2][2 * MANY_TOKENS][BLOCK_COLUMNS / 8];
  __shared__ uint4 sumStages[2][MANY_TOKENS][BLOCK_COLUMNS / 16 / 4];
  const Matrix m = a.matrices[a.first + blockIdx.z];
  Span span = spanOf(a, MANY_TOKENS);
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int firstTile = (blockIdx.y * SHARES + warp) * MANY_ROW_TILES, tileCount = ceilDiv(m.rows, 16);
  if ((int)blockIdx.y * SHARES * MANY_ROW_TILES >= tileCount || span.first >= span.end) return;
  auto stage = [&](const Walk<Format>& walk, int index) {
    if (!walk.ended()) {
      for (int i = threadIdx.x; i < 2 * MANY_TOKENS * 16; i += ROW_THREADS) {
        int column = i / 16, part = i % 16, slot = column % 8;
        int input = inputOf(a, span, span.first + column / 8 * TILE_TOKENS + slot % TILE_TOKENS);
        const u16* halves = slot < TILE_TOKENS ? a.x.high : a.x.low;
        copyAsync(&stages[index][column][part ^ column % 2 * 4],
                  halves + (size_t)input * a.x.stride + walk.block * BLOCK_COLUMNS + part * 8);
      }
      if (Format::MINIMUM && threadIdx.x < 2 * MANY_TOKENS) {
        int token = threadIdx.x / 2, part = threadIdx.x % 2;
        size_t input = inputOf(a, span, span.first + token);
        copyAsync(&sumStages[index][token][part],
                  a.x.sums + input * (a.x.stride / 16) + walk.block * 8 + part * 4);
      }
    }
    endCopies();
  };
  float total[MANY_ROW_TILES][MANY_TILES][4] = {};
  float sums[MANY_ROW_TILES][MANY_TILES][2] = {};
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
    multiplyBlock<Format, MANY_ROW_TILES, MANY_TILES>(
        lanes, MANY_TILES,
        [&](int n, int pair) { return stages[index][8 * n + g][(4 * pair + t) ^ g % 2 * 4]; },
        [&](int n, int i, int pair) {
          return ((const float2*)sumStages[index][tokenOf(n, t, i)])[pair];
        },
        total);
    __syncthreads();
    if (!walk.advance()) continue;
    // Higher and lower halves of a token are two lanes apart: each keeps one of two rows.
#pragma unroll
    for (int i = 0; i < MANY_ROW_TILES * MANY_TILES * 2; i++) {
      float* d = total[i / 2 / MANY_TILES][i / 2 % MANY_TILES] + i % 2;
      float other = __shfl_xor_sync(ALL_LANES, t < 2 ? d[2] : d[0], 2);
      sums[i / 2 / MANY_TILES][i / 2 % MANY_TILES][i % 2] += (t < 2 ? d[0] : d[2]) + other;
      d[0] = d[2] = 0;
    }
  }
#pragma unroll
  for (int i = 0; i < MANY_ROW_TILES * MANY_TILES * 2; i++) {
    int token = span.first + tokenOf(i / 2 % MANY_TILES, t, i % 2);
    int row = (firstTile + i / 2 / MANY_TILES) * 16 + g + (t < 2 ? 0 : 8);
    if (token < span.end && row < m.rows) {
      writeProduct(a, m, token, row, sums[i / 2 / MANY_TILES][i / 2 % MANY_TILES][i % 2]);
    }
  }
}

// A kernel for each format and number of tokens, so that none pays for another's registers: blocks
// of (tokens, rows, matrices).
#define MULTIPLY_FEW(format, Format)                                                               \
  KERNEL_AFTER(fetchWeights, multiply4##format, MultiplyArguments) { multiplyFew<Format, 1>(a); }  \
  KERNEL_AFTER(fetchWeights, multiply16##format, MultiplyArguments) { multiplyFew<Format, 4>(a); }
#define MULTIPLY(format, Format)                                                                   \
  MULTIPLY_FEW(format, Format)                                                                     \
  KERNEL(multiply32##format, MultiplyArguments) { multiplyMany<Format>(a); }
MULTIPLY(F16, F16Format)
MULTIPLY_FEW(F16X2, F16x2Format)
MULTIPLY(Q8, Q8Format)
MULTIPLY(Q4, Q4Format)
MULTIPLY(Q4K, Q4KFormat)
MULTIPLY(Q6K, Q6KFormat)
MULTIPLY_FEW(WIDE, WideFormat)
