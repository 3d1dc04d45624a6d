package dev.millrace.models.template;

/** A method of a built-in type of Python's. */
@FunctionalInterface
interface Method<T> {

    Object call(T self, Arguments arguments, Rendering rendering);

    /** The method as a value of its own, the way a template sees it. */
    default TemplateFunction on(T self) {
        return (arguments, rendering) -> call(self, arguments, rendering);
    }
}
