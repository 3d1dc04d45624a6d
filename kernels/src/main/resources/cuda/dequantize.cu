// Matrices and activations as a library's products of halves want them: plain halves, rows one after
// the other, columns in the order of prepared activations on both sides.

// Eight weights of a row: the lane's of columns 32 * pair and following, as prepared activations
// have them, times their row's factor.
template <class Format>
INLINE void weightsOf(const typename Format::Lane (&lanes)[Format::PLANES], int pair, float factor,
                      float (&weights)[8]) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    int step = 2 * pair + i / 2, group = step * 16 / (Format::GROUP ? Format::GROUP : 1);
    float first = 0, second = 0;
#pragma unroll
    for (int plane = 0; plane < Format::PLANES; plane++) {
      u32 halves = Format::pair(lanes[plane], step, i % 2);
      first += halfToFloat((u16)halves);
      second += halfToFloat((u16)(halves >> 16));
    }
    if (Format::GROUP != 0) {
      float scale = Format::scale(lanes[0], group), minimum = Format::minimum(lanes[0], group);
      first = scale * first - minimum;
      second = scale * second - minimum;
    }
    weights[2 * i] = first * factor;
    weights[2 * i + 1] = second * factor;
  }
}

// Gives every lane its weights of a block of columns of 16 rows: use(row, pair, weights).
template <class Format, class Use>
INLINE void visitLanes(const Matrix& m, int tile, int block, Use use) {
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = g + 8 * half;
    typename Format::Lane lanes[Format::PLANES];
#pragma unroll
    for (int plane = 0; plane < Format::PLANES; plane++) {
      Format::load(m, plane, tile, block, row, t, lanes[plane]);
    }
    float factor = rowFactor(m, tile * 16 + row);
#pragma unroll
    for (int pair = 0; pair < BLOCK_COLUMNS / 32; pair++) {
      float weights[8];
      weightsOf<Format>(lanes, pair, factor, weights);
      use(tile * 16 + row, pair, weights);
    }
  }
}

struct DequantizeArguments {
  const Matrix* matrix;
  u16* out;     // (rows, columns filled up to whole blocks)
  u32* largest; // the bits of the largest weight, or more: begins as zero
  float factor; // of all weights, a power of two
  int unused;
};

// A warp for each block of columns of 16 rows: blocks of threads (eight blocks of columns, 16 rows).
INLINE bool blockOf(const Matrix& m, int& block) {
  block = blockIdx.x * (ROW_THREADS / WARP) + threadIdx.x / WARP;
  return block < blocksOf(m);
}

template <class Format>
INLINE void dequantizeBlock(const DequantizeArguments& a) {
  const Matrix m = *a.matrix;
  int block, stride = blocksOf(m) * BLOCK_COLUMNS;
  if (!blockOf(m, block)) return;
  u16* out = a.out + block * BLOCK_COLUMNS + threadIdx.x % 4 * 8;
  visitLanes<Format>(m, blockIdx.y, block, [&](int row, int pair, const float(&weights)[8]) {
    u32 halves[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      halves[i] = floatToHalf(weights[2 * i] * a.factor)
          | (u32)floatToHalf(weights[2 * i + 1] * a.factor) << 16;
    }
    if (row < m.rows) {
      *(uint4*)(out + (size_t)row * stride + 32 * pair) =
          {halves[0], halves[1], halves[2], halves[3]};
    }
  });
}

// The order of bits of floats that are not negative is theirs; what is not a number is the largest.
template <class Format>
INLINE void largestOfBlock(const DequantizeArguments& a) {
  const Matrix m = *a.matrix;
  int block;
  if (!blockOf(m, block)) return;
  u32 largest = 0;
  visitLanes<Format>(m, blockIdx.y, block, [&](int, int, const float(&weights)[8]) {
    for (int i = 0; i < 8; i++) {
      largest = max(largest, __float_as_uint(weights[i]) & 0x7fffffffu);
    }
  });
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, distance));
  }
  if (threadIdx.x % WARP == 0) atomicMax(a.largest, largest);
}

// Weights as halves, and the largest of them, for each format.
#define DEQUANTIZE(format, Format)                                                                 \
  KERNEL(dequantize##format, DequantizeArguments) { dequantizeBlock<Format>(a); }                  \
  KERNEL(largest##format, DequantizeArguments) { largestOfBlock<Format>(a); }
DEQUANTIZE(F16, F16Format)
DEQUANTIZE(F16X2, F16x2Format)
DEQUANTIZE(I8, I8Format)
DEQUANTIZE(Q8, Q8Format)
DEQUANTIZE(Q4, Q4Format)
DEQUANTIZE(Q4Z, Q4ZFormat)
DEQUANTIZE(I4, I4Format)
DEQUANTIZE(I4Z, I4ZFormat)
DEQUANTIZE(Q4K, Q4KFormat)
DEQUANTIZE(Q6K, Q6KFormat)
DEQUANTIZE(WIDE, WideFormat)

struct RescaleArguments {
  Prepared x;
  u16* high;    // (rows, stride)
  u16* low;     // (rows, stride); null where an activation is one half
  float factor; // of all activations, a power of two
  int unused;
};

// Prepared activations without their rows' powers of two: a row for each block of threads.
KERNEL(rescale, RescaleArguments) {
  float factor = a.x.inverse[blockIdx.x] * a.factor;
  size_t row = (size_t)blockIdx.x * a.x.stride;
  for (int i = threadIdx.x * 8; i < a.x.stride; i += ROW_THREADS * 8) {
    uint4 high = *(const uint4*)(a.x.high + row + i), low = {0, 0, 0, 0};
    if (a.x.low) low = *(const uint4*)(a.x.low + row + i);
    u32 highs[4], lows[4];
#pragma unroll
    for (int pair = 0; pair < 4; pair++) {
      highs[pair] = lows[pair] = 0;
#pragma unroll
      for (int shift = 0; shift < 32; shift += 16) {
        float value = (halfToFloat((u16)(word(high, pair) >> shift))
            + halfToFloat((u16)(word(low, pair) >> shift))) * factor;
        u16 half = floatToHalf(value);
        highs[pair] |= (u32)half << shift;
        lows[pair] |= (u32)floatToHalf(value - halfToFloat(half)) << shift;
      }
    }
    *(uint4*)(a.high + row + i) = {highs[0], highs[1], highs[2], highs[3]};
    if (a.low) *(uint4*)(a.low + row + i) = {lows[0], lows[1], lows[2], lows[3]};
  }
}

struct RepeatArguments {
  const float* values; // (count)
  float* out;          // (rows, count)
  int count;
  int unused;
};

// The same values for every row: a row for each block of threads.
KERNEL(repeat, RepeatArguments) {
  for (int i = threadIdx.x; i < a.count; i += ROW_THREADS) {
    a.out[(size_t)blockIdx.x * a.count + i] = a.values[i];
  }
}
