// Attention on tensor cores. Rows are a token's query heads of one KV head, and tokens that follow each
// other in a sequence share keys and values: a warp has 16 rows, and a block of threads walks the
// cache in pieces of 64 positions, which begin at multiples of that. What a row makes of a piece
// depends on nothing but the row and the piece, and results of pieces are added in their order by one
// formula: so a token's bits are the same alone and in a prompt however it was cut, and whether a
// block has one piece (attendPieces, whose results `combine` adds) or all of them (attendWhole).

#define PIECE_TOKENS 64
#define ATTEND_ROWS 16
// Keys or values that are there, and multiplied, or not: a block of the cache.
#define SEEN_TOKENS BLOCK_TOKENS
// A row's largest weight is two to this power, so that small ones are halves of full precision too.
#define WEIGHT_BITS 14
#define LOG2_E 1.44269504088896340736f

struct AttendArguments {
  const float* query;   // (tokens, heads, head size)
  const int* positions; // (tokens): -1 for none
  const int* sequences; // (tokens)
  const int* slots;     // (tokens): where results of pieces go; -1 for tokens of attendWhole
  const int* tiles;     // (tiles, 2): first token, tokens; they follow each other in a sequence
  const float* sinks;   // (heads) or null
  float* largest;       // (slots of a launch, heads, pieces): logarithms, base 2
  float* sums;          // (slots of a launch, heads, pieces)
  float* parts;         // (slots of a launch, heads, pieces, head size)
  float* attended;      // (tokens, heads, head size)
  Cache cache;
  Prepared out;    // (tokens)
  int heads;
  int window;      // positions that a token looks back; 0 for all
  int pieces;      // of a head, in the arrays
  int firstSlot;   // of the launch
  int slotCount;   // of the launch
  int rows;        // of a block of threads
  int buffers;     // for keys or values of a piece
  int unused;
  float scale;
  float cap;
};

// Rows of a block of threads, and the positions that they look at.
struct AttendTile {
  int firstToken, firstRow, rows; // rows before it in its tile of the list; rows to the tile's end
  int group, kvHead, sequence;
  int first, end;             // positions that some row looks at
  int commonFirst, commonEnd; // positions that all rows look at
};

// Whether some row looks at a block of positions.
INLINE bool isSeen(const AttendTile& tile, int start) {
  return start < tile.end && start + SEEN_TOKENS > tile.first;
}

// The shared memory of a block of threads.
struct AttendMemory {
  int* positions; // (rows): -1 for none
  float* factors; // (rows): of their scores
  u8* queries;    // (halves, rows, query stride)
  u8* ring;       // (buffers, ring bytes): keys of a piece, values of it, and so on
};

INLINE int queryStride(const Cache& c) { return ceilDiv(c.headSize, 64) * 128; }

template <int FORMAT>
INLINE int rowBytes(const Cache& c) {
  return c.headSize * (FORMAT == KV_F32 ? 4 : FORMAT == KV_F16 ? 2 : 1);
}

// Rows are filled up to 64 elements, and to all banks.
template <int FORMAT>
INLINE int rowStride(const Cache& c) {
  int blocks = ceilDiv(c.headSize, 64);
  return 128 * (FORMAT == KV_F32 ? 2 * blocks : FORMAT == KV_F16 ? blocks : ceilDiv(blocks, 2));
}

template <int FORMAT>
INLINE int ringBytes(const Cache& c) {
  return PIECE_TOKENS * (rowStride<FORMAT>(c) + (FORMAT == KV_Q8 ? 2 * keyGroups(c) : 0));
}

// Where in its row a 16-byte chunk lies, as a bit mask on its index. Lanes that one access to shared
// memory serves (8 of 16 bytes, 16 of 8) read keys of 2 or 4 rows that follow each other, a unit of 8
// elements each at 4 places side by side; and values of rows 2 apart, at 2 or 4 places. The masks
// spread them over all banks.
template <int FORMAT>
INLINE int keyMask(int row) {
  return FORMAT == KV_F32 ? row & 1 : FORMAT == KV_F16 ? (row & 1) * 4 : (row & 3) * 2;
}

template <int FORMAT>
INLINE int valueMask(int row) {
  int pair = row >> 1 & 3;
  return FORMAT == KV_F32 ? (pair & 1) | (pair >> 1) * 4 : pair * 2;
}

// A block of rows that are all looked at lies in the cache as it does in shared memory, but for the
// masks, where nothing is filled up. Rows have 128 to 1024 bytes, or this is false.
template <int FORMAT>
INLINE bool stageWhole(const Cache& c, const u8* from, bool keys, u8* to) {
  int bytes = rowBytes<FORMAT>(c), shift = bytes == 128 ? 3 : bytes == 256 ? 4 : bytes == 512 ? 5 : 6;
  if (bytes != 16 << shift || bytes != rowStride<FORMAT>(c)) return false;
#pragma unroll 4
  for (int i = threadIdx.x; i < SEEN_TOKENS << shift; i += blockDim.x) {
    int row = i >> shift;
    int mask = keys ? keyMask<FORMAT>(row) : valueMask<FORMAT>(row);
    copyAsync((uint4*)to + (i ^ mask), from + 16 * i);
  }
  return true;
}

// A block of rows of which some are not looked at, or are filled up: with zeros, which are no NaN.
template <int FORMAT>
INLINE void stagePartly(const Cache& c, const AttendTile& tile, int start, const u8* from,
                        bool keys, u8* to) {
  int bytes = rowBytes<FORMAT>(c), stride = rowStride<FORMAT>(c);
#pragma unroll 1
  for (int row = threadIdx.x / 8; row < SEEN_TOKENS; row += blockDim.x / 8) {
    int mask = keys ? keyMask<FORMAT>(row) : valueMask<FORMAT>(row);
    int held = start + row >= tile.first && start + row < tile.end ? bytes : 0;
    const u8* source = from + row * bytes;
    for (int chunk = threadIdx.x % 8; chunk < stride / 16; chunk += 8) {
      uint4* at = (uint4*)(to + row * stride) + (chunk ^ mask);
      if (chunk * 16 + 16 <= held && bytes % 16 == 0) {
        copyAsync(at, source + chunk * 16);
      } else {
        *at = {0, 0, 0, 0};
#pragma unroll 1
        for (int i = chunk * 16; i < min(held, chunk * 16 + 16); i++) ((u8*)at)[i % 16] = source[i];
      }
    }
  }
}

// Lets keys or values of a piece come into shared memory, with scales behind them.
template <int FORMAT>
INLINE void stageRows(const Cache& c, const AttendTile& tile, int piece, bool keys, u8* to) {
  int stride = rowStride<FORMAT>(c);
#pragma unroll 1
  for (int half = 0; half < PIECE_TOKENS; half += SEEN_TOKENS) {
    int start = piece * PIECE_TOKENS + half;
    if (!isSeen(tile, start)) continue;
    u8* layer = layerOf(c, tile.sequence, start);
    int cached = keys ? keyRow(c, tile.kvHead, start) : valueRow(c, tile.kvHead, start);
    const u8* from = layer + (size_t)cached * rowBytes<FORMAT>(c);
    bool all = start >= tile.first && start + SEEN_TOKENS <= tile.end;
    if (!all || !stageWhole<FORMAT>(c, from, keys, to + half * stride)) {
      stagePartly<FORMAT>(c, tile, start, from, keys, to + half * stride);
    }
    if (FORMAT == KV_Q8) {
      int scales = SEEN_TOKENS * (keys ? keyGroups(c) : 1);
      const u8* source = (const u8*)(keys ? keyScale(c, layer, cached, 0)
                                          : valueScale(c, layer, cached));
      u8* target = to + PIECE_TOKENS * stride + (half ? 2 * scales : 0);
      for (int i = threadIdx.x; i < scales / 8; i += blockDim.x) {
        copyAsync(target + 16 * i, source + 16 * i);
      }
    }
  }
}

// Two numbers as halves, and with HALVES == 2 what those leave of them.
template <int HALVES>
INLINE void splitPair(float x, float y, u32 (&halves)[HALVES]) {
  halves[0] = packHalves(x, y);
  if (HALVES == 2) {
    halves[HALVES - 1] = packHalves(x - halfToFloat((u16)halves[0]),
                                    y - halfToFloat((u16)(halves[0] >> 16)));
  }
}

// Eight of a row's elements, with zeros after its end; a null row has none.
INLINE void loadEight(const float* row, int first, int size, float (&x)[8]) {
  if (size % 8 == 0) {
    float4 low = {}, high = {};
    if (row && first < size) {
      low = *(const float4*)(row + first);
      high = *(const float4*)(row + first + 4);
    }
    x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
    x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) x[i] = row && first + i < size ? row[first + i] : 0.0f;
  }
}

// The token and head of a row.
struct RowOwner {
  int token, head;
};

INLINE RowOwner ownerOf(const AttendTile& tile, int row) {
  int index = tile.firstRow + row;
  return {tile.firstToken + index / tile.group, tile.kvHead * tile.group + index % tile.group};
}

// Queries of a warp's rows as halves, in the order of keys: four lanes have a row.
template <int HALVES>
INLINE void stageQueries(const AttendArguments& a, const AttendTile& tile, int firstRow,
                         const AttendMemory& memory) {
  const Cache& c = a.cache;
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, stride = queryStride(c);
#pragma unroll 1
  for (int row = firstRow + g; row < firstRow + ATTEND_ROWS; row += 8) {
    RowOwner owner = ownerOf(tile, row);
    bool alive = row < tile.rows;
    const float* query =
        alive ? a.query + ((size_t)owner.token * a.heads + owner.head) * c.headSize : nullptr;
    float x[8], largest = 0;
#pragma unroll 2
    for (int unit = t; unit < stride / 16; unit += 4) {
      loadEight(query, unit * 8, c.headSize, x);
      for (int i = 0; i < 8; i++) largest = fmaxf(largest, fabsf(x[i]));
    }
    largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
    PowerOfTwo range = powerFor(largest);
#pragma unroll 2
    for (int unit = t; unit < stride / 16; unit += 4) {
      loadEight(query, unit * 8, c.headSize, x);
      u32 halves[4][HALVES];
      for (int i = 0; i < 4; i++) {
        splitPair<HALVES>(x[2 * i] * range.factor, x[2 * i + 1] * range.factor, halves[i]);
      }
      for (int half = 0; half < HALVES; half++) {
        u8* to = memory.queries + (size_t)(half * a.rows + row) * stride;
        ((uint4*)to)[unit ^ keyMask<KV_F16>(row)] =
            {halves[0][half], halves[1][half], halves[2][half], halves[3][half]};
      }
    }
    if (t == 0) {
      memory.positions[row] = alive ? a.positions[owner.token] : -1;
      memory.factors[row] = __fmul_rn(a.scale, range.inverse);
    }
  }
}
