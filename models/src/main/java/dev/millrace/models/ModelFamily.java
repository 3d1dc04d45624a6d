package dev.millrace.models;

import dev.millrace.models.ModelSpec.Activation;
import dev.millrace.models.RopeSpec.Layout;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** The architectures that this version runs, and in what they differ beyond their sizes. */
enum ModelFamily {
    /** Also Mistral and the many others whose files name this architecture. */
    LLAMA("llama", Layout.ADJACENT, Activation.SILU);

    private final String architecture;
    private final Layout ropeLayout;
    private final Activation activation;

    ModelFamily(String architecture, Layout ropeLayout, Activation activation) {
        this.architecture = architecture;
        this.ropeLayout = ropeLayout;
        this.activation = activation;
    }

    static Optional<ModelFamily> of(String architecture) {
        return Arrays.stream(values()).filter(family -> family.architecture.equals(architecture))
                .findFirst();
    }

    /** The architectures that this version runs, for messages. */
    static String supported() {
        return Arrays.stream(values()).map(ModelFamily::architecture)
                .collect(Collectors.joining(", "));
    }

    /** The name that files use, and the prefix of their metadata keys. */
    String architecture() {
        return architecture;
    }

    Layout ropeLayout() {
        return ropeLayout;
    }

    Activation activation() {
        return activation;
    }
}
