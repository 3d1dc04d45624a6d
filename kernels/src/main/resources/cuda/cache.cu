// The paged cache of keys and values, and how they get there.
//
// The cache of a group of layers is (blocks, layers of the group, layer bytes): a block's layers lie
// side by side, so that a block is copied at once. A layer's part of a block is keys, then values,
// (KV heads, BLOCK_TOKENS, head size) each, then for bytes the scales of both.

#define BLOCK_TOKENS 32

enum KvFormat { KV_F32, KV_F16, KV_Q8 };

struct Cache {
  u8* blocks;
  const int* tables; // (sequences, tableLength): block of each BLOCK_TOKENS positions
  int tableLength;
  int layers; // of the group
  int layer;  // in the group
  int format;
  int kvHeads;
  int headSize;
};

INLINE int keyGroups(const Cache& c) { return ceilDiv(c.headSize, 32); }

INLINE size_t layerBytes(const Cache& c) {
  size_t rows = (size_t)c.kvHeads * BLOCK_TOKENS;
  if (c.format == KV_Q8) return rows * (2 * c.headSize + 2 * (1 + keyGroups(c)));
  return 2 * rows * c.headSize * (c.format == KV_F16 ? 2 : 4);
}

INLINE u8* layerOf(const Cache& c, int sequence, int position) {
  int block = c.tables[(size_t)sequence * c.tableLength + position / BLOCK_TOKENS];
  return c.blocks + ((size_t)block * c.layers + c.layer) * layerBytes(c);
}

// Rows of head size in a layer's part: keys, then values.
INLINE int keyRow(const Cache&, int head, int position) {
  return head * BLOCK_TOKENS + position % BLOCK_TOKENS;
}

INLINE int valueRow(const Cache& c, int head, int position) {
  return (c.kvHeads + head) * BLOCK_TOKENS + position % BLOCK_TOKENS;
}

INLINE u16* scalesOf(const Cache& c, u8* layer) {
  return (u16*)(layer + 2 * (size_t)c.kvHeads * BLOCK_TOKENS * c.headSize);
}

INLINE u16* keyScale(const Cache& c, u8* layer, int row, int group) {
  return scalesOf(c, layer) + row * keyGroups(c) + group;
}

INLINE u16* valueScale(const Cache& c, u8* layer, int row) {
  int rows = c.kvHeads * BLOCK_TOKENS;
  return scalesOf(c, layer) + rows * keyGroups(c) + row - rows;
}

struct StoreArguments {
  float* query;           // (tokens, heads, head size): normed and rotated in place
  float* key;             // (tokens, KV heads, head size): likewise
  const float* value;     // (tokens, KV heads, head size)
  const float* queryNorm; // (normed query) or null
  const float* keyNorm;   // (normed key) or null
  const float* cosines;   // (positions, pairs) or null for no rotation
  const float* sines;     // (positions, pairs)
  const int* positions;   // (tokens): -1 for a token that only fills the step up
  const int* sequences;   // (tokens)
  Cache cache;
  int heads;
  int pairs;
  int adjacent;    // whether neighbours are pairs
  int queryNormed; // elements that are normed together: those of a head, or of all
  int keyNormed;
  float epsilon;
};

// Norms each head.
INLINE void normEach(float* heads, int size, const float* weight, int run, float epsilon) {
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, warps = ROW_THREADS / WARP;
  for (int first = warp * run; first < size; first += warps * run) {
    float squares = 0;
    for (int i = lane; i < run; i += WARP) squares += heads[first + i] * heads[first + i];
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      squares += __shfl_xor_sync(ALL_LANES, squares, distance);
    }
    float share = 1 / sqrtf(squares / run + epsilon);
    for (int i = lane; i < run; i += WARP) heads[first + i] *= share * weight[i];
  }
}

// Norms all heads together.
INLINE void normAll(float* heads, int size, const float* weight, float epsilon, float* scratch) {
  float squares = 0;
  for (int i = threadIdx.x; i < size; i += ROW_THREADS) squares += heads[i] * heads[i];
  float share = 1 / sqrtf(blockSum(squares, scratch) / size + epsilon);
  for (int i = threadIdx.x; i < size; i += ROW_THREADS) heads[i] *= share * weight[i];
}

INLINE void rotate(float* heads, int count, int headSize, int pairs, int adjacent,
                   const float* cosines, const float* sines) {
  for (int i = threadIdx.x; i < count * pairs; i += ROW_THREADS) {
    int pair = i % pairs;
    float* head = heads + i / pairs * headSize;
    float* x = head + (adjacent ? 2 * pair : pair);
    float* y = head + (adjacent ? 2 * pair + 1 : pair + pairs);
    float oldX = *x, oldY = *y;
    *x = oldX * cosines[pair] - oldY * sines[pair];
    *y = oldX * sines[pair] + oldY * cosines[pair];
  }
}

// The scale of codes from -127 to 127 for elements up to this size, as it will be read back.
INLINE u16 codeScale(float largest) { return floatToHalf(largest / 127); }

INLINE signed char codeOf(float value, float scale) {
  float code = scale > 0 ? rintf(value / scale) : 0.0f;
  return (signed char)fmaxf(fminf(code, 127.0f), -127.0f);
}

INLINE void storeCodes(const float* row, int size, signed char* codes, u16* scale) {
  float largest = 0;
  bool whole = true;
  for (int i = 0; i < size; i++) {
    largest = fmaxf(largest, fabsf(row[i]));
    whole = whole && fabsf(row[i]) < -NEGATIVE_INFINITY;
  }
  // What is no number must not become one.
  *scale = whole ? codeScale(largest) : (u16)0x7e00;
  float step = halfToFloat(*scale);
  for (int i = 0; i < size; i++) codes[i] = codeOf(row[i], step);
}

// Keys and values of the KV heads from the first on, as many as there are values of them.
INLINE void storeRows(const StoreArguments& a, const float* key, const float* value, int first,
                      int heads, u8* layer, int position) {
  const Cache& c = a.cache;
  int size = c.headSize, all = heads * size;
  if (c.format != KV_Q8) {
    for (int i = threadIdx.x; i < 2 * all; i += ROW_THREADS) {
      bool isKey = i < all;
      int element = isKey ? i : i - all, head = first + element / size;
      int row = isKey ? keyRow(c, head, position) : valueRow(c, head, position);
      float stored = isKey ? key[element] : value[element];
      size_t at = (size_t)row * size + element % size;
      if (c.format == KV_F16) {
        ((u16*)layer)[at] = floatToHalf(stored);
      } else {
        ((float*)layer)[at] = stored;
      }
    }
    return;
  }
  int groups = keyGroups(c);
  for (int i = threadIdx.x; i < heads * (groups + 1); i += ROW_THREADS) {
    int head = i / (groups + 1), group = i % (groups + 1);
    bool isKey = group < groups;
    int row = isKey ? keyRow(c, first + head, position) : valueRow(c, first + head, position);
    int begin = isKey ? group * 32 : 0;
    int count = isKey ? min(32, size - begin) : size;
    storeCodes((isKey ? key : value) + head * size + begin, count,
               (signed char*)layer + (size_t)row * size + begin,
               isKey ? keyScale(c, layer, row, group) : valueScale(c, layer, row));
  }
}

// Norms and rotates queries and keys of a token, and writes keys and values to the cache: of all
// heads, or of so many KV heads with their queries.
NOINLINE void storeHeads(const StoreArguments& arguments, int token, int first, int heads) {
  __shared__ float scratch[ROW_THREADS / WARP];
  StoreArguments a = arguments; // which nothing that is written may change
  int position = a.positions[token], size = a.cache.headSize, group = a.heads / a.cache.kvHeads;
  if (position < 0) return; // fills a captured step up, and is nobody's
  int querySize = heads * group * size, keySize = heads * size;
  float* query = a.query + ((size_t)token * a.heads + first * group) * size;
  size_t place = ((size_t)token * a.cache.kvHeads + first) * size;
  float* key = a.key + place;
  if (a.queryNorm && a.queryNormed > size) {
    normAll(query, querySize, a.queryNorm, a.epsilon, scratch);
    normAll(key, keySize, a.keyNorm, a.epsilon, scratch);
  } else if (a.queryNorm) {
    normEach(query, querySize, a.queryNorm, size, a.epsilon);
    normEach(key, keySize, a.keyNorm, size, a.epsilon);
  }
  __syncthreads();
  if (a.cosines) {
    const float* cosines = a.cosines + (size_t)position * a.pairs;
    const float* sines = a.sines + (size_t)position * a.pairs;
    rotate(query, heads * group, size, a.pairs, a.adjacent, cosines, sines);
    rotate(key, heads, size, a.pairs, a.adjacent, cosines, sines);
    __syncthreads();
  }
  storeRows(a, key, a.value + place, first, heads, layerOf(a.cache, a.sequences[token], position),
            position);
}

// Blocks of (tokens, shares of the KV heads).
KERNEL(store, StoreArguments) {
  int heads = a.cache.kvHeads / gridDim.y;
  storeHeads(a, blockIdx.x, blockIdx.y * heads, heads);
}
