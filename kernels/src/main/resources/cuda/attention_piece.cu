// The inner routine of attention: what 16 rows make of a piece that lies in shared memory. Lane (g, t)
// of a warp is 4 g + t; of a product it has rows g and g + 8 and columns 2 t and 2 t + 1.

// Eight elements of a key or value as halves; of floats also what these leave of them.
template <int FORMAT>
struct CachedUnit {
  static const int PLANES = FORMAT == KV_F32 ? 2 : 1;
  uint4 planes[PLANES];
};

// Signed bytes as halves: 1024 + 128 + code is exact, and so is the difference.
INLINE uint2 codesToHalves(u32 codes) {
  u32 biased = codes ^ 0x80808080u;
  return {subtractHalves(__byte_perm(biased, 0x64646464u, 0x4140), 0x64806480u),
          subtractHalves(__byte_perm(biased, 0x64646464u, 0x4342), 0x64806480u)};
}

template <int FORMAT>
INLINE void loadUnit(const u8* row, int unit, int mask, CachedUnit<FORMAT>& to) {
  if (FORMAT == KV_F16) {
    to.planes[0] = ((const uint4*)row)[unit ^ mask];
  } else if (FORMAT == KV_Q8) {
    uint2 codes = *(const uint2*)(row + (unit / 2 ^ mask) * 16 + unit % 2 * 8);
    uint2 low = codesToHalves(codes.x), high = codesToHalves(codes.y);
    to.planes[0] = {low.x, low.y, high.x, high.y};
  } else {
    float4 low = ((const float4*)row)[2 * unit ^ mask];
    float4 high = ((const float4*)row)[(2 * unit + 1) ^ mask];
    u32 halves[4][2];
    splitPair<2>(low.x, low.y, halves[0]);
    splitPair<2>(low.z, low.w, halves[1]);
    splitPair<2>(high.x, high.y, halves[2]);
    splitPair<2>(high.z, high.w, halves[3]);
    for (int plane = 0; plane < CachedUnit<FORMAT>::PLANES; plane++) {
      to.planes[plane] = {halves[0][plane], halves[1][plane], halves[2][plane], halves[3][plane]};
    }
  }
}

// Products of queries with keys. A lane's unit of 8 elements is part of two instructions, in keys as
// in queries: which columns of an operand they are does not matter as long as both agree.
template <int FORMAT, int HALVES>
INLINE void scoreKeys(const AttendArguments& a, const AttendTile& tile, const AttendMemory& memory,
                      int firstRow, int start, const u8* keys, float (&scores)[8][4]) {
  const int SIDE = SEEN_TOKENS / 8; // tiles side by side, so that no product waits for the last
  const Cache& c = a.cache;
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  int stride = rowStride<FORMAT>(c), groups = keyGroups(c), queryBytes = queryStride(c);
  const u8* query = memory.queries + (size_t)(firstRow + g) * queryBytes;
  const u16* scales = (const u16*)(keys + PIECE_TOKENS * stride) + 2 * t * groups;
  for (int n = 0; n < 8; n++) {
    for (int i = 0; i < 4; i++) scores[n][i] = 0;
  }
#pragma unroll 1
  for (int group = 0; group < groups; group++) {
    int unit = 4 * group + t;
    uint4 rows[HALVES][2];
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
#pragma unroll
      for (int s = 0; s < 2; s++) {
        const u8* row = query + (size_t)(half * a.rows + 8 * s) * queryBytes;
        rows[half][s] = ((const uint4*)row)[unit ^ keyMask<KV_F16>(g)];
      }
    }
#pragma unroll
    for (int first = 0; first < 8; first += SIDE) {
      if (!isSeen(tile, start + 8 * first)) continue;
      CachedUnit<FORMAT> key[SIDE];
      float part[SIDE][4] = {};
#pragma unroll
      for (int n = 0; n < SIDE; n++) {
        loadUnit<FORMAT>(keys + (8 * (first + n) + g) * stride, unit, keyMask<FORMAT>(g), key[n]);
      }
#pragma unroll
      for (int plane = CachedUnit<FORMAT>::PLANES - 1; plane >= 0; plane--) {
#pragma unroll
        for (int half = HALVES - 1; half >= 0; half--) {
          const uint4 &x = rows[half][0], &y = rows[half][1];
          u32 former[4] = {x.x, y.x, x.y, y.y}, latter[4] = {x.z, y.z, x.w, y.w};
#pragma unroll
          for (int n = 0; n < SIDE; n++) {
            const uint4& k = key[n].planes[plane];
            multiplyAdd(FORMAT == KV_Q8 ? part[n] : scores[first + n], former, k.x, k.y);
          }
#pragma unroll
          for (int n = 0; n < SIDE; n++) {
            const uint4& k = key[n].planes[plane];
            multiplyAdd(FORMAT == KV_Q8 ? part[n] : scores[first + n], latter, k.z, k.w);
          }
        }
      }
      if (FORMAT == KV_Q8) {
#pragma unroll
        for (int n = 0; n < SIDE; n++) {
          const u16* scale = scales + 8 * (first + n) * groups + group;
          float even = halfToFloat(scale[0]), odd = halfToFloat(scale[groups]);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            scores[first + n][i] = __fmaf_rn(part[n][i], i % 2 ? odd : even, scores[first + n][i]);
          }
        }
      }
    }
  }
}

// What two rows of a lane make of a piece besides values.
struct PieceRows {
  float largest[2]; // that weights are relative to, base 2; negative infinity where nothing is seen
  float sums[2];    // of weights
  float inverse[2]; // undoes the power of two in the weights of bytes
};

// The largest and the sum over the four lanes that share a row.
INLINE float quadMaximum(float x) {
  x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
  return fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
}

INLINE float quadSum(float x) {
  x = __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, 1));
  return __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, 2));
}

// Where a row looks, in columns of a piece.
INLINE void maskScores(const AttendArguments& a, const AttendMemory& memory, int firstRow,
                       int start, float (&scores)[8][4]) {
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
#pragma unroll
  for (int s = 0; s < 2; s++) {
    int last = memory.positions[firstRow + g + 8 * s] - start;
    int first = a.window == 0 ? 0 : last - a.window + 1;
#pragma unroll
    for (int n = 0; n < 8; n++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int column = 8 * n + 2 * t + i;
        bool seen = column <= last && column >= first;
        if (!seen) scores[n][2 * s + i] = NEGATIVE_INFINITY;
      }
    }
  }
}

// From products to weights: two to what a score is above the row's largest, times 2^WEIGHT_BITS.
// Weights of values in bytes have the value's scale in them.
template <int FORMAT, int HALVES>
INLINE void weigh(const AttendArguments& a, const AttendTile& tile, const AttendMemory& memory,
                  int firstRow, int start, const u8* values, float (&scores)[8][4],
                  u32 (&weights)[8][2][HALVES], PieceRows& piece) {
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
  const u32* scales = (const u32*)(values + PIECE_TOKENS * rowStride<FORMAT>(a.cache)) + t;
  const float* factors = memory.factors + firstRow + g;
  if (a.cap > 0) {
#pragma unroll
    for (int n = 0; n < 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        scores[n][i] = a.cap * tanhf(__fmul_rn(scores[n][i], factors[i / 2 * 8]) / a.cap);
      }
    }
  }
  bool common = start >= tile.commonFirst && start + PIECE_TOKENS <= tile.commonEnd;
  if (!common) maskScores(a, memory, firstRow, start, scores);
#pragma unroll
  for (int s = 0; s < 2; s++) {
    float unit = a.cap > 0 ? LOG2_E : __fmul_rn(factors[8 * s], LOG2_E);
    float largest = NEGATIVE_INFINITY, sum = 0, heaviest = 0;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      largest = fmaxf(largest, fmaxf(scores[n][2 * s], scores[n][2 * s + 1]));
    }
    largest = quadMaximum(largest);
    bool any = largest > NEGATIVE_INFINITY;
    largest = __fmaf_rn(largest, unit, -(float)WEIGHT_BITS);
    float base = any ? largest : 0.0f;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      u32 scale = FORMAT == KV_Q8 ? scales[4 * n] : 0;
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float& score = scores[n][2 * s + i];
        score = exponential2(__fmaf_rn(score, unit, -base));
        sum = __fadd_rn(sum, score);
        if (FORMAT == KV_Q8) {
          float weight = score * halfToFloat((u16)(scale >> 16 * i));
          score = score > 0 ? weight : 0.0f; // scales of what is not seen may be anything
          heaviest = fmaxf(heaviest, score);
        }
      }
    }
    PowerOfTwo range = {1, 1};
    if (FORMAT == KV_Q8) range = powerFor(quadMaximum(heaviest));
#pragma unroll
    for (int n = 0; n < 8; n++) {
      float x = scores[n][2 * s], y = scores[n][2 * s + 1];
      if (FORMAT == KV_Q8) x *= range.factor, y *= range.factor;
      splitPair<HALVES>(x, y, weights[n][s]);
    }
    piece.largest[s] = any ? largest : NEGATIVE_INFINITY;
    piece.sums[s] = quadSum(sum);
    piece.inverse[s] = range.inverse;
  }
}

// Weights times values: part p of a head is its elements from 64 BLOCKS p on. A lane reads 8 elements
// of four positions and puts those of two positions together: of 64 elements, column g of product e
// is element 8 g + e.
template <int FORMAT, int HALVES, int BLOCKS>
INLINE void addValues(const Cache& c, const AttendTile& tile, int part, int start,
                      const u8* values, const PieceRows& piece,
                      const u32 (&weights)[8][2][HALVES], float (&out)[8 * BLOCKS][4]) {
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, stride = rowStride<FORMAT>(c);
#pragma unroll
  for (int n = 0; n < 8 * BLOCKS; n++) {
    for (int i = 0; i < 4; i++) out[n][i] = 0;
  }
#pragma unroll
  for (int block = 0; block < BLOCKS; block++) {
    int elements = 64 * (part * BLOCKS + block);
    if (elements >= c.headSize) break;
#pragma unroll
    for (int step = 0; step < PIECE_TOKENS / 16; step++) {
      if (!isSeen(tile, start + 16 * step / SEEN_TOKENS * SEEN_TOKENS)) continue;
      CachedUnit<FORMAT> value[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int row = 16 * step + 8 * (i / 2) + 2 * t + i % 2;
        loadUnit<FORMAT>(values + row * stride, elements / 8 + g, valueMask<FORMAT>(row), value[i]);
      }
#pragma unroll
      for (int plane = CachedUnit<FORMAT>::PLANES - 1; plane >= 0; plane--) {
        u32 pairs[8][2];
#pragma unroll
        for (int e = 0; e < 8; e++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            pairs[e][i] = __byte_perm(word(value[2 * i].planes[plane], e / 2),
                                      word(value[2 * i + 1].planes[plane], e / 2),
                                      e % 2 ? 0x7632 : 0x5410);
          }
        }
#pragma unroll
        for (int which = HALVES - 1; which >= 0; which--) {
          u32 rows[4] = {weights[2 * step][0][which], weights[2 * step][1][which],
                         weights[2 * step + 1][0][which], weights[2 * step + 1][1][which]};
#pragma unroll
          for (int e = 0; e < 8; e++) {
            multiplyAdd(out[8 * block + e], rows, pairs[e][0], pairs[e][1]);
          }
        }
      }
    }
  }
  if (FORMAT == KV_Q8) {
#pragma unroll
    for (int n = 0; n < 8 * BLOCKS; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) out[n][i] *= piece.inverse[i / 2];
    }
  }
}
