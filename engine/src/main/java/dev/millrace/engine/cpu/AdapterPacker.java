package dev.millrace.engine.cpu;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.LoraPair;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Packs the matrices of one adapter. */
final class AdapterPacker {

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final ModelSpec spec;
    private final int stepTokens;
    private final List<CpuMatrix> packed = new ArrayList<>();
    private final Map<Inner, Activations> inner = new HashMap<>();
    private long bytes;

    /** Pairs that are used at once, such as those of queries and keys, have inner rows apart. */
    private record Inner(int ordinal, int rank) {}

    AdapterPacker(CpuKernels kernels, WorkerPool pool, ModelSpec spec, int stepTokens) {
        this.kernels = kernels;
        this.pool = pool;
        this.spec = spec;
        this.stepTokens = stepTokens;
    }

    /** @param adapter owned by what is returned; still the caller's if packing fails */
    CpuAdapter pack(int slot, LoraAdapter adapter) {
        try {
            CpuLoraPair[] pairs = new CpuLoraPair[spec.layers() * CpuLinear.LAYER_PLACES];
            for (int layer = 0; layer < spec.layers(); layer++) {
                for (WeightRole role : LoraAdapter.ROLES) {
                    LoraPair pair = adapter.find(role, layer);
                    if (pair != null) {
                        pairs[CpuLinear.place(role, layer)] = pack(role, pair);
                    }
                }
            }
            return new CpuAdapter(slot, adapter, pairs, bytes, List.copyOf(packed));
        } catch (RuntimeException | Error e) {
            packed.forEach(CpuMatrix::close);
            throw e;
        }
    }

    private CpuLoraPair pack(WeightRole role, LoraPair pair) {
        Activations rows = inner.computeIfAbsent(inner(role, pair), this::open);
        return new CpuLoraPair(pack(pair.a()), pack(pair.b()), pair.scale(), rows);
    }

    private Activations open(Inner key) {
        bytes += kernels.activationBytes(stepTokens, key.rank);
        return kernels.openActivations(stepTokens, key.rank);
    }

    private CpuMatrix pack(QuantTensor tensor) {
        CpuMatrix matrix = kernels.pack(tensor, pool);
        packed.add(matrix);
        bytes += matrix.bytes();
        return matrix;
    }

    private static Inner inner(WeightRole role, LoraPair pair) {
        return new Inner(CpuLinear.ordinal(CpuLinear.place(role, 0)), pair.rank());
    }

    /** What a packed adapter will take, in bytes. */
    static long bytes(CpuKernels kernels, ModelSpec spec, int stepTokens, LoraAdapter adapter) {
        Map<Inner, Long> innerBytes = new HashMap<>();
        long matrices = 0;
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : LoraAdapter.ROLES) {
                LoraPair pair = adapter.find(role, layer);
                if (pair != null) {
                    matrices += bytes(kernels, pair.a()) + bytes(kernels, pair.b());
                    innerBytes.put(inner(role, pair),
                            kernels.activationBytes(stepTokens, pair.rank()));
                }
            }
        }
        return matrices + innerBytes.values().stream().mapToLong(Long::longValue).sum();
    }

    private static long bytes(CpuKernels kernels, QuantTensor tensor) {
        return kernels.packedBytes(tensor.format(), tensor.shape());
    }
}
