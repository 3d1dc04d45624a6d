package dev.millrace.server.wiring;

import dev.millrace.models.store.Licence;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model to serve.
 *
 * @param id     what clients call it
 * @param file   a GGUF file or a directory
 * @param stated its licence as the place that it is from tells; the model's own word else
 * @param draft  a smaller model that guesses for it, where there is one
 */
public record ModelSource(String id, Path file, Optional<Licence> stated, Optional<Path> draft) {

    /** A model without a draft. */
    public ModelSource(String id, Path file, Optional<Licence> stated) {
        this(id, file, stated, Optional.empty());
    }
}
