package dev.millrace.models.template;

import java.util.List;
import java.util.stream.Stream;

/** What a set statement or a loop assigns to. */
sealed interface Target {

    void assign(Object value, Scope scope);

    /** The variables that are assigned. */
    static Stream<String> names(Target target) {
        return switch (target) {
            case Name name -> Stream.of(name.name());
            case Attribute attribute -> Stream.empty();
            case Several several -> several.targets().stream().flatMap(Target::names);
        };
    }

    record Name(String name) implements Target {
        @Override
        public void assign(Object value, Scope scope) {
            scope.set(name, value);
        }
    }

    /** {@code namespace.attribute}. */
    record Attribute(String namespace, Text attribute) implements Target {
        @Override
        public void assign(Object value, Scope scope) {
            if (!(scope.get(namespace) instanceof Namespace target)) {
                throw new EvaluationException("cannot assign attribute on non-namespace object");
            }
            target.attributes().put(attribute, value);
        }
    }

    /** {@code a, b}: takes as many elements as there are targets. */
    record Several(List<Target> targets) implements Target {
        @Override
        public void assign(Object value, Scope scope) {
            List<Object> elements = Values.elements(value, scope.rendering());
            if (elements.size() != targets.size()) {
                String what = elements.size() < targets.size() ? "not enough" : "too many";
                throw new EvaluationException(what + " values to unpack (expected " + targets.size()
                        + ", got " + elements.size() + ")");
            }
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(elements.get(i), scope);
            }
        }
    }
}
