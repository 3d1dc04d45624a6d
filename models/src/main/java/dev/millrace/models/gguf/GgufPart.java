package dev.millrace.models.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** One file, mapped: all of a model, or a part of it. */
record GgufPart(String source, MemorySegment bytes, GgufHeader header) {

    private static final String NUMBER_KEY = "split.no";
    private static final String COUNT_KEY = "split.count";
    private static final String TENSORS_KEY = "split.tensors.count";

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
            return new GgufPart(source, bytes,
                    GgufHeader.read(new GgufCursor(bytes, source), source));
        } catch (IOException e) {
            throw new GgufException("cannot read " + path + ": " + e.getMessage(), e);
        }
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
