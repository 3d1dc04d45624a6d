package dev.millrace.models.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.zip.CRC32C;

/** One file, mapped: all of a model, or a part of it. */
record GgufPart(String source, FileTime changed, MemorySegment bytes, GgufHeader header) {

    private static final String NUMBER_KEY = "split.no";
    private static final String COUNT_KEY = "split.count";
    private static final String TENSORS_KEY = "split.tensors.count";
    /** How much of the tensors is looked at to tell a file from another. */
    private static final int SAMPLES = 256;
    private static final int SAMPLE_BYTES = 4096;
    private static final long DESCRIBING_BYTES = 1L << 30;

    /** @throws GgufException if there is no such file, or it is not a sound GGUF file */
    static GgufPart open(Path path, Arena arena) {
        if (!Files.isRegularFile(path)) {
            throw new GgufException(Files.exists(path)
                    ? path + " is not a file; give the path of a .gguf file"
                    : "there is no file " + path);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(),
                    arena);
            String source = path.toString();
            return new GgufPart(source, Files.getLastModifiedTime(path), bytes,
                    GgufHeader.read(new GgufCursor(bytes, source), source));
        } catch (IOException e) {
            throw new GgufException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    /** Size, time of the last change, and a checksum of the header and samples of the tensors. */
    String identity() {
        long firstTensor = header.tensors().values().stream().mapToLong(GgufTensor::offset).min()
                .orElse(bytes.byteSize());
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.asSlice(0, Math.min(firstTensor, DESCRIBING_BYTES)).asByteBuffer());
        long sampledBytes = Math.max(0, bytes.byteSize() - firstTensor - SAMPLE_BYTES);
        for (int sample = 0; sample <= SAMPLES && sampledBytes > 0; sample++) {
            checksum.update(bytes.asSlice(firstTensor
                    + (long) ((double) sampledBytes / SAMPLES * sample), SAMPLE_BYTES)
                    .asByteBuffer());
        }
        return bytes.byteSize() + " bytes of " + changed + ", crc32c "
                + Long.toHexString(checksum.getValue());
    }

    /** How many parts the model has; 1 where the file says nothing. */
    long count() {
        return header.metadata().integer(COUNT_KEY).orElse(1L);
    }

    /** Tensors in all parts, as this part has it; -1 where it says nothing. */
    long allTensors() {
        return header.metadata().integer(TENSORS_KEY).orElse(-1L);
    }

    /** @throws GgufException if the part is not the one that its name says */
    void requirePlace(int number, int count) {
        long saidNumber = header.metadata().integer(NUMBER_KEY).orElse(-1L) + 1;
        if (saidNumber != number || count() != count) {
            throw new GgufException(source + " says that it is part " + saidNumber + " of "
                    + count() + ", but its name says " + number + " of " + count
                    + "; parts are renamed or mixed up, so download them again");
        }
    }
}
