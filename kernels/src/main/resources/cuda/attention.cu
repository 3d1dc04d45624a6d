// Attention over a paged cache of keys and values, and what comes before it.
//
// The cache of a group of layers is (blocks, layers of the group, layer bytes): a block's layers lie
// side by side, so that a block is copied at once. A layer's part of a block is keys, then values,
// (KV heads, BLOCK_TOKENS, head size) each, then for bytes the scales of both.

#define BLOCK_TOKENS 32
// Positions that one block of threads attends to. Results of chunks are added in their order and
// begin at multiples of this: a position's bits do not depend on how the prompt was cut.
#define CHUNK_TOKENS 256
#define ATTEND_THREADS 128

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

struct AttendArguments {
  const float* query;   // (tokens, heads, head size)
  const int* positions; // (tokens): -1 for none
  const int* sequences; // (tokens)
  const float* sinks;   // (heads) or null
  float* largest;       // (tokens of a launch, heads, chunks)
  float* sums;          // (tokens of a launch, heads, chunks)
  float* parts;         // (tokens of a launch, heads, chunks, head size)
  float* attended;      // (tokens, heads, head size)
  Cache cache;
  Prepared out;   // (tokens)
  int heads;
  int window;     // positions that a token looks back; 0 for all
  int chunks;     // of a head, in the arrays
  int firstToken; // of the launch
  float scale;
  float cap;
};

INLINE int firstPosition(const AttendArguments& a, int position) {
  return a.window == 0 ? 0 : max(0, position - a.window + 1);
}

// Elements of a key from `at` on: 16 bytes of halves at once where head sizes allow.
template <int FORMAT, int ELEMENTS>
INLINE void loadKey(const u8* layer, size_t at, float (&key)[ELEMENTS]) {
  if (ELEMENTS == 1) {
    key[0] = FORMAT == KV_F32 ? ((const float*)layer)[at]
        : FORMAT == KV_F16 ? halfToFloat(((const u16*)layer)[at])
                           : (float)((const signed char*)layer)[at];
  } else if (FORMAT == KV_F32) {
    for (int i = 0; i < ELEMENTS; i++) key[i] = ((const float*)layer)[at + i];
  } else if (FORMAT == KV_F16) {
    uint4 halves = *(const uint4*)((const u16*)layer + at);
#pragma unroll
    for (int i = 0; i < ELEMENTS; i++) {
      key[i] = halfToFloat((u16)(word(halves, i / 2) >> (i % 2 * 16)));
    }
  } else {
    uint2 codes = *(const uint2*)(layer + at);
#pragma unroll
    for (int i = 0; i < ELEMENTS; i++) {
      key[i] = (float)(signed char)((i < 4 ? codes.x : codes.y) >> (i % 4 * 8));
    }
  }
}

// What a block of threads attends to.
struct AttendedChunk {
  int sequence, first, count; // positions
  int kvHead, group;          // query heads of it
  const float* queries;       // shared, (group, head size)
  float* scores;              // shared, (group, CHUNK_TOKENS)
};

// Products of queries with keys: a thread has a position, and a key is read once for HEADS heads.
template <int FORMAT, int HEADS, int ELEMENTS>
INLINE void scoreKeys(const AttendArguments& a, const AttendedChunk& chunk) {
  const Cache& c = a.cache;
  int size = c.headSize;
  for (int i = threadIdx.x; i < chunk.count; i += ATTEND_THREADS) {
    u8* layer = layerOf(c, chunk.sequence, chunk.first + i);
    int row = keyRow(c, chunk.kvHead, chunk.first + i);
    for (int head = 0; head < chunk.group; head += HEADS) {
      float sum[HEADS] = {}, part[HEADS] = {};
      for (int first = 0; first < size; first += ELEMENTS) {
        float key[ELEMENTS];
        loadKey<FORMAT, ELEMENTS>(layer, (size_t)row * size + first, key);
        float scale = 1;
        bool ends = (first + ELEMENTS) % 32 == 0 || first + ELEMENTS == size;
        if (FORMAT == KV_Q8 && ends) scale = halfToFloat(*keyScale(c, layer, row, first / 32));
#pragma unroll
        for (int k = 0; k < HEADS; k++) {
          const float* query = chunk.queries + min(head + k, chunk.group - 1) * size + first;
          float* to = FORMAT == KV_Q8 ? part : sum;
#pragma unroll
          for (int element = 0; element < ELEMENTS; element++) {
            to[k] += query[element] * key[element];
          }
          if (FORMAT == KV_Q8 && ends) {
            sum[k] += part[k] * scale;
            part[k] = 0;
          }
        }
      }
#pragma unroll
      for (int k = 0; k < HEADS; k++) {
        float score = sum[k] * a.scale;
        if (a.cap > 0) score = a.cap * tanhf(score / a.cap);
        if (head + k < chunk.group) chunk.scores[(head + k) * CHUNK_TOKENS + i] = score;
      }
    }
  }
}

// Values by their weights: a thread has an element of HEADS heads, and reads each value once.
template <int FORMAT, int HEADS>
INLINE void addValues(const AttendArguments& a, const AttendedChunk& chunk, size_t place) {
  const Cache& c = a.cache;
  int size = c.headSize;
  for (int i = threadIdx.x; i < ceilDiv(chunk.group, HEADS) * size; i += ATTEND_THREADS) {
    int head = i / size * HEADS, element = i % size;
    float sum[HEADS] = {};
    for (int p = 0; p < chunk.count;) {
      int position = chunk.first + p;
      int end = min(chunk.count, p + BLOCK_TOKENS - position % BLOCK_TOKENS);
      u8* layer = layerOf(c, chunk.sequence, position);
      int row = valueRow(c, chunk.kvHead, position) - p;
#pragma unroll 4
      for (; p < end; p++) {
        size_t at = (size_t)(row + p) * size + element;
        float value = FORMAT == KV_F32 ? ((const float*)layer)[at]
            : FORMAT == KV_F16 ? halfToFloat(((const u16*)layer)[at])
            : ((const signed char*)layer)[at] * halfToFloat(*valueScale(c, layer, row + p));
#pragma unroll
        for (int k = 0; k < HEADS; k++) {
          sum[k] += chunk.scores[min(head + k, chunk.group - 1) * CHUNK_TOKENS + p] * value;
        }
      }
    }
#pragma unroll
    for (int k = 0; k < HEADS; k++) {
      if (head + k < chunk.group) {
        a.parts[(place + (size_t)(head + k) * a.chunks) * size + element] = sum[k];
      }
    }
  }
}

template <int FORMAT>
INLINE void scoreAll(const AttendArguments& a, const AttendedChunk& chunk) {
  if (a.cache.headSize % 8 != 0) {
    scoreKeys<FORMAT, 4, 1>(a, chunk);
  } else if (chunk.group == 1) {
    scoreKeys<FORMAT, 1, 8>(a, chunk);
  } else {
    scoreKeys<FORMAT, 4, 8>(a, chunk);
  }
}

template <int FORMAT>
INLINE void addAll(const AttendArguments& a, const AttendedChunk& chunk, size_t place) {
  if (chunk.group == 1) {
    addValues<FORMAT, 1>(a, chunk, place);
  } else {
    addValues<FORMAT, 4>(a, chunk, place);
  }
}

// The heads of one KV head over one chunk: blocks of (KV heads, tokens, chunks).
KERNEL(attend, AttendArguments) {
  DYNAMIC_SHARED(float, shared);
  const Cache& c = a.cache;
  int token = a.firstToken + blockIdx.y, position = a.positions[token];
  int first = max((int)blockIdx.z * CHUNK_TOKENS, firstPosition(a, position));
  int end = min((int)blockIdx.z * CHUNK_TOKENS + CHUNK_TOKENS, position + 1);
  if (first >= end) return;
  int group = a.heads / c.kvHeads, kvHead = blockIdx.x, size = c.headSize;
  float* queries = shared;                // (group, head size)
  float* scores = shared + group * size;  // (group, CHUNK_TOKENS)
  const float* query = a.query + ((size_t)token * a.heads + kvHead * group) * size;
  for (int i = threadIdx.x; i < group * size; i += ATTEND_THREADS) queries[i] = query[i];
  __syncthreads();
  int count = end - first;
  AttendedChunk chunk = {a.sequences[token], first, count, kvHead, group, queries, scores};
  switch (c.format) {
    case KV_F32: scoreAll<KV_F32>(a, chunk); break;
    case KV_F16: scoreAll<KV_F16>(a, chunk); break;
    default: scoreAll<KV_Q8>(a, chunk);
  }
  __syncthreads();
  size_t place = ((size_t)blockIdx.y * a.heads + kvHead * group) * a.chunks + blockIdx.z;
  int lane = threadIdx.x % WARP;
  for (int head = threadIdx.x / WARP; head < group; head += ATTEND_THREADS / WARP) {
    float* row = scores + head * CHUNK_TOKENS;
    float largest = NEGATIVE_INFINITY;
    for (int i = lane; i < count; i += WARP) largest = fmaxf(largest, row[i]);
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, distance));
    }
    float sum = 0;
    for (int i = lane; i < count; i += WARP) sum += row[i] = expf(row[i] - largest);
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    }
    if (lane == 0) {
      a.largest[place + (size_t)head * a.chunks] = largest;
      a.sums[place + (size_t)head * a.chunks] = sum;
    }
  }
  __syncthreads();
  switch (c.format) {
    case KV_F32: addAll<KV_F32>(a, chunk, place); break;
    case KV_F16: addAll<KV_F16>(a, chunk, place); break;
    default: addAll<KV_Q8>(a, chunk, place);
  }
}

// Adds the chunks of a token's heads in their order, and prepares the result: blocks of (tokens).
KERNEL(combine, AttendArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  int token = a.firstToken + blockIdx.x, size = a.cache.headSize, width = a.heads * size;
  int position = a.positions[token];
  int firstChunk = firstPosition(a, position) / CHUNK_TOKENS;
  int endChunk = ceilDiv(position + 1, CHUNK_TOKENS);
  float* attended = a.attended + (size_t)token * width;
  for (int i = threadIdx.x; i < width; i += ROW_THREADS) {
    int head = i / size, element = i % size;
    size_t place = ((size_t)blockIdx.x * a.heads + head) * a.chunks;
    float largest = a.sinks ? a.sinks[head] : NEGATIVE_INFINITY, sum = a.sinks ? 1.0f : 0.0f;
    float value = 0;
    for (int chunk = firstChunk; chunk < endChunk; chunk++) {
      float other = a.largest[place + chunk];
      float common = fmaxf(largest, other);
      float kept = expf(largest - common), added = expf(other - common);
      sum = sum * kept + a.sums[place + chunk] * added;
      value = value * kept + a.parts[(place + chunk) * size + element] * added;
      largest = common;
    }
    attended[i] = position < 0 ? 0.0f : value / sum;
  }
  __syncthreads();
  prepareRow(a.out, token, width, [&](int i) { return attended[i]; }, scratch);
}
