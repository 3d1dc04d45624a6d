package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** All safetensors files of one checkpoint as one name space. */
public final class SafetensorsFolder implements AutoCloseable {

    private static final String SINGLE_FILE = "model.safetensors";
    private static final List<String> PICKLE_SUFFIXES = List.of(".bin", ".pt", ".pth", ".ckpt",
            ".pkl");

    private final Path directory;
    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, Located> tensors = new LinkedHashMap<>();

    private record Located(SafetensorsTensor tensor, SafetensorsFile file) {}

    private SafetensorsFolder(Path directory) {
        this.directory = directory;
    }

    /**
     * Opens {@code model.safetensors}, or all shards that {@code model.safetensors.index.json}
     * names, or the only safetensors file there is.
     *
     * @throws SafetensorsException if there is none, a shard is missing or not sound, or the
     *                              weights are pickled
     */
    public static SafetensorsFolder open(Path directory) {
        SafetensorsFolder folder = new SafetensorsFolder(directory);
        boolean opened = false;
        try {
            folder.openAll();
            opened = true;
            return folder;
        } finally {
            if (!opened) {
                folder.close();
            }
        }
    }

    private void openAll() {
        Path index = directory.resolve(ShardIndex.FILE_NAME);
        if (Files.exists(directory.resolve(SINGLE_FILE))) {
            addAll(directory.resolve(SINGLE_FILE));
        } else if (Files.exists(index)) {
            addShards(index, ShardIndex.read(index));
        } else {
            addAll(onlyFile());
        }
    }

    private void addAll(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path);
        files.add(file);
        file.tensors().forEach(tensor -> tensors.put(tensor.name(), new Located(tensor, file)));
    }

    private void addShards(Path index, ShardIndex shards) {
        Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
        for (String name : shards.fileNames()) {
            Path path = directory.resolve(name);
            if (!Files.isRegularFile(path)) {
                throw new SafetensorsException(index + " names the file " + name
                        + ", which is not there; download it too");
            }
            SafetensorsFile file = SafetensorsFile.open(path);
            files.add(file);
            byName.put(name, file);
        }
        shards.shards().forEach((tensor, shard) -> {
            SafetensorsFile file = byName.get(shard);
            tensors.put(tensor, new Located(file.find(tensor).orElseThrow(
                    () -> new SafetensorsException(index + " places tensor "
                            + Quoted.text(tensor) + " in " + shard
                            + ", which has no such tensor; index and files do not belong"
                            + " together")),
                    file));
        });
    }

    private Path onlyFile() {
        List<Path> names = names();
        List<Path> candidates = names.stream()
                .filter(path -> path.toString().endsWith(".safetensors")).toList();
        if (candidates.size() == 1) {
            return candidates.getFirst();
        }
        if (candidates.size() > 1) {
            throw new SafetensorsException(directory + " has " + candidates.size()
                    + " safetensors files but no " + ShardIndex.FILE_NAME
                    + " that says what belongs together; download that too");
        }
        names.forEach(SafetensorsFolder::refusePickle);
        throw new SafetensorsException(directory + " has neither " + SINGLE_FILE + " nor "
                + ShardIndex.FILE_NAME + "; give the path of a model's directory");
    }

    private List<Path> names() {
        if (!Files.isDirectory(directory)) {
            throw new SafetensorsException(Files.exists(directory)
                    ? directory + " is not a directory"
                    : "there is no directory " + directory);
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            throw new SafetensorsException("cannot list " + directory + ": " + e.getMessage(), e);
        }
    }

    /**
     * Refuses files that only Python's unpickler reads, by their names.
     *
     * @throws SafetensorsException if it is one; says what to do instead
     */
    public static void refusePickle(Path path) {
        String name = String.valueOf(path.getFileName());
        if (PICKLE_SUFFIXES.stream().anyMatch(name::endsWith)) {
            throw new SafetensorsException(path + " holds pickled Python objects, which can run"
                    + " any program when they are read, so it is not opened; take the model's"
                    + " safetensors or GGUF files, or convert it with safetensors' convert.py");
        }
    }

    /** What to call this checkpoint in messages. */
    public String source() {
        return directory.toString();
    }

    /** Every tensor: in the order of the index, or of the only file's header. */
    public Collection<SafetensorsTensor> tensors() {
        return Collections.unmodifiableCollection(
                tensors.values().stream().map(Located::tensor).toList());
    }

    public Optional<SafetensorsTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name)).map(Located::tensor);
    }

    /** The tensor's bytes, borrowed from the mapping until this folder is closed. */
    public MemorySegment data(SafetensorsTensor tensor) {
        return tensors.get(tensor.name()).file.data(tensor);
    }

    /**
     * The tensor as it lies in the file.
     *
     * @throws SafetensorsException if its type is none that the kernels compute as it is
     */
    public QuantTensor quantTensor(SafetensorsTensor tensor) {
        QuantFormat format = tensor.type().format().orElseThrow(() -> new SafetensorsException(
                source() + ": tensor " + Quoted.text(tensor.name()) + " is " + tensor.type()
                        + ", which holds no plain weights; F32, F16 and BF16 do"));
        return QuantTensor.of(format, tensor.shape(), data(tensor));
    }

    /** Unmaps all files; every tensor becomes invalid. */
    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
