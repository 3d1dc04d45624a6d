package dev.millrace.models.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.millrace.models.ModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The files of the store: {@code NAME.gguf}, or a folder {@code NAME} of several files, each with a
 * small JSON record of what it is beside it.
 */
final class ModelFolder {

    private static final String RECORD_SUFFIX = ".json";
    private static final String MODEL_SUFFIX = ".gguf";

    private final Path directory;
    private final JsonMapper json = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .changeDefaultPropertyInclusion(
                    usual -> usual.withValueInclusion(JsonInclude.Include.NON_NULL))
            .build();

    ModelFolder(Path directory) {
        this.directory = directory;
    }

    /**
     * What the JSON file says.
     *
     * @param revision null for sources without any
     * @param opens    what opens the model, relative to its folder: empty for the folder itself;
     *                 null for a model that is one file beside the record
     * @param files    null in records of the first version, whose models are one file of the hash
     *                 {@code sha256} and the size {@code bytes}
     */
    private record Entry(String name, String source, String revision, String opens,
            List<StoredFile> files, String sha256, Long bytes, String licence, Instant pulled) {}

    void create() throws IOException {
        Files.createDirectories(directory);
    }

    /** A model counts as stored when its record and all of its bytes are there. */
    Optional<StoredModel> find(String name) {
        Path record = directory.resolve(name + RECORD_SUFFIX);
        if (!record.normalize().startsWith(directory.normalize()) || !Files.exists(record)) {
            return Optional.empty();
        }
        try {
            StoredModel model = model(name,
                    json.readValue(Files.readAllBytes(record), Entry.class));
            for (StoredFile file : model.files()) {
                Path path = location(model, file);
                if (!Files.isRegularFile(path) || Files.size(path) != file.bytes()) {
                    return Optional.empty();
                }
            }
            return Optional.of(model);
        } catch (IOException | JacksonException | NullPointerException e) {
            throw new ModelException("cannot read " + record + ": " + e.getMessage()
                    + "; remove it and pull the model again", e);
        }
    }

    private StoredModel model(String name, Entry entry) {
        List<StoredFile> files = entry.files() != null
                ? entry.files()
                : List.of(new StoredFile(name + MODEL_SUFFIX, entry.sha256(), entry.bytes()));
        Path path = entry.opens() == null
                ? directory.resolve(name + MODEL_SUFFIX)
                : directory.resolve(name).resolve(entry.opens());
        return new StoredModel(name, path, entry.source(), Optional.ofNullable(entry.revision()),
                files, entry.licence(), entry.pulled());
    }

    private Path location(StoredModel model, StoredFile file) {
        return isSingle(model)
                ? model.path()
                : directory.resolve(model.name()).resolve(file.name());
    }

    private boolean isSingle(StoredModel model) {
        return model.path().equals(directory.resolve(model.name() + MODEL_SUFFIX));
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
                if (name.endsWith(RECORD_SUFFIX) && !name.startsWith(".")) {
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

    /**
     * Takes a delivery in under a name, after opening a model: the files first, so that a record
     * never lies. The files are moved away from where they were.
     *
     * @throws ModelException if it claims to be a model and is none
     */
    StoredModel add(String name, String source, Delivery delivery) throws IOException {
        boolean single = delivery.parts().size() == 1 && !delivery.folder();
        if (single) {
            Path file = delivery.parts().getFirst().file();
            if (delivery.parts().getFirst().name().toLowerCase(Locale.ROOT)
                    .endsWith(MODEL_SUFFIX)) {
                ModelCheck.requireGguf(List.of(file), source);
            }
            List<StoredFile> files = describe(delivery, part -> name + MODEL_SUFFIX);
            Files.move(file, directory.resolve(name + MODEL_SUFFIX),
                    StandardCopyOption.ATOMIC_MOVE);
            return record(name, source, null, files, delivery);
        }
        Path incoming = directory.resolve("." + name + ".incoming");
        deleteAll(incoming);
        try {
            List<StoredFile> files = describe(delivery, Delivery.Part::name);
            List<Path> paths = new ArrayList<>();
            for (Delivery.Part part : delivery.parts()) {
                Path path = incoming.resolve(part.name());
                Files.createDirectories(path.getParent());
                Files.move(part.file(), path, StandardCopyOption.ATOMIC_MOVE);
                paths.add(path);
            }
            if (delivery.folder()) {
                ModelCheck.requireCheckpoint(incoming, source);
            } else {
                ModelCheck.requireGguf(paths, source);
            }
            Path folder = directory.resolve(name);
            deleteAll(folder);
            Files.move(incoming, folder, StandardCopyOption.ATOMIC_MOVE);
            String opens = delivery.folder() ? "" : delivery.parts().getFirst().name();
            return record(name, source, opens, files, delivery);
        } finally {
            deleteAll(incoming);
        }
    }

    private interface Naming {
        String name(Delivery.Part part);
    }

    private static List<StoredFile> describe(Delivery delivery, Naming naming)
            throws IOException {
        List<StoredFile> files = new ArrayList<>();
        for (Delivery.Part part : delivery.parts()) {
            String sha256 = part.sha256().isPresent()
                    ? part.sha256().get()
                    : ContentDigest.sha256("").compute(part.file());
            files.add(new StoredFile(naming.name(part), sha256, Files.size(part.file())));
        }
        return files;
    }

    private StoredModel record(String name, String source, String opens, List<StoredFile> files,
            Delivery delivery) throws IOException {
        Entry entry = new Entry(name, source, delivery.revision().orElse(null), opens, files, null,
                null, delivery.licence(), Instant.now());
        Path written = directory.resolve("." + name + RECORD_SUFFIX);
        Files.write(written, json.writeValueAsBytes(entry));
        Files.move(written, directory.resolve(name + RECORD_SUFFIX),
                StandardCopyOption.ATOMIC_MOVE);
        return model(name, entry);
    }

    void remove(StoredModel model) {
        try {
            Files.deleteIfExists(directory.resolve(model.name() + RECORD_SUFFIX));
            if (isSingle(model)) {
                Files.deleteIfExists(model.path());
            } else {
                deleteAll(directory.resolve(model.name()));
            }
        } catch (IOException e) {
            throw new ModelException("cannot remove " + model.path() + ": " + e.getMessage(), e);
        }
    }

    /** A folder and what is in it; links are removed, not followed. */
    private static void deleteAll(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
