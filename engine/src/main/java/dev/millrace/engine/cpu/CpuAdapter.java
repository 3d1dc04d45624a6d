package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.LoraAdapter;
import java.util.List;

/**
 * A LoRA adapter as the kernels packed it. Owns the packed memory and the opened files.
 *
 * @param slot   what rows call it; no other adapter of the pass is ever called the same
 * @param pairs  (places of {@link CpuLinear}); null where it changes nothing
 * @param bytes  memory that it takes
 * @param packed every matrix once, to close
 */
record CpuAdapter(int slot, LoraAdapter source, CpuLoraPair[] pairs, long bytes,
        List<CpuMatrix> packed) implements AutoCloseable {

    @Override
    public void close() {
        packed.forEach(CpuMatrix::close);
        source.close();
    }
}
