// Products with few tokens, which wait for the weights to come from memory.

// The first codes of a block's rows, a line per thread. Which experts are wanted, the predecessor
// says.
INLINE void fetchWeights(const MultiplyArguments& a) {
  const Matrix& m = a.matrices[a.first + blockIdx.z];
  if (a.experts || blockIdx.x > 0 || (int)blockIdx.y * 16 >= m.rows) return;
  size_t bytes = (size_t)blocksOf(m) * codeBytes(m), at = (size_t)threadIdx.x * 128;
  if (at < bytes) fetchLine(m.codes + blockIdx.y * bytes + at);
}

// 16 outputs of the tokens of TILES operands. What a warp loads next is on its way while it multiplies.
template <class Format, int TILES>
INLINE void multiplyFew(const MultiplyArguments& a) {
  __shared__ float parts[SHARES][TILE_COLUMNS * TILES][16];
  const Matrix m = a.matrices[a.first + blockIdx.z];
  int tokens = tileTokens(a);
  Span span = spanOf(a, tokens * TILES);
  int tile = blockIdx.y;
  if (tile * 16 >= m.rows || span.first >= span.end) return;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int tiles = ceilDiv(span.end - span.first, tokens);
  const u16* halves = isHigh(a, g) ? a.x.high : a.x.low;
  u32 rows[TILES];
  u32 sumRows[TILES][2];
#pragma unroll
  for (int n = 0; n < TILES; n++) {
    int first = TILE_COLUMNS * n;
    rows[n] = (u32)inputOf(a, span, span.first + tokenOf(a, first + g)) * a.x.stride + 8 * t;
    for (int i = 0; i < 2; i++) {
      int token = span.first + tokenOf(a, first + 2 * t + i);
      sumRows[n][i] = (u32)inputOf(a, span, token) * (a.x.stride / 16);
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
        lanes, tiles, isHigh(a, 2 * t),
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
    for (int i = 0; i < 4; i++) parts[warp][TILE_COLUMNS * n + 2 * t + i % 2][g + i / 2 * 8] = total[0][n][i];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * tokens * TILES; i += ROW_THREADS) {
    int token = i / 16, column = token / tokens * TILE_COLUMNS + token % tokens;
    int row = tile * 16 + i % 16;
    if (span.first + token < span.end && row < m.rows) {
      float sum = 0, lower = 0;
      for (int share = 0; share < SHARES; share++) sum += parts[share][column][i % 16];
      for (int share = 0; a.x.low && share < SHARES; share++) {
        lower += parts[share][column + tokens][i % 16];
      }
      writeProduct(a, m, span.first + token, row, sum + lower);
    }
  }
}

// Two kernels for each format, so that none pays for another's registers: blocks of (tokens, rows,
// matrices).
#define MULTIPLY_FEW(format, Format)                                                               \
  KERNEL_AFTER(fetchWeights, multiplyFew##format, MultiplyArguments) { multiplyFew<Format, 1>(a); }  \
  KERNEL_AFTER(fetchWeights, multiplySome##format, MultiplyArguments) { multiplyFew<Format, 4>(a); }
MULTIPLY_FEW(F16, F16Format)
MULTIPLY_FEW(F16X2, F16x2Format)
MULTIPLY_FEW(Q8, Q8Format)
MULTIPLY_FEW(Q4, Q4Format)
MULTIPLY_FEW(Q4K, Q4KFormat)
MULTIPLY_FEW(Q6K, Q6KFormat)
MULTIPLY_FEW(WIDE, WideFormat)
