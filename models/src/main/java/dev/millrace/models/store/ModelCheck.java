package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.safetensors.SafetensorsException;
import dev.millrace.models.safetensors.SafetensorsFolder;
import java.nio.file.Path;
import java.util.List;

/**
 * Opens what was pulled before the store takes it in: every header is read, every tensor must lie
 * inside its file. Whether this version computes the model is another question, asked at load.
 */
final class ModelCheck {

    private ModelCheck() {}

    /**
     * GGUF files, each of them.
     *
     * @param source where they came from, for the message
     */
    static void requireGguf(List<Path> files, String source) {
        for (Path file : files) {
            try (GgufFile _ = GgufFile.open(file)) {
                continue;
            } catch (GgufException e) {
                throw refuse(source, e);
            }
        }
    }

    /** A folder with safetensors files. */
    static void requireCheckpoint(Path folder, String source) {
        try (SafetensorsFolder _ = SafetensorsFolder.open(folder)) {
            return;
        } catch (SafetensorsException e) {
            throw refuse(source, e);
        }
    }

    private static ModelException refuse(String source, RuntimeException reason) {
        return new ModelException("what came from " + source + " is not a model that can be used: "
                + reason.getMessage() + "; it was deleted", reason);
    }
}
