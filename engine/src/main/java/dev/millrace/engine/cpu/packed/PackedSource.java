package dev.millrace.engine.cpu.packed;

import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Weights;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What packed weights were made from and by: only what is equal in both can stand for packing anew.
 *
 * @param file     of the model, the first if there are several; for people, and may have moved
 * @param identity of that file's content
 * @param layout   of the packed bytes
 */
public record PackedSource(Path file, String identity, String layout) {

    private static final int MAX_NAME_CHARACTERS = 80;

    /** Empty if weights are made at load, or the kernels' packed bytes cannot be kept. */
    public static Optional<PackedSource> of(CpuKernels kernels, Weights weights) {
        return weights.source().flatMap(source -> kernels.packedLayout()
                .map(layout -> new PackedSource(source.file(), source.identity(), layout)));
    }

    /** Of the same content, and in the same layout. */
    boolean matches(PackedSource other) {
        return identity.equals(other.identity) && layout.equals(other.layout);
    }

    /**
     * What a file of these weights is called. The layout is no part of it: what another build wrote
     * is replaced.
     */
    String fileName() {
        CRC32C checksum = new CRC32C();
        checksum.update(identity.getBytes(StandardCharsets.UTF_8));
        String name = file.getFileName().toString().replaceAll("[^A-Za-z0-9._-]", "_");
        return name.substring(0, Math.min(name.length(), MAX_NAME_CHARACTERS)) + "-"
                + Long.toHexString(checksum.getValue()) + PackedFolder.SUFFIX;
    }
}
