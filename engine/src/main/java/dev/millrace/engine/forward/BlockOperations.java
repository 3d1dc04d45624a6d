package dev.millrace.engine.forward;

import java.util.List;

/**
 * Cache housekeeping ahead of a step, in this order: swap out, swap in, copy, zero.
 *
 * @param swapOut device block to host block, where the geometry has swap blocks
 * @param swapIn  host block to device block
 * @param copy    device block to device block (copy on write)
 * @param zero    device blocks to clear; {@code to} is unused and equals {@code from}
 */
public record BlockOperations(List<Move> swapOut, List<Move> swapIn, List<Move> copy,
        List<Move> zero) {

    public static final BlockOperations NONE = new BlockOperations(List.of(), List.of(), List.of(),
            List.of());

    /** One block of one layer group. */
    public record Move(int group, int from, int to) {}

    public BlockOperations {
        swapOut = List.copyOf(swapOut);
        swapIn = List.copyOf(swapIn);
        copy = List.copyOf(copy);
        zero = List.copyOf(zero);
    }
}
