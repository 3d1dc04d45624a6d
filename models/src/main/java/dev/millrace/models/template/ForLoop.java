package dev.millrace.models.template;

import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * A for loop.
 *
 * @param condition which items to take, or null for all
 * @param otherwise what runs if no run of the body reached its end (which is what Jinja does where
 *                  its documentation speaks of no items), or null
 */
record ForLoop(Target target, Expression items, Expression condition, boolean recursive,
        Statement body,
        Statement otherwise, int line) implements Statement {

    @Override
    public Flow execute(Scope scope, TextBuilder out) {
        scope.rendering().at(line);
        return loop(items.value(scope), 0, scope, out);
    }

    private Flow loop(Object iterated, int depth, Scope scope, TextBuilder out) {
        Iterator<Object> source = Values.iterator(iterated, scope.rendering());
        Iterator<Object> taken = condition == null ? source : new Taken(source, scope);
        LoopState state = new LoopState(taken, depth, recursive ? recursion(depth, scope) : null);
        boolean completed = false;
        while (state.hasNext()) {
            scope.rendering().charge(1);
            Scope inner = scope.inner();
            inner.set("loop", state);
            target.assign(state.advance(), inner);
            Flow flow = body.run(inner, out);
            if (flow == Flow.BREAK) {
                break;
            }
            completed |= flow == Flow.NEXT;
        }
        return completed || otherwise == null ? Flow.NEXT : otherwise.run(scope, out);
    }

    /** Calling the loop renders its body for other items, one level deeper. */
    private TemplateFunction recursion(int depth, Scope scope) {
        return (arguments, rendering) -> {
            Object items = arguments.bind("loop", "iterable").required(0);
            TextBuilder out = new TextBuilder(rendering);
            rendering.enter();
            loop(items, depth + 1, scope, out);
            rendering.leave();
            return out.toText();
        };
    }

    /** The items for which the condition holds; it is asked late, when the loop gets there. */
    private final class Taken implements Iterator<Object> {

        private final Iterator<Object> source;
        private final Scope scope;
        private Object next;
        private boolean found;

        Taken(Iterator<Object> source, Scope scope) {
            this.source = source;
            this.scope = scope;
        }

        @Override
        public boolean hasNext() {
            while (!found && source.hasNext()) {
                next = source.next();
                Scope inner = scope.inner();
                target.assign(next, inner);
                found = Values.truth(condition.value(inner));
            }
            return found;
        }

        @Override
        public Object next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            found = false;
            return next;
        }
    }
}
