package dev.millrace.models.template;

/** What a template can call: a global, a macro, a method. */
@FunctionalInterface
interface TemplateFunction {

    Object call(Arguments arguments, Rendering rendering);
}
