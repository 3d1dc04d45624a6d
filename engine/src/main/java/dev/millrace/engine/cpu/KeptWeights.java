package dev.millrace.engine.cpu;

import dev.millrace.engine.cpu.packed.PackedFile;
import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.cpu.packed.PackedKey;
import dev.millrace.engine.cpu.packed.PackedSource;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Packed weights that an earlier start left on disk, and what this one leaves there. Holds the
 * file's mapping until all weights are in memory of their own.
 */
final class KeptWeights implements AutoCloseable {

    private final CpuKernels kernels;
    private final Optional<PackedFolder> folder;
    private final Optional<PackedSource> source;
    private final WorkerPool pool;
    private final Optional<PackedFile> file;
    private final Map<PackedKey, MemorySegment> contents = new LinkedHashMap<>();
    /** Whether all of that is on the disk already. */
    private boolean complete = true;

    private KeptWeights(CpuKernels kernels, Optional<PackedFolder> folder,
            WorkerPool pool, Optional<PackedSource> source, Optional<PackedFile> file) {
        this.kernels = kernels;
        this.pool = pool;
        this.folder = folder;
        this.source = source;
        this.file = file;
    }

    /** @param folder empty to keep nothing */
    static KeptWeights open(Optional<PackedFolder> folder, CpuKernels kernels, Weights weights,
            WorkerPool pool) {
        Optional<PackedSource> source = folder.flatMap(_ -> PackedSource.of(kernels, weights));
        return new KeptWeights(kernels, folder, pool, source,
                source.flatMap(known -> folder.orElseThrow().open(known, pool)));
    }

    /** A matrix as it was packed before; null if it must be packed. */
    CpuMatrix find(PackedKey key) {
        MemorySegment content = file.map(packed -> packed.find(key)).orElse(null);
        if (content == null) {
            return null;
        }
        CpuMatrix matrix = kernels.restore(key.format(), key.shape(), content, pool);
        contents.put(key, kernels.packedContent(matrix).orElseThrow());
        return matrix;
    }

    /** Notes a matrix that was packed now. */
    void note(PackedKey key, CpuMatrix matrix) {
        kernels.packedContent(matrix).ifPresent(content -> {
            contents.put(key, content);
            complete = false;
        });
    }

    /** Writes all down for the next start, unless that is there already. */
    void write(BooleanSupplier stop) {
        if (source.isPresent() && !complete) {
            folder.orElseThrow().write(source.get(), contents, stop);
        }
        contents.clear();
    }

    /** Lets go of the file, once all weights have been found or packed. */
    @Override
    public void close() {
        file.ifPresent(PackedFile::close);
    }
}
