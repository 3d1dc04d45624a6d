package dev.millrace.models.gguf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A GGUF model, mapped: its metadata and its tensors, all known to lie inside their file. It may be
 * split over several files, of which the first has the metadata.
 */
public final class GgufFile implements AutoCloseable {

    private final Arena arena;
    private final GgufPart first;
    private final List<GgufPart> parts;
    private final Map<String, GgufTensor> tensors = new LinkedHashMap<>();
    private final Map<String, GgufPart> partByTensor = new LinkedHashMap<>();

    private GgufFile(Arena arena, List<GgufPart> parts) {
        this.arena = arena;
        this.first = parts.getFirst();
        this.parts = List.copyOf(parts);
        for (GgufPart part : parts) {
            part.header().tensors().forEach((name, tensor) -> {
                tensors.put(name, tensor);
                GgufPart other = partByTensor.put(name, part);
                if (other != null) {
                    throw new GgufException("the tensor " + GgufCursor.quote(name) + " is in "
                            + other.source() + " and in " + part.source()
                            + "; parts are mixed up, so download them again");
                }
            });
        }
        if (first.allTensors() >= 0 && first.allTensors() != tensors.size()) {
            throw new GgufException(first.source() + " says that the model has "
                    + first.allTensors() + " tensors, but its parts have " + tensors.size()
                    + "; download them again");
        }
    }

    /**
     * Maps a file and reads its header; and where it is one part of a model, whichever it is, all
     * other parts, which lie beside it.
     *
     * @throws GgufException if there is no such file, or it is not a sound GGUF file; names a part
     *                       that is missing or not the one that its name says
     */
    public static GgufFile open(Path path) {
        Arena arena = Arena.ofShared();
        GgufFile file = null;
        try {
            GgufPart given = GgufPart.open(path, arena);
            file = new GgufFile(arena, given.count() <= 1
                    ? List.of(given)
                    : openParts(path, given, arena));
            return file;
        } finally {
            if (file == null) {
                arena.close();
            }
        }
    }

    private static List<GgufPart> openParts(Path path, GgufPart given, Arena arena) {
        SplitName name = SplitName.of(path)
                .orElseThrow(() -> new GgufException(path + " is one of " + given.count()
                        + " parts of a model; to be found, parts must have names like "
                        + SplitName.PATTERN));
        given.requirePlace(name.number(), name.count());
        List<GgufPart> parts = new ArrayList<>();
        for (int number = 1; number <= name.count(); number++) {
            Path partPath = name.part(number);
            if (!Files.exists(partPath)) {
                throw new GgufException("there is no file " + partPath + ", which is part "
                        + number + " of the " + name.count() + " of this model; download it too");
            }
            GgufPart part = number == name.number() ? given : GgufPart.open(partPath, arena);
            part.requirePlace(number, name.count());
            parts.add(part);
        }
        return parts;
    }

    /** What to call this file, or its first part, in messages. */
    public String source() {
        return first.source();
    }

    /**
     * Tells the files from others with other tensors; reads all that describes the tensors and some
     * pages of those.
     */
    public String identity() {
        return parts.stream().map(GgufPart::identity).collect(Collectors.joining("; "));
    }

    /** Version of the format, 2 or 3. */
    public int version() {
        return first.header().version();
    }

    public GgufMetadata metadata() {
        return first.header().metadata();
    }

    /** Every tensor, in the order of the files. */
    public Collection<GgufTensor> tensors() {
        return tensors.values();
    }

    public Optional<GgufTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /** The tensor's blocks, borrowed from the mapping until this file is closed. */
    public MemorySegment blocks(GgufTensor tensor) {
        return partByTensor.get(tensor.name()).bytes().asSlice(tensor.offset(), tensor.bytes());
    }

    /** Unmaps the files; every tensor and array becomes invalid. */
    @Override
    public void close() {
        arena.close();
    }
}
