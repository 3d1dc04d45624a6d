// Products of matrices with activations, for one token as for a thousand, on tensor cores.
//
// A token is one of the eight columns of an operand or, where an activation is two halves, two: that
// of the higher halves and, four further, that of the lower ones, whose sum is added in the end. So
// eight tokens or four fill an operand, and one that is alone costs no second instruction.
//
// The order of a sum: columns come in blocks (for some formats in pairs of them), and block b belongs
// to share b % SHARES. Within a share blocks are added in turn, then the shares in theirs, those of
// lower halves by themselves. That depends on the format and the number of columns only, and a
// token's bits neither on the other tokens nor on which kernel makes them: for few tokens each warp
// of a block of threads takes a share, for many each warp takes them all.

#define SHARES (ROW_THREADS / WARP)
#define TILE_COLUMNS 8

struct MultiplyArguments {
  const Matrix* matrices;
  const int* firstRows; // (experts + 1): rows of each expert's tokens; null where all take all
  const int* rowTokens; // (rows): which activations; null for those of the same index
  Prepared x;
  int tokens;
  int experts; // matrix i belongs to expert i % experts; 0 without experts
  int first;   // matrix to begin with
  int tiles;   // of 16 rows, of all matrices from there on
  int largest; // tiles of the largest of them
  int counted; // whether the many kernels count the tokens of all experts through
};

// Tokens that are multiplied together.
struct Span {
  int first, end;
  INLINE bool empty() const { return first >= end; }
};

// The group-th so many tokens of those that a matrix multiplies.
INLINE Span spanOf(const MultiplyArguments& a, int matrix, int group, int most) {
  int begin = 0, end = a.tokens;
  if (a.experts) {
    int expert = matrix % a.experts;
    begin = a.firstRows[expert];
    end = a.firstRows[expert + 1];
  }
  int first = begin + group * most;
  return {first, min(end, first + most)};
}

// Where the activations of a token lie; of the last one for those beyond it, whose products nobody
// reads.
INLINE int inputOf(const MultiplyArguments& a, const Span& span, int token) {
  token = min(token, span.end - 1);
  return a.rowTokens ? a.rowTokens[token] : token;
}

// Tokens that the columns of an operand are.
INLINE int tileTokens(const MultiplyArguments& a) {
  return a.x.low ? TILE_COLUMNS / 2 : TILE_COLUMNS;
}

// The token of a column of so many operands side by side.
INLINE int tokenOf(const MultiplyArguments& a, int column) {
  return column / TILE_COLUMNS * tileTokens(a) + column % tileTokens(a);
}

// Whether a column is one of higher halves, which pay for the minimums.
INLINE bool isHigh(const MultiplyArguments& a, int column) {
  return column % TILE_COLUMNS < tileTokens(a);
}

// How a lane weighs the sums that minimums meet, of column g or, where minimums are not CODED, 2 t and
// the next: not at all those of lower halves. CODED sums are a sixteenth, lest a half overflow.
template <class Format>
INLINE float weightOfSums(const MultiplyArguments& a) {
  int column = Format::CODED ? threadIdx.x % WARP / 4 : threadIdx.x % 4 * 2;
  return isHigh(a, column) ? Format::CODED ? 0.0625f : 1.0f : 0.0f;
}

// Takes the minimums of 128 columns off: products of their codes and the sums of all eight steps, which
// become sums of two halves each. The codes meet both.
template <class Format, int ROW_TILES, int TILES, class Sums>
INLINE void subtractMinimums(const typename Format::Lane (&lanes)[ROW_TILES][2], int tiles,
                             float weight, Sums sums, float (&total)[ROW_TILES][TILES][4]) {
  int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int n = 0; n < TILES; n++) {
    if (n > 0 && n >= tiles) continue;
    float2 both = sums(n, g, t);
    both.x *= weight;
    both.y *= weight;
    u32 upper = packHalves(both.x, both.y);
    u32 lower = packHalves(both.x - halfToFloat((u16)upper),
                           both.y - halfToFloat((u16)(upper >> 16)));
#pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
      u32 codes[2], each[4];
      for (int i = 0; i < 2; i++) codes[i] = Format::minimumPair(lanes[r][i], t);
      for (int i = 0; i < 4; i++) each[i] = codes[i % 2];
      float products[4] = {0, 0, 0, 0};
      multiplyAdd(products, each, upper, lower);
      for (int i = 0; i < 4; i++) {
        total[r][n][i] -= Format::minimumFactor(lanes[r][i / 2]) * products[i];
      }
    }
  }
}

// Adds products of 128 columns, or of less: activations(n, pair) gives a lane its part of two steps
// of tile n, sums(n, column, pair) those steps' sums of the activations of one of the tile's columns,
// which count as much as `weight` says.
template <class Format, int ROW_TILES, int TILES, int PAIRS, class Activations, class Sums>
INLINE void multiplyBlock(const typename Format::Lane (&lanes)[ROW_TILES][2], int tiles,
                          float weight, Activations activations, Sums sums,
                          float (&total)[ROW_TILES][TILES][4]) {
  constexpr int GROUPS = Format::GROUP == 16 ? 2 : 1; // of a pair of steps
  constexpr int SPAN = Format::GROUP > 32 ? Format::GROUP / 32 : 1; // pairs that share a scale
  int t = threadIdx.x % 4;
  float products[ROW_TILES][TILES][4];
  u32 zero = Format::AS_LOADED && TILES > 2 ? hiddenZero() : 0;
#pragma unroll
  for (int pair = 0; pair < PAIRS; pair++) {
    u32 weights[ROW_TILES][2][4];
#pragma unroll
    for (int i = 0; i < 8 * ROW_TILES; i++) {
      int step = i / 4 % 2;
      weights[i / 8][step][i % 4] =
          Format::pair(lanes[i / 8][i % 2], 2 * pair + step, i % 4 / 2);
    }
    // Words as they were loaded would be moved next to each other anew for every tile.
    if (Format::AS_LOADED && TILES > 2) {
#pragma unroll
      for (int i = 0; i < 8 * ROW_TILES; i++) weights[i / 8][i / 4 % 2][i % 4] |= zero;
    }
    float scales[ROW_TILES][2][GROUPS], minimums[ROW_TILES][2][GROUPS];
#pragma unroll
    for (int i = 0; i < 2 * ROW_TILES * GROUPS; i++) {
      int group = pair / SPAN * GROUPS + i % GROUPS, row = i / GROUPS % 2;
      const typename Format::Lane& lane = lanes[i / GROUPS / 2][row];
      scales[i / GROUPS / 2][row][i % GROUPS] = Format::scale(lane, group);
      minimums[i / GROUPS / 2][row][i % GROUPS] = Format::minimum(lane, group);
    }
#pragma unroll
    for (int n = 0; n < TILES; n++) {
      if (n > 0 && n >= tiles) continue;
      uint4 x = activations(n, pair);
      float ones[2][GROUPS];
      if (Format::MINIMUM && !Format::CODED) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float2 both = sums(n, 2 * t + i, pair);
          ones[i][0] = weight * (GROUPS == 1 ? both.x + both.y : both.x);
          ones[i][GROUPS - 1] = GROUPS == 1 ? ones[i][0] : weight * both.y;
        }
      }
#pragma unroll
      for (int r = 0; r < ROW_TILES; r++) {
        if (Format::GROUP == 0) {
          multiplyAdd(total[r][n], weights[r][0], x.x, x.y);
          multiplyAdd(total[r][n], weights[r][1], x.z, x.w);
          continue;
        }
        float(&sum)[4] = products[r][n];
        if (pair % SPAN == 0) sum[0] = sum[1] = sum[2] = sum[3] = 0;
        multiplyAdd(sum, weights[r][0], x.x, x.y);
#pragma unroll
        for (int group = 0; group < GROUPS; group++) {
          if (GROUPS == 1 || group == 1) multiplyAdd(sum, weights[r][1], x.z, x.w);
          if (pair % SPAN != SPAN - 1) continue;
#pragma unroll
          for (int i = 0; i < 4; i++) {
            total[r][n][i] += scales[r][i / 2][group] * sum[i];
            sum[i] = 0;
            if (Format::MINIMUM && !Format::CODED) {
              total[r][n][i] -= minimums[r][i / 2][group] * ones[i % 2][group];
            }
          }
        }
      }
    }
  }
  if constexpr (Format::CODED) {
    subtractMinimums<Format, ROW_TILES, TILES>(lanes, tiles, weight, sums, total);
  }
}

INLINE void writeProduct(const MultiplyArguments& a, const Matrix& m, int token, int row,
                         float sum) {
  sum *= a.x.inverse[a.rowTokens ? a.rowTokens[token] : token] * rowFactor(m, row);
  m.out[(size_t)token * m.rows + row] = m.bias ? sum + m.bias[row] : sum;
}
