package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The files of the store: each model with a small JSON record of what it is beside it. */
final class ModelFolder {

    private static final String RECORD_SUFFIX = ".json";
    private static final String MODEL_SUFFIX = ".gguf";

    private final Path directory;
    private final JsonMapper json = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    ModelFolder(Path directory) {
        this.directory = directory;
    }

    /** What the JSON file says; the path follows from the name. */
    private record Entry(String name, String source, String sha256, long bytes, String licence,
            Instant pulled) {}

    Path modelFile(String name) {
        return directory.resolve(name + MODEL_SUFFIX);
    }

    /** A model counts as stored when its record and all of its bytes are there. */
    Optional<StoredModel> find(String name) {
        Path record = directory.resolve(name + RECORD_SUFFIX);
        if (!record.normalize().startsWith(directory.normalize()) || !Files.exists(record)) {
            return Optional.empty();
        }
        try {
            Entry entry = json.readValue(Files.readAllBytes(record), Entry.class);
            Path file = modelFile(name);
            boolean whole = Files.exists(file) && Files.size(file) == entry.bytes();
            return whole
                    ? Optional.of(new StoredModel(name, file, entry.source(), entry.sha256(),
                            entry.bytes(), entry.licence(), entry.pulled()))
                    : Optional.empty();
        } catch (IOException | JacksonException e) {
            throw new ModelException("cannot read " + record + ": " + e.getMessage()
                    + "; remove it and pull the model again", e);
        }
    }

    /** By name. */
    List<StoredModel> list() {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            List<StoredModel> models = new ArrayList<>();
            for (Path file : (Iterable<Path>) files::iterator) {
                String name = file.getFileName().toString();
                if (name.endsWith(RECORD_SUFFIX)) {
                    find(name.substring(0, name.length() - RECORD_SUFFIX.length()))
                            .ifPresent(models::add);
                }
            }
            models.sort(Comparator.comparing(StoredModel::name));
            return models;
        } catch (IOException e) {
            throw new ModelException("cannot read the model folder " + directory + ": "
                    + e.getMessage(), e);
        }
    }

    /** Takes a complete file in under its name: the file first, so that a record never lies. */
    StoredModel add(Path complete, StoredModel model) throws IOException {
        Entry entry = new Entry(model.name(), model.source(), model.sha256(), model.bytes(),
                model.licence(), model.pulled());
        Path record = directory.resolve(model.name() + RECORD_SUFFIX);
        Path written = directory.resolve("." + model.name() + RECORD_SUFFIX);
        Files.write(written, json.writeValueAsBytes(entry));
        Files.move(complete, model.path(), StandardCopyOption.ATOMIC_MOVE);
        Files.move(written, record, StandardCopyOption.ATOMIC_MOVE);
        return model;
    }

    void remove(StoredModel model) {
        try {
            Files.deleteIfExists(directory.resolve(model.name() + RECORD_SUFFIX));
            Files.deleteIfExists(model.path());
        } catch (IOException e) {
            throw new ModelException("cannot remove " + model.path() + ": " + e.getMessage(), e);
        }
    }
}
