package dev.millrace.models.template;

/** What stands behind a {@code |}. */
@FunctionalInterface
interface Filter {

    Object apply(Object value, Arguments arguments, Rendering rendering);
}
