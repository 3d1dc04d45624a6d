// Kernels that work on one row (a token, or a token and an expert of it) per block of threads.

struct EmbedArguments {
  const Matrix* matrix; // (vocabulary, width)
  const int* tokens;    // (rows)
  float* hidden;        // (rows, width)
  float factor;
  int unused;
};

KERNEL(embed, EmbedArguments) {
  const Matrix& m = *a.matrix;
  int token = a.tokens[blockIdx.x];
  float* hidden = a.hidden + (size_t)blockIdx.x * m.columns;
  for (int i = threadIdx.x; i < m.columns; i += ROW_THREADS) {
    hidden[i] = element(m, token, i) * a.factor;
  }
}

struct NormArguments {
  float* hidden;            // (tokens, width): the residual stream
  const float* branch;      // (parts, rows, width): added first; null for nothing
  const float* branchNorm;  // (width): of the branch; null for none
  const float* norm;        // (width): of the stream; null for none
  const int* tokens;        // (rows): which tokens; null for all
  float* plain;             // (rows, width): the result as floats; null for none
  Prepared out;             // (rows): the result; no high half where it is not wanted
  int width;
  float epsilon;
  float factor; // of the branch
  int parts;    // that the branch is the sum of, in their order: one of each device
};

// What a row of such elements is to be multiplied by, so that their squares average 1.
template <class Parts>
INLINE float inverseRoot(int width, float epsilon, KeptParts& kept, Parts parts,
                         float* scratch) {
  float squares = 0;
  eachPart(width, kept, parts, [&](int, float (&part)[PART]) {
#pragma unroll
    for (int i = 0; i < PART; i++) squares += part[i] * part[i];
  });
  return 1 / sqrtf(blockSum(squares, scratch) / width + epsilon);
}

// Multiplies a thread's columns by a share and the weights of a norm.
template <bool ALIGNED>
INLINE void scalePart(const float* norm, int first, int width, float share, float (&part)[PART]) {
  float weights[PART];
  loadPart<ALIGNED>(norm, first, width, weights);
#pragma unroll
  for (int i = 0; i < PART; i++) part[i] = first + i < width ? part[i] * share * weights[i] : 0.0f;
}

// Adds a branch to a row of the residual stream, of which parts are kept.
template <bool ALIGNED>
INLINE void addBranch(const NormArguments& a, const float* branch, size_t stride, float* hidden,
                      KeptParts& kept, float* scratch) {
  auto parts = [&](int first, float (&part)[PART]) {
    loadPart<ALIGNED>(branch, first, a.width, part);
#pragma unroll 1
    for (int i = 1; i < a.parts; i++) {
      float other[PART];
      loadPart<ALIGNED>(branch + i * stride, first, a.width, other);
#pragma unroll
      for (int j = 0; j < PART; j++) part[j] += other[j];
    }
  };
  keepParts(kept, parts);
  float share = a.branchNorm ? inverseRoot(a.width, a.epsilon, kept, parts, scratch) : 1.0f;
  eachPart(a.width, kept, parts, [&](int first, float (&part)[PART]) {
    if (a.branchNorm) scalePart<ALIGNED>(a.branchNorm, first, a.width, share, part);
    float sum[PART];
    loadPart<ALIGNED>(hidden, first, a.width, sum);
#pragma unroll
    for (int i = 0; i < PART; i++) part[i] = sum[i] + a.factor * part[i];
    storePart<ALIGNED>(hidden, first, a.width, part);
  });
}

template <bool ALIGNED>
INLINE void normColumns(const NormArguments& a, int row, int rows, float* hidden, float* scratch) {
  auto parts = [&](int first, float (&part)[PART]) {
    loadPart<ALIGNED>(hidden, first, a.width, part);
  };
  KeptParts kept;
  if (a.branch) {
    addBranch<ALIGNED>(a, a.branch + (size_t)row * a.width, (size_t)rows * a.width, hidden, kept,
                       scratch);
  } else {
    keepParts(kept, parts);
  }
  if (!a.plain && !a.out.high) return;
  float share = a.norm ? inverseRoot(a.width, a.epsilon, kept, parts, scratch) : 1.0f;
  auto norm = [&](int first, float (&part)[PART]) {
    if (a.norm) scalePart<ALIGNED>(a.norm, first, a.width, share, part);
  };
  auto normed = [&](int first, float (&part)[PART]) {
    parts(first, part);
    norm(first, part);
  };
  eachPart(KEPT * ROW_PARTS, kept, parts, norm);
  if (a.plain) {
    eachPart(a.width, kept, normed, [&](int first, float (&part)[PART]) {
      storePart<ALIGNED>(a.plain + (size_t)row * a.width, first, a.width, part);
    });
  }
  if (a.out.high) prepareParts(a.out, row, kept, normed, scratch);
}

// Adds a branch to the residual stream, and norms that for the next branch. A thread reads no
// columns but those that it wrote.
NOINLINE void normRow(const NormArguments& arguments, int row, int rows) {
  __shared__ float scratch[ROW_THREADS / WARP];
  NormArguments a = arguments; // which nothing that is written may change
  float* hidden = a.hidden + (size_t)(a.tokens ? a.tokens[row] : row) * a.width;
  size_t all = (size_t)a.hidden | (size_t)a.branch | (size_t)a.branchNorm | (size_t)a.norm
      | (size_t)a.plain;
  if (isAligned((const void*)all, a.width)) {
    normColumns<true>(a, row, rows, hidden, scratch);
  } else {
    normColumns<false>(a, row, rows, hidden, scratch);
  }
}

KERNEL(addAndNorm, NormArguments) { normRow(a, blockIdx.x, gridDim.x); }

enum Gate { SILU, GELU_TANH, CLAMPED_SILU };

// Columns of a row that a block of threads gates, where the row has several.
#define GATE_SLICE (4 * ROW_THREADS)

struct GateArguments {
  float* gate;     // (rows, width); what came of it, where a row has several blocks of threads
  const float* up; // (rows, width)
  u32* arrivals;   // (rows, 2): blocks that are done, and the row's largest; zeros between launches
  Prepared out;    // (rows)
  int width;
  int function;
};

INLINE float sigmoid(float x) { return 1 / (1 + expf(-x)); }

INLINE float gated(int function, float gate, float up) {
  switch (function) {
    case SILU: return gate * sigmoid(gate) * up;
    case GELU_TANH:
      return gate * sigmoid(1.5957691216f * gate + 0.0713548162726f * gate * gate * gate) * up;
    default: {
      float g = fminf(gate, 7.0f), u = fmaxf(fminf(up, 7.0f), -7.0f);
      // Which of its operands fminf gives back for one that is no number is its secret.
      if (gate != gate || up != up) return gate + up;
      return g * sigmoid(1.702f * g) * (u + 1);
    }
  }
}

// Gates some columns, where the largest of all is found by the way; returns whether they were a
// row's last. Then everything is in a.gate.
INLINE bool gateSlice(const GateArguments& a, int row, int slice, float* scratch, float* all) {
  float* gate = a.gate + (size_t)row * a.width;
  const float* up = a.up + (size_t)row * a.width;
  float largest = 0;
#pragma unroll
  for (int i = 0; i < GATE_SLICE / ROW_THREADS; i++) {
    int column = slice * GATE_SLICE + i * ROW_THREADS + threadIdx.x;
    if (column < a.width) {
      float value = gated(a.function, gate[column], up[column]);
      largest = fmaxf(largest, fabsf(value));
      gate[column] = value;
    }
  }
  largest = blockMaximum(largest, scratch);
  u32* arrivals = a.arrivals + 2 * row;
  // Floats that are not negative are in the order of their bits.
  if (threadIdx.x == 0) atomicMax(arrivals + 1, __float_as_uint(largest));
  if (!isLast(arrivals, gridDim.y)) return false;
  if (threadIdx.x == 0) *all = __int_as_float((int)atomicExch(arrivals + 1, 0));
  __syncthreads();
  return true;
}

template <bool ALIGNED>
INLINE void gateRow(const GateArguments& a, int row) {
  __shared__ float scratch[ROW_THREADS / WARP], all;
  const float* gate = a.gate + (size_t)row * a.width;
  const float* up = a.up + (size_t)row * a.width;
  KeptParts kept;
  if (gridDim.y > 1) {
    if (!gateSlice(a, row, blockIdx.y, scratch, &all)) return;
    auto parts = [&](int first, float (&part)[PART]) {
      loadPart<ALIGNED>(gate, first, a.width, part);
    };
    keepParts(kept, parts);
    prepareKnown(a.out, row, all, kept, parts);
    return;
  }
  auto parts = [&](int first, float (&part)[PART]) {
    float ups[PART];
    loadPart<ALIGNED>(gate, first, a.width, part);
    loadPart<ALIGNED>(up, first, a.width, ups);
#pragma unroll
    for (int i = 0; i < PART; i++) part[i] = gated(a.function, part[i], ups[i]);
  };
  keepParts(kept, parts);
  prepareParts(a.out, row, kept, parts, scratch);
}

// Prepares what a gate makes of two projections: blocks of (rows, slices).
KERNEL(gate, GateArguments) {
  if (isAligned(a.gate, a.width) && isAligned(a.up, a.width)) {
    gateRow<true>(a, blockIdx.x);
  } else {
    gateRow<false>(a, blockIdx.x);
  }
}

// Logits of a block of threads.
#define LOGIT_SLICE (8 * ROW_THREADS)

// What the blocks of a row know of each other; zeros between launches.
struct LogitArrivals {
  u32 count;
  u32 unused;
  u64 best; // the largest logit's key, and the complement of its index; SPOILED beats all
};

#define SPOILED 0xffffffffffffffffull

struct LogitArguments {
  float* logits;           // (rows, vocabulary)
  int* best;               // (rows, 2): the largest's index; whether all can be used as numbers
  LogitArrivals* arrivals; // (rows)
  int vocabulary;
  float factor;
  float cap;
  int unused;
};

INLINE u64 logitKey(float logit, int place) { return (u64)orderedKey(logit) << 32 | ~(u32)place; }

// What the model does to logits, and the first of the largest: blocks of (rows, slices).
KERNEL(finishLogits, LogitArguments) {
  __shared__ u64 tops[ROW_THREADS / WARP];
  float* logits = a.logits + (size_t)blockIdx.x * a.vocabulary;
  int first = blockIdx.y * LOGIT_SLICE + threadIdx.x;
  float values[LOGIT_SLICE / ROW_THREADS];
#pragma unroll
  for (int i = 0; i < LOGIT_SLICE / ROW_THREADS; i++) {
    int place = first + i * ROW_THREADS;
    values[i] = place < a.vocabulary ? logits[place] : 0.0f;
  }
  u64 top = logitKey(NEGATIVE_INFINITY, a.vocabulary);
#pragma unroll
  for (int i = 0; i < LOGIT_SLICE / ROW_THREADS; i++) {
    int place = first + i * ROW_THREADS;
    if (place >= a.vocabulary) continue;
    float logit = values[i] * a.factor;
    if (a.cap > 0) logit = a.cap * tanhf(logit / a.cap);
    logits[place] = logit;
    top = max(top, logit < -NEGATIVE_INFINITY ? logitKey(logit, place) : SPOILED);
  }
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    top = max(top, __shfl_xor_sync(ALL_LANES, top, distance));
  }
  if (threadIdx.x % WARP == 0) tops[threadIdx.x / WARP] = top;
  __syncthreads();
  LogitArrivals& arrivals = a.arrivals[blockIdx.x];
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < ROW_THREADS / WARP; warp++) top = max(top, tops[warp]);
    atomicMax(&arrivals.best, top);
  }
  if (!isLast(&arrivals.count, gridDim.y) || threadIdx.x > 0) return;
  top = atomicExch(&arrivals.best, 0ull);
  a.best[2 * blockIdx.x] = (int)~(u32)top;
  a.best[2 * blockIdx.x + 1] =
      top != SPOILED && (u32)(top >> 32) > orderedKey(NEGATIVE_INFINITY);
}

struct ReorderArguments {
  const int* order; // (columns): which one comes where
  Prepared from;    // (rows)
  Prepared to;      // (rows)
  int columns;
  int unused;
};

// Prepared rows with their columns in another order, for matrices that have theirs in it.
KERNEL(reorder, ReorderArguments) {
  int stride = a.to.stride;
  size_t start = (size_t)blockIdx.x * stride;
  if (threadIdx.x == 0) a.to.inverse[blockIdx.x] = a.from.inverse[blockIdx.x];
  for (int first = 0; first < stride; first += ROW_THREADS) {
    int i = first + threadIdx.x;
    u16 high = 0, low = 0;
    if (i < a.columns) {
      int place = preparedPlace(a.order[i]);
      high = a.from.high[start + place];
      if (a.from.low) low = a.from.low[start + place];
    }
    float sum = halfToFloat(high) + halfToFloat(low);
    for (int distance = 8; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    }
    if (i < stride) {
      int place = preparedPlace(i);
      a.to.high[start + place] = high;
      if (a.to.low) a.to.low[start + place] = low;
      if (i % 16 == 0) a.to.sums[(start + i) / 16] = sum;
    }
  }
}
