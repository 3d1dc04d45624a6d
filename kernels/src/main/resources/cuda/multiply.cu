// Products of matrices with activations, for one token as for a thousand, on tensor cores.
//
// A block of threads makes 16 outputs of up to 8 x TILES tokens. Its warps share the columns, block
// by block in turn, and their sums are added in the order of the warps: so the order of a sum
// depends on the number of columns only, and a token's bits neither on the other tokens nor on
// TILES.

#define MULTIPLY_WARPS (ROW_THREADS / WARP)

struct MultiplyArguments {
  const Matrix* matrices; // (gridDim.z)
  const int* firstRows;   // (experts + 1): rows of each expert's tokens; null where all take all
  const int* rowTokens;   // (rows): which activations; null for those of the same index
  Prepared x;
  int tokens;
  int experts; // matrix z belongs to expert z % experts; 0 without experts
};

template <class Format, int TILES>
INLINE void multiplyTile(const MultiplyArguments& a, const Matrix& m, int first, int end,
                         float (*parts)[16 * 8 * TILES]) {
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int tile = blockIdx.x;
  int stride = a.x.stride;
  size_t rows[TILES];  // where the activations of this lane's token begin
  bool present[TILES];
  size_t sumRows[TILES][2];
  float total[TILES][4];
  float products[TILES][4];
  for (int n = 0; n < TILES; n++) {
    int token = first + 8 * n + g;
    present[n] = token < end;
    rows[n] = present[n] ? (size_t)(a.rowTokens ? a.rowTokens[token] : token) * stride : 0;
    for (int i = 0; i < 4; i++) total[n][i] = products[n][i] = 0;
    if (Format::MINIMUM) {
      for (int i = 0; i < 2; i++) {
        int column = min(first + 8 * n + 2 * t + i, end - 1);
        sumRows[n][i] = (size_t)(a.rowTokens ? a.rowTokens[column] : column) * (stride / 16);
      }
    }
  }
  for (int block = warp; block < blocksOf(m); block += MULTIPLY_WARPS) {
    for (int plane = 0; plane < Format::PLANES; plane++) {
      typename Format::Lane upper, lower;
      Format::load(m, plane, tile, block, g, t, upper);
      Format::load(m, plane, tile, block, g + 8, t, lower);
#pragma unroll
      for (int step = 0; step < BLOCK_COLUMNS / 16; step++) {
        u32 weights[4] = {Format::pair(upper, step, 0), Format::pair(lower, step, 0),
                          Format::pair(upper, step, 1), Format::pair(lower, step, 1)};
        int column = block * BLOCK_COLUMNS + step * 16 + 4 * t;
#pragma unroll
        for (int n = 0; n < TILES; n++) {
          uint2 high = {0, 0}, low = {0, 0};
          if (present[n]) {
            high = *(const uint2*)(a.x.high + rows[n] + column);
            low = *(const uint2*)(a.x.low + rows[n] + column);
          }
          float* d = Format::GROUP == 0 ? total[n] : products[n];
          multiplyAdd(d, weights, high.x, high.y);
          // Lower halves times lower halves are beyond what is kept.
          if (plane == 0) multiplyAdd(d, weights, low.x, low.y);
        }
        if (Format::GROUP == 16 || (Format::GROUP == 32 && step % 2 == 1)) {
          int group = Format::GROUP == 16 ? step : step / 2;
          float scales[2] = {Format::scale(upper, group), Format::scale(lower, group)};
          float minimums[2] = {Format::minimum(upper, group), Format::minimum(lower, group)};
#pragma unroll
          for (int n = 0; n < TILES; n++) {
            for (int i = 0; i < 4; i++) {
              total[n][i] += scales[i / 2] * products[n][i];
              if (Format::MINIMUM) {
                const float* sums = a.x.sums + sumRows[n][i % 2] + block * 8 + step;
                float sum = Format::GROUP == 16 ? sums[0] : sums[-1] + sums[0];
                total[n][i] -= minimums[i / 2] * sum;
              }
              products[n][i] = 0;
            }
          }
        }
      }
    }
  }
  for (int n = 0; n < TILES; n++) {
    for (int i = 0; i < 4; i++) {
      parts[warp][(8 * n + 2 * t + i % 2) * 16 + g + i / 2 * 8] = total[n][i];
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * 8 * TILES; i += ROW_THREADS) {
    int token = first + i / 16, row = tile * 16 + i % 16;
    if (token < end && row < m.rows) {
      float sum = 0;
      for (int w = 0; w < MULTIPLY_WARPS; w++) sum += parts[w][i];
      int input = a.rowTokens ? a.rowTokens[token] : token;
      sum *= a.x.inverse[input] * rowFactor(m, row);
      m.out[(size_t)token * m.rows + row] = m.bias ? sum + m.bias[row] : sum;
    }
  }
}

template <int TILES>
INLINE void multiplyTiles(const MultiplyArguments& a) {
  __shared__ float parts[MULTIPLY_WARPS][16 * 8 * TILES];
  const Matrix& m = a.matrices[blockIdx.z];
  int begin = 0, end = a.tokens;
  if (a.experts) {
    begin = a.firstRows[blockIdx.z % a.experts];
    end = a.firstRows[blockIdx.z % a.experts + 1];
  }
  int first = begin + blockIdx.y * 8 * TILES;
  end = min(end, first + 8 * TILES);
  if ((int)blockIdx.x * 16 >= m.rows || first >= end) return;
  switch (m.format) {
    case F16: multiplyTile<F16Format, TILES>(a, m, first, end, parts); break;
    case F16X2: multiplyTile<F16x2Format, TILES>(a, m, first, end, parts); break;
    case Q8: multiplyTile<Q8Format, TILES>(a, m, first, end, parts); break;
    case Q4: multiplyTile<Q4Format, TILES>(a, m, first, end, parts); break;
    case Q4K: multiplyTile<Q4KFormat, TILES>(a, m, first, end, parts); break;
    case Q6K: multiplyTile<Q6KFormat, TILES>(a, m, first, end, parts); break;
    default: multiplyTile<WideFormat, TILES>(a, m, first, end, parts);
  }
}

// The first codes of a block's rows, a line per thread. Which experts are wanted, the predecessor
// says.
INLINE void fetchWeights(const MultiplyArguments& a) {
  const Matrix& m = a.matrices[blockIdx.z];
  if (a.experts || blockIdx.y > 0 || (int)blockIdx.x * 16 >= m.rows) return;
  size_t bytes = (size_t)blocksOf(m) * codeBytes(m), at = (size_t)threadIdx.x * 128;
  if (at < bytes) fetchLine(m.codes + blockIdx.x * bytes + at);
}

KERNEL_AFTER(fetchWeights, multiply8, MultiplyArguments) { multiplyTiles<1>(a); }
KERNEL_AFTER(fetchWeights, multiply32, MultiplyArguments) { multiplyTiles<4>(a); }
