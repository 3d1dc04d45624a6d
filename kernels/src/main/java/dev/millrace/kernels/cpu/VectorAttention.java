package dev.millrace.kernels.cpu;

/** Attention on the Vector API. */
final class VectorAttention implements CpuAttention {

    /** Rows that are computed together: enough to make expanding cheap, few enough to stay near. */
    private static final int MOST_ROWS = 128;

    private final CpuKvCache cache;
    private final int groupHeads;
    private final AttentionRule rule;
    private final int headSize;
    private final int paddedSize;
    private final AttentionChunk chunks;
    private final AttentionTotals totals;

    VectorAttention(AttentionKernels kernels, ElementKernels elements, int lanes, CpuKvCache cache,
            int groupHeads, AttentionRule rule, NativeVariant variant) {
        this.cache = cache;
        this.groupHeads = groupHeads;
        this.rule = rule;
        headSize = cache.headSize();
        paddedSize = cache.layout().paddedSize();
        chunks = new AttentionChunk(kernels, elements, lanes, cache, groupHeads, tokenLimit(),
                rule, variant);
        totals = new AttentionTotals(elements, tokenLimit() * groupHeads, paddedSize,
                chunks.exponentScale());
    }

    private static int tokenLimit(int groupHeads) {
        return Math.max(1, MOST_ROWS / groupHeads);
    }

    /** Scratch memory of one of these. */
    static long bytes(int groupHeads, KvLayout layout) {
        int rows = tokenLimit(groupHeads) * groupHeads;
        return AttentionChunk.bytes(rows, layout.headSize(), layout.paddedSize())
                + AttentionTotals.bytes(rows, layout.paddedSize());
    }

    @Override
    public int tokenLimit() {
        return tokenLimit(groupHeads);
    }

    @Override
    public int partSize() {
        return AttentionPart.size(groupHeads, paddedSize);
    }

    @Override
    public void attend(int layer, int kvHead, int[] blockTable, int position, int tokens,
            float[] query, int queryOffset, float[] out, int outOffset) {
        CpuAttention.checkTokens(tokens, tokenLimit());
        int stride = cache.kvHeads() * groupHeads * headSize;
        chunks.choose(layer, kvHead, blockTable);
        chunks.load(position, tokens, query, queryOffset, stride);
        totals.clear(tokens * groupHeads);
        int last = (position + tokens - 1) / CHUNK_TOKENS;
        for (int chunk = CpuAttention.firstChunk(position,
                rule.windowTokens()); chunk <= last; chunk++) {
            if (tokens > 1 && chunks.isDamaged(chunk)) {
                addOneByOne(chunk, position, tokens, query, queryOffset, stride);
            } else {
                chunks.compute(chunk);
                totals.add(chunks.part(), 0, tokens * groupHeads);
            }
        }
        for (int token = 0; token < tokens; token++) {
            write(layer, kvHead, token, out, outOffset + token * stride);
        }
    }

    private void addOneByOne(int chunk, int position, int tokens, float[] query, int queryOffset,
            int stride) {
        for (int token = 0; token < tokens; token++) {
            int first = CpuAttention.firstChunk(position + token, rule.windowTokens());
            if (chunk >= first && chunk <= (position + token) / CHUNK_TOKENS) {
                chunks.load(position + token, 1, query, queryOffset + token * stride, stride);
                chunks.compute(chunk);
                totals.add(chunks.part(), token * groupHeads, groupHeads);
            }
        }
        chunks.load(position, tokens, query, queryOffset, stride);
    }

    @Override
    public void attendChunk(int layer, int kvHead, int[] blockTable, int position, int chunk,
            float[] query, int queryOffset, float[] parts, int partsOffset) {
        chunks.choose(layer, kvHead, blockTable);
        chunks.load(position, 1, query, queryOffset, 0);
        chunks.compute(chunk);
        chunks.part().save(groupHeads, parts, partsOffset);
    }

    @Override
    public void combine(int layer, int kvHead, float[] parts, int partsOffset, int chunks,
            float[] out, int outOffset) {
        totals.clear(groupHeads);
        for (int chunk = 0; chunk < chunks; chunk++) {
            this.chunks.part().load(groupHeads, parts, partsOffset + chunk * partSize());
            totals.add(this.chunks.part(), 0, groupHeads);
        }
        write(layer, kvHead, 0, out, outOffset);
    }

    private void write(int layer, int kvHead, int token, float[] out, int outOffset) {
        for (int head = 0; head < groupHeads; head++) {
            int row = token * groupHeads + head;
            float sink = rule.sinkWeight(layer, kvHead * groupHeads + head,
                    totals.largestExponent(row)) * chunks.weightUnit();
            totals.writeMean(row, sink, chunks.valueUnit(), out, outOffset + head * headSize,
                    headSize);
        }
    }
}
