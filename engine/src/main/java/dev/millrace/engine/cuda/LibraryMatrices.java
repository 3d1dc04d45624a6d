package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.CudaProducts.Way;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.cuda.LibraryMemory;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import java.util.ArrayList;
import java.util.List;

/**
 * Which of a model's matrices a library multiplies by: those that all tokens of a step meet. The
 * output matrix is the largest of all and meets few of them.
 */
final class LibraryMatrices {

    private static final List<WeightRole> ROLES = List.of(WeightRole.QUERY, WeightRole.KEY,
            WeightRole.VALUE, WeightRole.ATTENTION_OUTPUT, WeightRole.GATE, WeightRole.UP,
            WeightRole.DOWN, WeightRole.SHARED_GATE, WeightRole.SHARED_UP, WeightRole.SHARED_DOWN);

    private LibraryMatrices() {}

    /** What the library needs of a device's memory. @param spec of the device */
    static LibraryMemory memory(ModelSpec spec, MemoryBudget budget, CudaSettings settings) {
        List<TensorShape> shapes = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : ROLES) {
                if (role.neededBy(spec, layer)) {
                    shapes.add(role.shape(spec, layer));
                }
            }
        }
        return new LibraryMemory(shapes, budget.stepTokens(), settings.activations(),
                settings.products().way() == Way.CUBLASLT_COPIES);
    }

    /** Bytes of it: none where no product is a library's. */
    static long bytes(ModelSpec spec, MemoryBudget budget, CudaSettings settings) {
        return settings.products().library() ? memory(spec, budget, settings).bytes() : 0;
    }
}
