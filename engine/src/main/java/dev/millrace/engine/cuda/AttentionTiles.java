package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaAttention;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaKernels.AttendWork;
import java.util.Arrays;

/**
 * Which tokens of a step share keys and values: tiles of tokens that follow each other in a
 * sequence. Few tokens have their positions computed piece by piece, side by side; many have them
 * all at once, one after the other, where that makes blocks enough. No bit depends on it.
 */
final class AttentionTiles {

    /** Pieces that a block of threads may walk for each of the blocks that do. */
    private static final int WALKED_PIECES = 16;

    private final int pieceTokens;
    private final int wholeTokens;
    private final int kvHeads;
    private final int[] tiles; // (tokens, 2): first, count; whole ones from the end
    private final int[] slots; // (tokens)
    private int tokens;
    private boolean apart; // whether pieces must be computed side by side
    private int pieceTiles;
    private int wholeTiles;
    private int slotCount;

    /** @param heads of the device @param kvHeads likewise */
    AttentionTiles(int stepTokens, int heads, int kvHeads) {
        this.kvHeads = kvHeads;
        pieceTokens = CudaAttention.pieceTileTokens(heads / kvHeads);
        wholeTokens = CudaAttention.wholeTileTokens(heads / kvHeads);
        tiles = new int[2 * stepTokens];
        slots = new int[stepTokens];
    }

    /** Begins a step of so many tokens, those included that only fill it up. */
    void begin(StepShape shape) {
        tokens = shape.tokens();
        apart = shape.captured();
        pieceTiles = 0;
        wholeTiles = 0;
        slotCount = 0;
    }

    /**
     * Adds tokens that follow each other in a sequence.
     *
     * @param end position after the last
     */
    void add(int first, int count, int end) {
        int blocks = Math.ceilDiv(count, wholeTokens) * kvHeads;
        boolean whole = !apart && count > pieceTokens
                && Math.ceilDiv(end, CudaKernels.PIECE_TOKENS) <= WALKED_PIECES * blocks;
        int most = whole ? wholeTokens : pieceTokens;
        for (int token = first; token < first + count; token += most) {
            int tile = whole ? tokens - ++wholeTiles : pieceTiles++;
            tiles[2 * tile] = token;
            tiles[2 * tile + 1] = Math.min(most, first + count - token);
        }
        for (int token = first; token < first + count; token++) {
            slots[token] = whole ? -1 : slotCount++;
        }
    }

    /**
     * Ends the step: tokens that only fill it up have slots, and the tiles that are left nothing.
     *
     * @param first of those tokens
     */
    void end(int first) {
        for (int token = first; token < tokens; token++) {
            slots[token] = slotCount++;
        }
        Arrays.fill(tiles, 2 * pieceTiles, 2 * (tokens - wholeTiles), 0);
    }

    /** (tokens) where results of pieces go. */
    int[] slots() {
        return slots;
    }

    /** (tokens, 2) first tokens and counts: those of pieces first, whole ones at the end. */
    int[] tiles() {
        return tiles;
    }

    /** What there is to attend to. @param slotsAtOnce that there is scratch memory for */
    AttendWork work(StepShape shape, int slotsAtOnce) {
        return shape.captured()
                ? new AttendWork(shape.tokens(), shape.tokens(), 0, shape.tokens(),
                        shape.pieces(), slotsAtOnce)
                : new AttendWork(shape.tokens(), pieceTiles, wholeTiles, slotCount,
                        shape.pieces(), slotsAtOnce);
    }
}
