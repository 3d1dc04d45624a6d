// The kernels of attention: a block of threads walks the pieces of its rows.

// Adds what a row makes of a piece to what it made of those before.
struct Merging {
  float largest, kept, added;
};

INLINE Merging mergingOf(float largest, float other) {
  float common = fmaxf(largest, other);
  return {common, largest == NEGATIVE_INFINITY ? 0.0f : exponential2(largest - common),
          other == NEGATIVE_INFINITY ? 0.0f : exponential2(other - common)};
}

INLINE float merge(float before, float kept, float other, float added) {
  return __fmaf_rn(before, kept, __fmul_rn(other, added));
}

// What a row's sum begins with.
INLINE float sinkOf(const AttendArguments& a, int head) {
  return a.sinks ? __fmaf_rn(a.sinks[head], LOG2_E, -(float)WEIGHT_BITS) : NEGATIVE_INFINITY;
}

INLINE float sinkSum(const AttendArguments& a) {
  return a.sinks ? (float)(1 << WEIGHT_BITS) : 0.0f;
}

// A zero has no sign here: whether rows beside it saw more positions must not show.
INLINE float finish(float value, float sum) { return __fadd_rn(__fdiv_rn(value, sum), 0.0f); }

INLINE int firstPosition(const AttendArguments& a, int position) {
  return a.window == 0 ? 0 : max(0, position - a.window + 1);
}

// False for a block of threads that has nothing to do.
template <bool WHOLE>
INLINE bool findTile(const AttendArguments& a, AttendTile& tile) {
  int kvHeads = a.cache.kvHeads, group = a.heads / kvHeads;
  // Of a prompt the last tokens look at most: they begin.
  int index = WHOLE ? gridDim.y - 1 - blockIdx.y : blockIdx.y;
  int first = a.tiles[2 * index], rows = a.tiles[2 * index + 1] * group;
  int firstRow = blockIdx.x / kvHeads * a.rows, count = min(a.rows, rows - firstRow);
  if (count <= 0) return false;
  int firstToken = first + firstRow / group, lastToken = first + (firstRow + count - 1) / group;
  if (!WHOLE
      && (a.slots[lastToken] < a.firstSlot || a.slots[firstToken] >= a.firstSlot + a.slotCount)) {
    return false;
  }
  tile = {first, firstRow, count, group, (int)blockIdx.x % kvHeads, a.sequences[first],
          firstPosition(a, a.positions[firstToken]), a.positions[lastToken] + 1,
          firstPosition(a, a.positions[lastToken]), a.positions[firstToken] + 1};
  return true;
}

template <int FORMAT, int HALVES>
INLINE AttendMemory attendMemory(const AttendArguments& a, u8* shared) {
  u8* queries = shared + 8 * a.rows;
  return {(int*)shared, (float*)shared + a.rows, queries,
          queries + (size_t)HALVES * a.rows * queryStride(a.cache)};
}

// Keys and values come and go through the ring of buffers: rounds 2 p and 2 p + 1 are of piece p.
template <int FORMAT>
struct Ring {
  const AttendArguments& a;
  const AttendTile& tile;
  u8* buffers;
  int firstPiece, endPiece;

  INLINE u8* buffer(int round) const {
    return buffers + (size_t)(round & (a.buffers - 1)) * ringBytes<FORMAT>(a.cache);
  }

  INLINE void stage(int round) const {
    int piece = firstPiece + round / 2;
    if (piece < endPiece) {
      stageRows<FORMAT>(a.cache, tile, piece, round % 2 == 0, buffer(round));
    }
    endCopies();
  }

  // Begins with as many as there are buffers.
  INLINE void begin() const {
    for (int round = 0; round < a.buffers; round++) stage(round);
  }

  // What is in the buffer once all copies are there.
  INLINE const u8* await(int round) const {
    if (a.buffers == 4) {
      awaitCopies<3>();
    } else if (a.buffers == 2) {
      awaitCopies<1>();
    } else {
      awaitCopies<0>();
    }
    __syncthreads();
    return buffer(round);
  }

  // Fills the buffer anew once nobody reads it any more.
  INLINE void release(int round) const {
    __syncthreads();
    stage(round + a.buffers);
  }
};

// Eight elements of a row that follow each other, of which a row may have fewer.
INLINE void storeEight(float* row, int first, int size, const float (&x)[8]) {
  if (size % 4 == 0) {
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      if (first + i < size) *(float4*)(row + first + i) = {x[i], x[i + 1], x[i + 2], x[i + 3]};
    }
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) {
      if (first + i < size) row[first + i] = x[i];
    }
  }
}

// A lane's elements of one of its two rows.
template <int BLOCKS>
INLINE void storeRow(float* row, int part, int size, int s, const float (&out)[8 * BLOCKS][4]) {
  int t = threadIdx.x % 4;
#pragma unroll
  for (int block = 0; block < BLOCKS; block++) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float x[8];
#pragma unroll
      for (int e = 0; e < 8; e++) x[e] = out[8 * block + e][2 * s + i];
      storeEight(row, 64 * (part * BLOCKS + block) + 16 * t + 8 * i, size, x);
    }
  }
}

// Elements that a warp makes, in blocks of 64: of larger heads several warps make a part each, and all
// of them the scores. One piece is to be done soon, all of them with few instructions.
#define PIECE_BLOCKS 1
#define WHOLE_BLOCKS 2

// One piece, whose results are kept apart: blocks of (KV heads x rows, tiles, pieces).
template <int FORMAT, int HALVES>
INLINE void attendPieces(const AttendArguments& a) {
  DYNAMIC_SHARED(u8, shared);
  AttendTile tile;
  if (!findTile<false>(a, tile)) return;
  int number = blockIdx.z, start = number * PIECE_TOKENS;
  if (start >= tile.end || start + PIECE_TOKENS <= tile.first) return;
  const Cache& c = a.cache;
  AttendMemory memory = attendMemory<FORMAT, HALVES>(a, shared);
  Ring<FORMAT> ring = {a, tile, memory.ring, number, number + 1};
  ring.begin();
  int part = threadIdx.x / WARP, firstRow = 0;
  if (part == 0) stageQueries<HALVES>(a, tile, firstRow, memory);
  float scores[8][4], out[8 * PIECE_BLOCKS][4];
  u32 weights[8][2][HALVES];
  PieceRows piece;
  scoreKeys<FORMAT, HALVES>(a, tile, memory, firstRow, start, ring.await(0), scores);
  ring.release(0);
  const u8* values = ring.await(1);
  weigh<FORMAT, HALVES>(a, tile, memory, firstRow, start, values, scores, weights, piece);
  addValues<FORMAT, HALVES, PIECE_BLOCKS>(c, tile, part, start, values, piece, weights, out);
#pragma unroll
  for (int s = 0; s < 2; s++) {
    int row = firstRow + threadIdx.x % WARP / 4 + 8 * s;
    RowOwner owner = ownerOf(tile, row);
    if (row >= tile.rows) continue;
    int slot = a.slots[owner.token] - a.firstSlot;
    if (slot < 0 || slot >= a.slotCount) continue;
    size_t place = ((size_t)slot * a.heads + owner.head) * a.pieces + number;
    storeRow<PIECE_BLOCKS>(a.parts + place * c.headSize, part, c.headSize, s, out);
    if (part == 0 && threadIdx.x % 4 == 0) {
      a.largest[place] = piece.largest[s];
      a.sums[place] = piece.sums[s];
    }
  }
}

// All pieces one after the other: blocks of (KV heads x rows, tiles).
template <int FORMAT, int HALVES>
INLINE void attendWhole(const AttendArguments& a) {
  DYNAMIC_SHARED(u8, shared);
  AttendTile tile;
  if (!findTile<true>(a, tile)) return;
  const Cache& c = a.cache;
  AttendMemory memory = attendMemory<FORMAT, HALVES>(a, shared);
  Ring<FORMAT> ring = {a, tile, memory.ring, tile.first / PIECE_TOKENS,
                       ceilDiv(tile.end, PIECE_TOKENS)};
  ring.begin();
  int parts = ceilDiv(c.headSize, 64 * WHOLE_BLOCKS), warp = threadIdx.x / WARP;
  int part = warp % parts, firstRow = warp / parts * ATTEND_ROWS;
  if (part == 0) stageQueries<HALVES>(a, tile, firstRow, memory);
  int row = firstRow + threadIdx.x % WARP / 4;
  float largest[2], sums[2], total[8 * WHOLE_BLOCKS][4] = {};
  for (int s = 0; s < 2; s++) {
    largest[s] = row + 8 * s < tile.rows ? sinkOf(a, ownerOf(tile, row + 8 * s).head) : 0.0f;
    sums[s] = sinkSum(a);
  }
#pragma unroll 1
  for (int round = 0; ring.firstPiece + round / 2 < ring.endPiece; round += 2) {
    float scores[8][4], out[8 * WHOLE_BLOCKS][4];
    u32 weights[8][2][HALVES];
    PieceRows piece;
    int start = (ring.firstPiece + round / 2) * PIECE_TOKENS;
    scoreKeys<FORMAT, HALVES>(a, tile, memory, firstRow, start, ring.await(round), scores);
    ring.release(round);
    const u8* values = ring.await(round + 1);
    weigh<FORMAT, HALVES>(a, tile, memory, firstRow, start, values, scores, weights, piece);
    addValues<FORMAT, HALVES, WHOLE_BLOCKS>(c, tile, part, start, values, piece, weights, out);
#pragma unroll
    for (int s = 0; s < 2; s++) {
      Merging merging = mergingOf(largest[s], piece.largest[s]);
      largest[s] = merging.largest;
      sums[s] = merge(sums[s], merging.kept, piece.sums[s], merging.added);
#pragma unroll
      for (int n = 0; n < 8 * WHOLE_BLOCKS; n++) {
#pragma unroll
        for (int i = 2 * s; i < 2 * s + 2; i++) {
          total[n][i] = merge(total[n][i], merging.kept, out[n][i], merging.added);
        }
      }
    }
    ring.release(round + 1);
  }
#pragma unroll
  for (int s = 0; s < 2; s++) {
    if (row + 8 * s >= tile.rows) continue;
    RowOwner owner = ownerOf(tile, row + 8 * s);
#pragma unroll
    for (int n = 0; n < 8 * WHOLE_BLOCKS; n++) {
#pragma unroll
      for (int i = 2 * s; i < 2 * s + 2; i++) total[n][i] = finish(total[n][i], sums[s]);
    }
    storeRow<WHOLE_BLOCKS>(
        a.attended + ((size_t)owner.token * a.heads + owner.head) * c.headSize, part, c.headSize, s,
        total);
  }
}

// A kernel for each format and number of halves, so that none pays for another's registers.
#define ATTEND(name, FORMAT, HALVES)                                                               \
  ENTRY_OF_BLOCKS(1, attendPieces##name, AttendArguments) {                                        \
    waitForPredecessor();                                                                          \
    attendPieces<FORMAT, HALVES>(a);                                                               \
  }                                                                                                \
  ENTRY_OF_BLOCKS(1, attendWhole##name, AttendArguments) {                                         \
    waitForPredecessor();                                                                          \
    attendWhole<FORMAT, HALVES>(a);                                                                \
  }
ATTEND(F32x2, KV_F32, 2)
ATTEND(F16x1, KV_F16, 1)
ATTEND(F16x2, KV_F16, 2)
ATTEND(Q8x1, KV_Q8, 1)
ATTEND(Q8x2, KV_Q8, 2)

// Adds a head's pieces: a warp has the head, 32 pieces at a time, of which a lane knows one's part in
// what is known by then, and 128 elements at a time. Those of eight pieces are on their way at once;
// of pieces beyond the last nothing is added, which changes nothing.
INLINE void combineHead(const AttendArguments& a, int head, size_t place, int position,
                        float* attended) {
  const int SIDE = 4, AHEAD = 8;
  int size = a.cache.headSize, lane = threadIdx.x % WARP;
  int first = firstPosition(a, position) / PIECE_TOKENS, end = ceilDiv(position + 1, PIECE_TOKENS);
  for (int element = lane; element - lane < size; element += SIDE * WARP) {
    float largest = sinkOf(a, head), sum = sinkSum(a), values[SIDE] = {};
    for (int batch = first; batch < end; batch += WARP) {
      bool known = batch + lane < end;
      float own = known ? a.largest[place + batch + lane] : NEGATIVE_INFINITY;
      float weight = known ? a.sums[place + batch + lane] : 0.0f;
      float upTo = lane == 0 ? fmaxf(largest, own) : own;
      for (int distance = 1; distance < WARP; distance *= 2) {
        float other = __shfl_sync(ALL_LANES, upTo, max(0, lane - distance));
        upTo = fmaxf(upTo, other);
      }
      float before = __shfl_sync(ALL_LANES, upTo, max(0, lane - 1));
      Merging merging = mergingOf(lane == 0 ? largest : before, own);
      largest = __shfl_sync(ALL_LANES, upTo, WARP - 1);
#pragma unroll 1
      for (int i = 0; i < min(WARP, end - batch); i += AHEAD) {
#pragma unroll
        for (int j = i; j < i + AHEAD; j++) {
          float kept = __shfl_sync(ALL_LANES, merging.kept, j);
          float added = __shfl_sync(ALL_LANES, merging.added, j);
          sum = merge(sum, kept, __shfl_sync(ALL_LANES, weight, j), added);
          const float* row = a.parts + (place + batch + j) * size;
          int known = batch + j < end ? size : 0;
#pragma unroll
          for (int k = 0; k < SIDE; k++) {
            float part = element + k * WARP < known ? row[element + k * WARP] : 0.0f;
            values[k] = merge(values[k], kept, part, added);
          }
        }
      }
    }
#pragma unroll
    for (int k = 0; k < SIDE; k++) {
      if (element + k * WARP < size) {
        attended[element + k * WARP] = position < 0 ? 0.0f : finish(values[k], sum);
      }
    }
  }
}

// Adds up what tokens made of pieces, and prepares the results of these and, with the first slots,
// of those that had all pieces at once: blocks of (tokens).
INLINE void combineRows(const AttendArguments& a) {
  __shared__ float scratch[ROW_THREADS / WARP];
  int token = blockIdx.x, slot = a.slots[token] - a.firstSlot;
  int size = a.cache.headSize, width = a.heads * size;
  bool whole = a.slots[token] < 0;
  if (whole ? a.firstSlot > 0 : slot < 0 || slot >= a.slotCount) return;
  float* attended = a.attended + (size_t)token * width;
  for (int head = threadIdx.x / WARP; !whole && head < a.heads; head += ROW_THREADS / WARP) {
    combineHead(a, head, ((size_t)slot * a.heads + head) * a.pieces, a.positions[token],
                attended + head * size);
  }
  __syncthreads();
  prepareRow(a.out, token, width, [&](int i) { return attended[i]; }, scratch);
}

// Of a block on a multiprocessor, so that the compiler keeps what is on its way in registers.
ENTRY_OF_BLOCKS(1, combine, AttendArguments) {
  waitForPredecessor();
  combineRows(a);
}
