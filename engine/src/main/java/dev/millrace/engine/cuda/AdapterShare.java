package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.ShardSplit.Slice;
import dev.millrace.models.LoraPair;
import dev.millrace.models.WeightRole;

/**
 * Which part of an adapter a device has: of A the columns that it has of a projection's inputs, of
 * B the rows that it has of the outputs. Where inputs are shared out, every device makes
 * {@code B (A x)} of its own part of A and x, and what they make is added up with the parts of the
 * projection: nothing more is exchanged.
 *
 * @param split null where the device has the whole model
 */
record AdapterShare(ShardSplit split, int device) {

    static final AdapterShare WHOLE = new AdapterShare(null, 0);

    /** Columns of A. */
    Slice inputs(WeightRole role, int layer, LoraPair pair) {
        return part(split == null ? null : split.columns(role, layer, device),
                pair.a().shape().columns());
    }

    /** Rows of B. */
    Slice outputs(WeightRole role, int layer, LoraPair pair) {
        return part(split == null ? null : split.rows(role, layer, device),
                pair.b().shape().rows());
    }

    private static Slice part(Slice part, long all) {
        return part == null ? new Slice(0, (int) all) : part;
    }
}
