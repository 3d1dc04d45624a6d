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

template <class Values>
INLINE float inverseRoot(int width, float epsilon, Values value, float* scratch) {
  float squares = 0;
  for (int i = threadIdx.x; i < width; i += ROW_THREADS) squares += value(i) * value(i);
  return 1 / sqrtf(blockSum(squares, scratch) / width + epsilon);
}

// Adds a branch to the residual stream, and norms that for the next branch.
KERNEL(addAndNorm, NormArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  int row = blockIdx.x;
  float* hidden = a.hidden + (size_t)(a.tokens ? a.tokens[row] : row) * a.width;
  if (a.branch) {
    const float* parts = a.branch + (size_t)row * a.width;
    size_t stride = (size_t)gridDim.x * a.width;
    auto branch = [&](int i) {
      float sum = parts[i];
      for (int part = 1; part < a.parts; part++) sum += parts[part * stride + i];
      return sum;
    };
    float share = a.branchNorm ? inverseRoot(a.width, a.epsilon, branch, scratch) : 1.0f;
    for (int i = threadIdx.x; i < a.width; i += ROW_THREADS) {
      float added = a.branchNorm ? branch(i) * share * a.branchNorm[i] : branch(i);
      hidden[i] += a.factor * added;
    }
    __syncthreads();
  }
  float share = a.norm
      ? inverseRoot(a.width, a.epsilon, [&](int i) { return hidden[i]; }, scratch) : 1.0f;
  auto value = [&](int i) { return a.norm ? hidden[i] * share * a.norm[i] : hidden[i]; };
  if (a.plain) {
    for (int i = threadIdx.x; i < a.width; i += ROW_THREADS) {
      a.plain[(size_t)row * a.width + i] = value(i);
    }
  }
  if (a.out.high) prepareRow(a.out, row, a.width, value, scratch);
}

enum Gate { SILU, GELU_TANH, CLAMPED_SILU };

struct GateArguments {
  const float* gate; // (rows, width)
  const float* up;   // (rows, width)
  Prepared out;      // (rows)
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

KERNEL(gate, GateArguments) {
  __shared__ float scratch[ROW_THREADS / WARP];
  const float* gate = a.gate + (size_t)blockIdx.x * a.width;
  const float* up = a.up + (size_t)blockIdx.x * a.width;
  prepareRow(a.out, blockIdx.x, a.width,
             [&](int i) { return gated(a.function, gate[i], up[i]); }, scratch);
}

struct LogitArguments {
  float* logits; // (rows, vocabulary)
  int* best;     // (rows, 2): the largest's index; whether all of them are numbers that can be used
  int vocabulary;
  float factor;
  float cap;
  int unused;
};

// What the model does to logits, and the first of the largest.
KERNEL(finishLogits, LogitArguments) {
  __shared__ float values[ROW_THREADS];
  __shared__ int places[ROW_THREADS];
  __shared__ int spoiled;
  float* logits = a.logits + (size_t)blockIdx.x * a.vocabulary;
  float best = NEGATIVE_INFINITY;
  int place = a.vocabulary;
  if (threadIdx.x == 0) spoiled = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < a.vocabulary; i += ROW_THREADS) {
    float logit = logits[i] * a.factor;
    if (a.cap > 0) logit = a.cap * tanhf(logit / a.cap);
    logits[i] = logit;
    if (!(logit < -NEGATIVE_INFINITY)) spoiled = 1;
    if (logit > best) {
      best = logit;
      place = i;
    }
  }
  values[threadIdx.x] = best;
  places[threadIdx.x] = place;
  for (int distance = ROW_THREADS / 2; distance > 0; distance /= 2) {
    __syncthreads();
    if ((int)threadIdx.x < distance) {
      float other = values[threadIdx.x + distance];
      int otherPlace = places[threadIdx.x + distance];
      if (other > values[threadIdx.x]
          || (other == values[threadIdx.x] && otherPlace < places[threadIdx.x])) {
        values[threadIdx.x] = other;
        places[threadIdx.x] = otherPlace;
      }
    }
  }
  if (threadIdx.x == 0) {
    a.best[2 * blockIdx.x] = places[0];
    a.best[2 * blockIdx.x + 1] = !spoiled && values[0] > NEGATIVE_INFINITY;
  }
}
