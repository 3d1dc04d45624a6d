package dev.millrace.engine.cpu;

import dev.millrace.engine.cpu.packed.PackedFile;
import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.cpu.packed.PackedKey;
import dev.millrace.engine.cpu.packed.PackedSource;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.Weights;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Packed weights that an earlier start left on disk, and what this one leaves there. Owns the
 * mapping, which must outlive the matrices.
 */
final class KeptWeights implements AutoCloseable {

    private static final Logger LOG = System.getLogger(KeptWeights.class.getName());

    private final CpuKernels kernels;
    private final Optional<PackedFolder> folder;
    private final Optional<PackedSource> source;
    private final Optional<PackedFile> file;
    private final Map<PackedKey, MemorySegment> contents = new LinkedHashMap<>();
    /** What came from the disk, and where it is mapped. */
    private final Map<CpuMatrix, MemorySegment> mapped = new LinkedHashMap<>();
    /** Whether all of that is on the disk already. */
    private boolean complete = true;

    private KeptWeights(CpuKernels kernels, Optional<PackedFolder> folder,
            Optional<PackedSource> source, Optional<PackedFile> file) {
        this.kernels = kernels;
        this.folder = folder;
        this.source = source;
        this.file = file;
    }

    /** @param folder empty to keep nothing */
    static KeptWeights open(Optional<PackedFolder> folder, CpuKernels kernels, Weights weights,
            WorkerPool pool) {
        Optional<PackedSource> source = folder.flatMap(_ -> PackedSource.of(kernels, weights));
        return new KeptWeights(kernels, folder, source,
                source.flatMap(known -> folder.orElseThrow().open(known, pool)));
    }

    /** A matrix as it was packed before; null if it must be packed. */
    CpuMatrix find(PackedKey key) {
        MemorySegment content = file.map(packed -> packed.find(key)).orElse(null);
        if (content == null) {
            return null;
        }
        contents.put(key, content);
        CpuMatrix matrix = kernels.restore(key.format(), key.shape(), content);
        mapped.put(matrix, content);
        return matrix;
    }

    /** Notes a matrix that was packed now. */
    void note(PackedKey key, CpuMatrix matrix) {
        kernels.packedContent(matrix).ifPresent(content -> {
            contents.put(key, content);
            complete = false;
        });
    }

    /**
     * Moves what was mapped into large pages, one matrix after the other, while steps go on: a
     * start need not wait for that memory, and decoding from pages of 4 KiB is a tenth slower. The
     * file's pages are let go as their bytes are copied, so that the weights are in memory once.
     * Where the system refuses memory, the rest stays mapped.
     */
    void settle(BooleanSupplier stop) {
        settle(kernels::own, stop);
    }

    /** @param move throws {@link OutOfMemoryError} where there is none for the matrix */
    void settle(Consumer<CpuMatrix> move, BooleanSupplier stop) {
        for (Map.Entry<CpuMatrix, MemorySegment> entry : mapped.entrySet()) {
            if (stop.getAsBoolean()) {
                return;
            }
            try {
                move.accept(entry.getKey());
            } catch (OutOfMemoryError refusal) {
                LOG.log(Level.WARNING, "weights stay in the pages of their file, from where they"
                        + " are read more slowly: {0}", refusal.getMessage());
                return;
            }
            entry.getValue().unload();
        }
    }

    /** Writes all down for the next start, unless that is there already. */
    void write(BooleanSupplier stop) {
        if (source.isPresent() && !complete) {
            folder.orElseThrow().write(source.get(), contents, stop);
        }
        contents.clear();
    }

    @Override
    public void close() {
        file.ifPresent(PackedFile::close);
    }
}
