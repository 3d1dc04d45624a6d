package dev.millrace.models.template;

/** What stands behind {@code is}. */
@FunctionalInterface
interface ValueTest {

    boolean holds(Object value, Arguments arguments, Rendering rendering);
}
