package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.WeightSizes;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.cuda.ColumnOrder;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.PreparedRows;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.Arrays;

/**
 * Orders of columns on the device, and the place where activations are brought into them. Nothing
 * of a model whose columns all lie as they are multiplied.
 */
final class ColumnOrders {

    private final DeviceLayout tables;
    private final long scratch;
    private int[] last;
    private ColumnOrder lastOrder = ColumnOrder.NONE;

    /** Puts an array into device memory. */
    interface Upload {
        void to(int[] values, long address);
    }

    /** @param address of {@link #bytes} */
    ColumnOrders(ModelSpec spec, Weights weights, MemoryBudget budget,
            CudaActivations activations, long address) {
        tables = new DeviceLayout(address);
        scratch = tables.take(any(spec, weights)
                ? PreparedRows.bytes(mostRows(spec, budget), WeightSizes.widestColumns(spec),
                        activations)
                : 0);
    }

    /** Device memory for all orders of a model, in bytes. */
    static long bytes(ModelSpec spec, Weights weights, MemoryBudget budget,
            CudaActivations activations) {
        ColumnOrders orders = new ColumnOrders(spec, weights, budget, activations, 0);
        visit(spec, weights, shape -> orders.tables.ints(shape.columns()));
        return orders.tables.taken();
    }

    /** The format that a weight is uploaded in. */
    static QuantFormat format(Weights weights, WeightRole role, int layer, int expert) {
        QuantFormat ordered = isProduct(role) ? weights.orderedFormat(role, layer, expert) : null;
        return ordered == null ? weights.format(role, layer, expert) : ordered;
    }

    /** Whether activations of a layer are multiplied by such weights. */
    static boolean isProduct(WeightRole role) {
        return role.perLayer() && role.isMatrix();
    }

    private static boolean any(ModelSpec spec, Weights weights) {
        boolean[] found = new boolean[1];
        visit(spec, weights, shape -> found[0] = true);
        return found[0];
    }

    private interface Visitor {
        void visit(TensorShape shape);
    }

    private static void visit(ModelSpec spec, Weights weights, Visitor visitor) {
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; isProduct(role) && layer < spec.layers(); layer++) {
                if (!role.neededBy(spec, layer)) {
                    continue;
                }
                int experts = role.perExpert()
                        ? spec.layer(layer).feedForward().experts().count()
                        : 1;
                for (int expert = 0; expert < experts; expert++) {
                    if (weights.orderedFormat(role, layer, role.perExpert()
                            ? expert
                            : Weights.NO_EXPERT) != null) {
                        visitor.visit(role.shape(spec, layer));
                    }
                }
            }
        }
    }

    /** Rows of the largest product: those of all chosen experts. */
    private static int mostRows(ModelSpec spec, MemoryBudget budget) {
        return budget.stepTokens() * spec.layerSpecs().stream()
                .map(layer -> layer.feedForward().experts())
                .mapToInt(experts -> experts == null ? 1 : experts.chosen()).max().orElse(1);
    }

    /** An order on the device; matrices side by side that have the same share it. */
    ColumnOrder place(int[] order, Upload upload) {
        if (!Arrays.equals(order, last)) {
            last = order;
            lastOrder = new ColumnOrder(tables.ints(order.length), scratch);
            upload.to(order, lastOrder.indices());
        }
        return lastOrder;
    }
}
