package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

import static dev.millrace.kernels.cpu.AttentionKernels.ROWS;
import static dev.millrace.kernels.cpu.CpuAttention.CHUNK_TOKENS;
import static dev.millrace.kernels.cpu.KvLayout.LANES;
import static dev.millrace.kernels.cpu.KvLayout.TILE_TOKENS;

/**
 * Attention of a few query positions to one chunk, as products with tiles of the cache. The rows of
 * these products are the query heads of all positions, filled up to a multiple of {@link #ROWS}.
 *
 * <p>Few rows multiply tiles as they are: the time goes into reading them. For more rows a tile is
 * expanded to floats once, in the first caches. A position that a row does not attend to has a
 * weight of zero, which changes nothing if all of the chunk's elements are finite; where they are
 * not, positions have to be computed one at a time, or what follows a NaN would reach back.
 */
final class AttentionChunk {

    /** Up to so many rows, tiles are read as they are. */
    private static final int DIRECT_ROWS = 2 * ROWS;
    /** Positions whose values are expanded together. */
    private static final int PANEL_TOKENS = 128;
    private static final long ALIGNMENT_BYTES = 64;
    /** A query as it is, and rounded to bytes with scales and sums. */
    private static final int QUERY_FLOATS = 2;
    private static final int ROUNDING_FLOATS = 32;

    /**
     * Kernels take halves as too small by a power of two. The other side of a product is larger by
     * a part of that: it stays far from what a float can hold, at either end.
     */
    private static final int HALVES_SHIFT = 112;
    private static final int QUERY_SHIFT = 56;
    private static final int WEIGHT_SHIFT = 64;

    private final AttentionKernels kernels;
    private final ElementKernels elements;
    private final CpuKvCache cache;
    private final KvLayout layout;
    private final KvFormat format;
    private final int groupHeads;
    private final AttentionRule rule;
    private final int headSize;
    private final int paddedSize;

    private final float queryUnit;
    private final float scoreScale;
    private final float exponentScale; // 1 where scores are capped, which scales them
    private final int weightShift;

    private final float[] queries; // (rows, padded size)
    private final NativeTiles nativeTiles; // null where there are none
    private final MemorySegment scoreSegment; // of scores
    private final MemorySegment sumSegment; // of the part's values
    private final float[] scores; // (rows, CHUNK_TOKENS): then weights
    private final float[] keyScales = new float[LANES]; // of a group; ones where there are none
    private final float[] valueScales = new float[CHUNK_TOKENS]; // Q8_0 only
    private final float[] laneShares;
    private final AttentionPart part;
    private final MemorySegment panelMemory;
    private final long panel; // (head size, TILE_TOKENS) or (PANEL_TOKENS, LANES)

    private int layer;
    private int kvHead;
    private int[] blockTable;
    private int position; // of the first row
    private int tokens;
    private int rows; // filled up
    private int chunkBegin;
    private int begin; // of the positions that any row attends to in the chunk
    private int end;
    private int tilesBegin; // the same, widened to whole tiles
    private int tilesEnd;
    private boolean direct;

    AttentionChunk(AttentionKernels kernels, ElementKernels elements, int lanes, CpuKvCache cache,
            int groupHeads, int mostTokens, AttentionRule rule, NativeVariant variant) {
        this.kernels = kernels;
        this.elements = elements;
        this.cache = cache;
        this.groupHeads = groupHeads;
        this.rule = rule;
        layout = cache.layout();
        format = cache.format();
        headSize = layout.headSize();
        paddedSize = layout.paddedSize();
        boolean halves = format == KvFormat.F16;
        queryUnit = halves ? Math.scalb(1f, QUERY_SHIFT) : 1;
        scoreScale = halves
                ? Math.scalb(rule.scale(), HALVES_SHIFT - QUERY_SHIFT)
                : rule.scale();
        exponentScale = rule.hasSoftCap() ? 1 : scoreScale;
        weightShift = halves ? WEIGHT_SHIFT : 0;
        int mostRows = fillUp(mostTokens * groupHeads);
        queries = new float[mostRows * paddedSize];
        scores = new float[mostRows * CHUNK_TOKENS];
        part = new AttentionPart(mostRows, paddedSize);
        laneShares = new float[lanes];
        panelMemory = Arena.ofAuto().allocate(panelBytes(headSize), ALIGNMENT_BYTES);
        panel = panelMemory.address();
        Arrays.fill(keyScales, 1);
        scoreSegment = MemorySegment.ofArray(scores);
        sumSegment = MemorySegment.ofArray(part.values);
        nativeTiles = variant == null
                ? null
                : new NativeTiles(variant, layout, queries, mostRows);
    }

    private static int fillUp(int rows) {
        return Math.ceilDiv(rows, ROWS) * ROWS;
    }

    private static long panelBytes(int headSize) {
        return (long) Math.max(headSize, PANEL_TOKENS) * LANES * Float.BYTES;
    }

    static long bytes(int rows, int headSize, int paddedSize) {
        long floats = fillUp(rows)
                * (long) (QUERY_FLOATS * paddedSize + ROUNDING_FLOATS + CHUNK_TOKENS)
                + AttentionPart.size(fillUp(rows), paddedSize);
        return floats * Float.BYTES + panelBytes(headSize);
    }

    /** What scores of this are multiplied by before the exponential. */
    float exponentScale() {
        return exponentScale;
    }

    /** What weights of this are larger by than their exponentials. */
    float weightUnit() {
        return Math.scalb(1f, weightShift);
    }

    /** What values of this, divided by sums of weights, are multiplied by. */
    float valueUnit() {
        return format == KvFormat.F16 ? Math.scalb(1f, HALVES_SHIFT) : 1;
    }

    /** What {@link #compute} computed last. */
    AttentionPart part() {
        return part;
    }

    /** Chooses whose keys and values are read. */
    void choose(int layer, int kvHead, int[] blockTable) {
        this.layer = layer;
        this.kvHead = kvHead;
        this.blockTable = blockTable;
    }

    /** Gathers the query heads of positions, {@code stride} floats apart. */
    void load(int position, int tokens, float[] query, int queryOffset, int stride) {
        this.position = position;
        this.tokens = tokens;
        for (int row = 0; row < tokens * groupHeads; row++) {
            int from = queryOffset + row / groupHeads * stride + row % groupHeads * headSize;
            int to = row * paddedSize;
            for (int i = 0; i < headSize; i++) {
                queries[to + i] = query[from + i] * queryUnit;
            }
        }
        rows = fillUp(tokens * groupHeads);
        Arrays.fill(queries, tokens * groupHeads * paddedSize, rows * paddedSize, 0);
        if (nativeTiles != null) {
            nativeTiles.roundQueries(rows);
        }
    }

    /** Computes the part of a chunk, of which the loaded positions attend to some. */
    void compute(int chunk) {
        chunkBegin = chunk * CHUNK_TOKENS;
        begin = Math.max(chunkBegin, CpuAttention.firstPosition(position, rule.windowTokens()));
        end = Math.min(chunkBegin + CHUNK_TOKENS, position + tokens);
        tilesBegin = begin / TILE_TOKENS * TILE_TOKENS;
        tilesEnd = nextMultiple(end - 1, TILE_TOKENS);
        direct = rows <= DIRECT_ROWS && (format != KvFormat.F16 || !isDamaged(chunk));
        score();
        if (format == KvFormat.Q8_0 && nativeTiles == null) {
            readValueScales();
        }
        for (int row = 0; row < rows; row++) {
            weigh(row, position + row / groupHeads);
        }
        Arrays.fill(part.values, 0, rows * paddedSize, 0);
        if (nativeTiles != null) {
            addNativeTiles();
            return;
        }
        for (int token = begin; token < end;) {
            int next = Math.min(end, nextMultiple(token, direct ? TILE_TOKENS : PANEL_TOKENS));
            if (direct) {
                addValues(token, next);
            } else {
                addPanels(token, next);
            }
            token = next;
        }
    }

    /** Whether the chunk may hold an infinity or NaN that loaded positions attend to. */
    boolean isDamaged(int chunk) {
        int first = Math.max(chunk * CHUNK_TOKENS,
                CpuAttention.firstPosition(position, rule.windowTokens()));
        int past = Math.min((chunk + 1) * CHUNK_TOKENS, position + tokens);
        for (int token = first; token < past; token = nextMultiple(token, cache.blockTokens())) {
            if (cache.isDamaged(layer, blockTable[token / cache.blockTokens()])) {
                return true;
            }
        }
        return false;
    }

    private static int nextMultiple(int token, int step) {
        return token / step * step + step;
    }

    /** Dot products of all rows with all keys that any of them attends to. */
    private void score() {
        if (nativeTiles != null) {
            scoreNativeTiles();
            return;
        }
        for (int row = 0; row < rows; row++) {
            int offset = row * CHUNK_TOKENS - chunkBegin;
            Arrays.fill(scores, offset + tilesBegin, offset + tilesEnd, 0);
        }
        for (int token = tilesBegin; token < end; token += TILE_TOKENS) {
            long keys = keyTile(token);
            switch (format) {
                case F32 -> scoreFloats(keys, token - chunkBegin);
                case F16 -> scoreHalves(keys, token - chunkBegin);
                case Q8_0 -> scoreBytes(keys, token - chunkBegin);
            }
        }
    }

    private void scoreFloats(long keys, int column) {
        kernels.scoreFloats(keyScales, keys, headSize, rows, queries, 0, paddedSize, scores,
                column, CHUNK_TOKENS);
    }

    private void scoreHalves(long keys, int column) {
        if (!direct) {
            kernels.expandHalves(keys, headSize, panel);
            scoreFloats(panel, column);
            return;
        }
        kernels.multiplyHalves(keys, headSize, rows, queries, 0, paddedSize, scores, column,
                CHUNK_TOKENS);
    }

    private void scoreBytes(long keys, int column) {
        for (int i = 0; i < headSize; i += KvFormat.GROUP_ELEMENTS) {
            int count = Math.min(KvFormat.GROUP_ELEMENTS, headSize - i);
            long bytes = keys + layout.keyRow(i);
            kernels.readScales(keys + layout.keyScales(i), keyScales, 0);
            if (direct) {
                kernels.scoreBytes(keyScales, bytes, count, rows, queries, i, paddedSize, scores,
                        column, CHUNK_TOKENS);
            } else {
                kernels.expandBytes(bytes, count, panel);
                kernels.scoreFloats(keyScales, panel, count, rows, queries, i, paddedSize, scores,
                        column, CHUNK_TOKENS);
            }
        }
    }

    private void readValueScales() {
        for (int token = tilesBegin; token < end; token += TILE_TOKENS) {
            kernels.readScales(valueTile(token), valueScales, token - chunkBegin);
        }
    }

    /** Turns a row's scores into weights; outside of its own positions they are zero. */
    private void weigh(int row, int rowPosition) {
        int offset = row * CHUNK_TOKENS - chunkBegin;
        int first = Math.max(begin, CpuAttention.firstPosition(rowPosition, rule.windowTokens()));
        int past = Math.min(end, rowPosition + 1);
        if (first >= past || row >= tokens * groupHeads) {
            Arrays.fill(scores, offset + tilesBegin, offset + tilesEnd, 0);
            part.sums[row] = 0;
            return;
        }
        Arrays.fill(scores, offset + tilesBegin, offset + first, 0);
        Arrays.fill(scores, offset + past, offset + tilesEnd, 0);
        if (rule.hasSoftCap()) {
            elements.softCap(scores, offset + first, past - first, scoreScale, rule.softCap());
        }
        elements.findMaxima(scores, offset + first, past - first, laneShares);
        float max = Float.NEGATIVE_INFINITY;
        for (float share : laneShares) {
            max = Math.max(max, share);
        }
        elements.exponentiate(scores, offset + first, past - first, max, exponentScale, weightShift,
                laneShares);
        float sum = 0;
        for (float share : laneShares) {
            sum += share;
        }
        part.maxima[row] = max;
        part.sums[row] = sum;
        if (format == KvFormat.Q8_0 && nativeTiles == null) {
            for (int token = first; token < past; token++) {
                scores[offset + token] *= valueScales[token - chunkBegin];
            }
        }
    }

    /** Adds the weighted values of positions of one tile. */
    private void addValues(int first, int past) {
        long tile = valueTile(first);
        for (int slab = 0; slab < layout.slabs(); slab++) {
            long values = tile + layout.valueRow(slab, first % TILE_TOKENS);
            int weights = first - chunkBegin;
            int sums = slab * LANES;
            switch (format) {
                case F32 -> kernels.multiplyFloats(values, past - first, rows, scores, weights,
                        CHUNK_TOKENS, part.values, sums, paddedSize);
                case F16 -> kernels.multiplyHalves(values, past - first, rows, scores, weights,
                        CHUNK_TOKENS, part.values, sums, paddedSize);
                case Q8_0 -> kernels.multiplyBytes(values, past - first, rows, scores, weights,
                        CHUNK_TOKENS, part.values, sums, paddedSize);
            }
        }
    }

    /** Adds the weighted values of positions of a few tiles, expanded slab by slab. */
    private void addPanels(int first, int past) {
        for (int slab = 0; slab < layout.slabs(); slab++) {
            long to = panel;
            for (int token = first; token < past;) {
                int next = Math.min(past, nextMultiple(token, TILE_TOKENS));
                expand(valueTile(token) + layout.valueRow(slab, token % TILE_TOKENS), next - token,
                        to);
                to += (long) (next - token) * LANES * Float.BYTES;
                token = next;
            }
            kernels.multiplyFloats(panel, past - first, rows, scores, first - chunkBegin,
                    CHUNK_TOKENS, part.values, slab * LANES, paddedSize);
        }
    }

    private void expand(long values, int count, long to) {
        switch (format) {
            case F32 -> RawMemory.copy(values, to, (long) count * LANES * Float.BYTES);
            case F16 -> kernels.expandHalves(values, count, to);
            case Q8_0 -> kernels.expandBytes(values, count, to);
        }
    }

    private void scoreNativeTiles() {
        nativeTiles.clear();
        for (int token = tilesBegin; token < end; token += TILE_TOKENS) {
            nativeTiles.add(keyTile(token));
        }
        nativeTiles.score(rows, scoreSegment, tilesBegin - chunkBegin);
    }

    private void addNativeTiles() {
        nativeTiles.clear();
        for (int token = tilesBegin; token < end; token += TILE_TOKENS) {
            nativeTiles.add(valueTile(token));
        }
        nativeTiles.addValues(rows, begin - tilesBegin, end - tilesBegin, scoreSegment,
                tilesBegin - chunkBegin, sumSegment);
    }

    private long keyTile(int token) {
        return cache.keyTile(layer, blockTable[token / cache.blockTokens()], kvHead,
                token % cache.blockTokens());
    }

    private long valueTile(int token) {
        return cache.valueTile(layer, blockTable[token / cache.blockTokens()], kvHead,
                token % cache.blockTokens());
    }
}
