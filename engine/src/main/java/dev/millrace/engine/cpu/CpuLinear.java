package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.WeightRole;

/**
 * A packed matrix and what is added to its product.
 *
 * @param bias  (rows); null where there is none
 * @param place where adapters keep what they add; {@link #NO_PLACE} where they add nothing
 */
record CpuLinear(CpuMatrix matrix, float[] bias, int place) {

    static final int NO_PLACE = -1;
    /** Places of one layer. */
    static final int LAYER_PLACES = 7;

    /** A projection that no adapter changes. */
    CpuLinear(CpuMatrix matrix, float[] bias) {
        this(matrix, bias, NO_PLACE);
    }

    /** The place of a layer's projection in a role. */
    static int place(WeightRole role, int layer) {
        int inLayer = switch (role) {
            case QUERY -> 0;
            case KEY -> 1;
            case VALUE -> 2;
            case ATTENTION_OUTPUT -> 3;
            case GATE -> 4;
            case UP -> 5;
            case DOWN -> 6;
            default -> NO_PLACE;
        };
        return inLayer == NO_PLACE ? NO_PLACE : layer * LAYER_PLACES + inLayer;
    }

    /** Which it is of the projections that are computed at once: they share no buffers. */
    static int ordinal(int place) {
        return switch (place % LAYER_PLACES) {
            case 1, 5 -> 1;
            case 2 -> 2;
            default -> 0;
        };
    }

    /** Runs of outputs that work is handed out in. */
    int tiles() {
        return Math.ceilDiv(matrix.rows(), matrix.rowTile());
    }

    int rows() {
        return matrix.rows();
    }
}
