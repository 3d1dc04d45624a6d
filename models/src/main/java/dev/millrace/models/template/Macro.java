package dev.millrace.models.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A macro, together with the scope that it was defined in. */
final class Macro implements TemplateFunction {

    /** Parameters by name, and their defaults: null where there is none. */
    record Parameters(List<String> names, List<Expression> defaults) {

        static final Parameters NONE = new Parameters(List.of(), List.of());
    }

    /**
     * What a macro's definition says.
     *
     * @param reads the names that the body reads: {@code caller}, {@code varargs} and
     *              {@code kwargs} among them admit such arguments
     */
    record Signature(String name, Parameters parameters, Set<String> reads, Statement body) {}

    private final Signature signature;
    private final Scope scope;

    Macro(Signature signature, Scope scope) {
        this.signature = signature;
        this.scope = scope;
    }

    @Override
    public Object call(Arguments arguments, Rendering rendering) {
        rendering.enter();
        int callersLine = rendering.line();
        Scope inner = scope.inner();
        bind(arguments, inner);
        TextBuilder out = new TextBuilder(rendering);
        signature.body().run(inner, out);
        rendering.at(callersLine);
        rendering.leave();
        return out.toText();
    }

    private void bind(Arguments arguments, Scope inner) {
        List<Object> positional = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        List<String> parameters = signature.parameters().names();
        int consumed = Math.min(positional.size(), parameters.size());
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            if (i < consumed) {
                inner.set(parameter, positional.get(i));
            } else if (named.containsKey(parameter)) {
                inner.set(parameter, named.remove(parameter));
            } else if (signature.parameters().defaults().get(i) != null) {
                inner.set(parameter, signature.parameters().defaults().get(i).value(inner));
            } else {
                inner.set(parameter,
                        new Undefined("parameter '" + parameter + "' was not provided"));
            }
        }
        if (signature.reads().contains("caller") && !parameters.contains("caller")) {
            Object caller = named.remove("caller");
            inner.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        bindRest(positional.subList(consumed, positional.size()), named, inner);
    }

    private void bindRest(List<Object> positional, Map<String, Object> named, Scope inner) {
        if (signature.reads().contains("kwargs")) {
            Map<Object, Object> rest = new LinkedHashMap<>();
            named.forEach((name, value) -> rest.put(Text.trusted(name), value));
            inner.set("kwargs", rest);
        } else if (!named.isEmpty()) {
            throw new EvaluationException(
                    "macro '" + signature.name() + "' takes no keyword argument '"
                            + named.keySet().iterator().next() + "'");
        }
        if (signature.reads().contains("varargs")) {
            inner.set("varargs", new Tuple(positional));
        } else if (!positional.isEmpty()) {
            throw new EvaluationException("macro '" + signature.name() + "' takes not more than "
                    + signature.parameters().names().size() + " argument(s)");
        }
    }

    @Override
    public String toString() {
        return "<Macro '" + signature.name() + "'>";
    }
}
